package terminal

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"os"
	"time"
)

// Size is a terminal's size in character cells.
type Size struct {
	Cols, Rows int
}

func (s Size) valid() bool {
	return s.Cols >= 1 && s.Cols <= sizeMax && s.Rows >= 1 && s.Rows <= sizeMax
}

// Start is what a terminal's Command or Open is told about the session that it
// is to start.
type Start struct {
	// Name is the terminal's name.
	Name string
	// User is the operator, as Authorize named it.
	User string
	// Size is the size of the client's window.
	Size Size
	// Request is the request that opened the session, for values that the
	// host has put into its context. Its body must not be read.
	Request *http.Request
}

// Exit is how a process ended.
type Exit struct {
	// Code is the exit code, -1 when a signal ended the process or the code
	// is not known.
	Code int
	// Signal is the name of the signal that ended the process without its
	// SIG, as in RFC 4254 section 6.10 ("KILL"); empty when none did.
	Signal string
}

// Process is a running program behind a terminal: a local command, a shell in
// a container, a session on another host. Read and Write carry the terminal's
// bytes; Read returns an error once the output has ended. Close ends a Read or
// Write that is under way. All methods are called concurrently.
type Process interface {
	io.ReadWriteCloser
	// Resize tells the program the size of its terminal.
	Resize(Size) error
	// Signal sends a signal to the program itself.
	Signal(os.Signal) error
	// Wait returns when the program has exited. Output may still be read
	// afterwards. It is called once.
	Wait() (Exit, error)
	// End ends the program and everything it started, and returns how many
	// processes are left. It is called also after Wait has returned, and once
	// more, with another ten seconds, if it has failed because ctx had ended.
	End(context.Context) (survivors int, err error)
}

// Echoer is implemented by a [Process] that knows whether its terminal shows
// what is typed. A password prompt does not: ECHO is off and ICANON is on
// (termios(3)). What is typed to a Process that is no Echoer is not recorded.
type Echoer interface {
	Echoes() bool
}

// Info describes a session.
type Info struct {
	// ID is unguessable and names the session on the wire and in audit events.
	ID string
	// Name is the terminal's name.
	Name string
	// User is whose session it is.
	User string
	// Addr is where it was opened from.
	Addr netip.Addr
	// Started is when.
	Started time.Time
	// Size is the terminal's size.
	Size Size
	// Attached is the number of connections.
	Attached int
	// Writer is the user who may type now; empty while nobody may.
	Writer string
	// LastInput is when somebody last typed.
	LastInput time.Time
	// KeepDaemons says whether the end leaves what has left the session.
	KeepDaemons bool
}
