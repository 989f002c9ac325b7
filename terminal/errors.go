package terminal

import (
	"errors"

	"github.com/pruvon/pruvon/internal/gate"
)

// ErrNotFound is what a Lookup returns for a name it does not know, and Kill
// for a session that does not run.
var ErrNotFound = errors.New("terminal: not found")

// ErrShutdown is returned once Shutdown has been called.
var ErrShutdown = errors.New("terminal: shut down")

// Errors of an Authorize hook; see [Config.Authorize].
var (
	ErrUnauthenticated = gate.ErrUnauthenticated
	ErrDenied          = gate.ErrDenied
)

// Reason says why a session or a connection to it ended. It stands in the exit
// message, in audit events and in metrics.
type Reason string

// The reasons.
const (
	// ReasonExited is a command that ended by itself.
	ReasonExited Reason = "exited"
	// ReasonKilled is a session ended by [Handler.Kill].
	ReasonKilled Reason = "killed"
	// ReasonIdle is a session without human input for too long.
	ReasonIdle Reason = "idle"
	// ReasonLifetime is a session that reached its greatest age.
	ReasonLifetime Reason = "lifetime"
	// ReasonRevoked is access that was denied, revoked or has expired.
	ReasonRevoked Reason = "revoked"
	// ReasonReplaced is a connection whose client has opened a new one.
	ReasonReplaced Reason = "replaced"
	// ReasonDetached is a session that nobody came back to, or a session id
	// that leads nowhere.
	ReasonDetached Reason = "detached"
	// ReasonShutdown is the end of the server.
	ReasonShutdown Reason = "shutdown"
	// ReasonStartFailed is a command that could not be started.
	ReasonStartFailed Reason = "start_failed"
	// ReasonFault is a fault of the server or of the connection.
	ReasonFault Reason = "fault"
)

// reasons are all of them, for the series of the metrics.
var reasons = [...]Reason{
	ReasonExited, ReasonKilled, ReasonIdle, ReasonLifetime, ReasonRevoked,
	ReasonReplaced, ReasonDetached, ReasonShutdown, ReasonStartFailed, ReasonFault,
}

// WebSocket close codes (RFC 6455 section 7.4.1; 1013 from the IANA registry).
const (
	closeEnded    = 1000
	closeShutdown = 1001
	closePolicy   = 1008
	closeFault    = 1011
	closeFull     = 1013
)

// closeCode is the close code that goes with a reason.
func closeCode(r Reason, retryable bool) int {
	switch r {
	case ReasonExited, ReasonKilled:
		return closeEnded
	case ReasonShutdown:
		return closeShutdown
	case ReasonStartFailed:
		if retryable {
			return closeFull
		}
		return closeFault
	case ReasonFault:
		return closeFault
	default:
		return closePolicy
	}
}
