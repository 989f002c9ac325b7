package pruvon

import "github.com/pruvon/pruvon/internal/gate"

// The types and errors of the hooks, the same in every part.
type (
	// Access is what Authorize grants for one resource.
	Access = gate.Access
	// Resource is what a request is about.
	Resource = gate.Resource
	// Action is what the request wants to do with it.
	Action = gate.Action
	// Event is one line of the audit trail.
	Event = gate.Event
)

// The actions of a [Resource].
const (
	ActionList   = gate.ActionList
	ActionAttach = gate.ActionAttach
	ActionView   = gate.ActionView
	ActionUpload = gate.ActionUpload
	ActionCancel = gate.ActionCancel
	ActionRetry  = gate.ActionRetry
	ActionDelete = gate.ActionDelete
)

// What Authorize may return, alone or wrapped: 401 and 403. Any other error is
// answered with 503.
var (
	ErrUnauthenticated = gate.ErrUnauthenticated
	ErrDenied          = gate.ErrDenied
)
