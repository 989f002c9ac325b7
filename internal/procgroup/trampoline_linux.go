package procgroup

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A trampoline gives a child the default signal dispositions back.
//
// A host started under nohup ignores SIGHUP; one started in the background of
// a script ignores SIGINT and SIGQUIT. An ignored signal stays ignored across
// fork and exec (execve(2)), Go resets only those it handles, and a shell may
// not even trap one that was ignored when it was started (POSIX sh, trap). The
// terminal's Ctrl-C would be dead and a hangup would end nothing. A library
// can neither change the host's dispositions, which are the whole process's,
// nor run code between fork and exec, so the child is started through env(1),
// which knows how since coreutils 8.31 and executes the command in its place.
// It is used only when there is something to reset; it costs one exec.
//
// Where there is no such env the signals stay ignored, a warning says so, and
// the ending relies on SIGTERM and SIGKILL.
type trampoline struct {
	once  sync.Once
	path  string // "" = there is none
	argv0 bool   // it can set the command's argv[0] (coreutils 9.5)
}

const trampolineTimeout = 5 * time.Second

func (t *trampoline) probe(h hostState, log *slog.Logger) {
	for _, path := range []string{"/usr/bin/env", "/bin/env"} {
		if !resets(path) {
			continue
		}
		t.path, t.argv0 = path, resets(path, "--argv0=cat")
		log.Info("procgroup: the host ignores or blocks signals; commands are started through env, which resets them",
			"signals", strings.Join(h.names(), ", "), "env", path)
		return
	}
	log.Warn("procgroup: the host ignores or blocks signals and no env with --default-signal (coreutils 8.31) was found; commands inherit that",
		"signals", strings.Join(h.names(), ", "))
}

// resets tries whether path does what its option says, with the dispositions
// that are to be reset: a child shows its own.
func resets(path string, more ...string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), trampolineTimeout)
	defer cancel()
	args := append([]string{"--default-signal"}, more...)
	cmd := exec.CommandContext(ctx, path, append(args, "--", "cat", "/proc/self/status")...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return false
	}
	h, size := parseStatus(out)
	return size > 0 && !h.dirty()
}

// wrap rewrites cmd to go through the trampoline. It reports false, and leaves
// cmd alone, where that would change more than the signals: in a chroot there
// may be no env, env takes a path with "=" for an assignment, and an old one
// cannot pass on an argv[0] with a meaning of its own, such as "-bash".
func (t *trampoline) wrap(cmd *exec.Cmd) bool {
	if t.path == "" || cmd.SysProcAttr.Chroot != "" || strings.Contains(cmd.Path, "=") {
		return false
	}
	args := []string{"env", "--default-signal"}
	if len(cmd.Args) > 0 && filepath.Base(cmd.Args[0]) != filepath.Base(cmd.Path) {
		if !t.argv0 {
			return false
		}
		args = append(args, "--argv0="+cmd.Args[0])
	}
	path := cmd.Path
	if !strings.Contains(path, "/") {
		path = "./" + path // env would search PATH where execve does not
	}
	args = append(args, "--", path)
	if len(cmd.Args) > 1 {
		args = append(args, cmd.Args[1:]...)
	}
	cmd.Path, cmd.Args = t.path, args
	return true
}
