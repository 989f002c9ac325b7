package gate

import (
	"fmt"
	"log/slog"
)

// HookError is a hook of the host that panicked. net/http recovers what
// happens while it serves a request, and then drops the connection without an
// answer; in a goroutine of ours a panic would end the whole program.
type HookError struct {
	Hook  string // as its field or method is named
	Value any    // what it panicked with
}

// Error names the hook and the value: text for a log.
func (e *HookError) Error() string { return fmt.Sprintf("the host's %s panicked: %v", e.Hook, e.Value) }

// Caught, deferred around a call of a hook, turns its panic into a
// [*HookError].
func Caught(hook string, err *error) {
	if v := recover(); v != nil {
		*err = &HookError{hook, v}
	}
}

// Logged, deferred around a call of a hook whose failure changes nothing,
// leaves its panic in the log.
func Logged(hook string, log *slog.Logger) {
	if v := recover(); v != nil {
		log.Error("a hook of the host panicked", "hook", hook, "panic", v)
	}
}
