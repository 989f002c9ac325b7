// Package procgroup starts commands and ends them together with everything
// they started.
//
// A command that is ended by killing its process alone leaves behind what it
// put into the background. [Manager.Start] gives each command a session of its
// own, an unguessable mark in its environment and, where the kernel and the
// permissions allow it, a cgroup; [Group.End] uses all three to find what is
// left and repeats until nothing is.
//
//	m, err := procgroup.New(procgroup.Config{})
//	…
//	g, err := m.Start(ctx, procgroup.Spec{Cmd: exec.Command("sleep", "60")})
//	…
//	<-g.Done()                      // or earlier, to cut it short
//	survivors, err := g.End(ctx)    // always, also after the command has exited
//	…
//	err = m.Close()
//
// # Rules for callers
//
//   - Every group is ended with End, also one whose command exited by itself:
//     its background jobs are still there. Until then the exited command stays
//     a zombie on purpose, so that the kernel cannot give its process and
//     session number to somebody else while End looks for its members.
//   - Neither Wait nor Start of the exec.Cmd is called by anybody else. Pipes
//     made with StdoutPipe and StderrPipe stay open until End, so they can be
//     read to the end after Done.
//   - A Manager is used for as long as the program lives, one for each part.
//
// # Concurrency
//
// All methods of Manager and Group may be called from any goroutine. Waiting
// costs no OS thread and one descriptor for each group.
//
// # What a process can do about it
//
// A process that leaves the session, clears its environment, changes its
// parent and runs where no cgroup could be made is not found. That is a
// program which hides on purpose; one that merely becomes a daemon is found.
package procgroup
