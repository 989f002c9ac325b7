package gate

import (
	"errors"
	"net/http"
	"net/netip"
	"time"
)

// Access is what the host's Authorize hook grants for one resource.
type Access struct {
	// User names the operator in audit events and per-user caps. It may be
	// empty when the host knows no users.
	User string
	// Admin sees and may watch what belongs to other users.
	Admin bool
	// ReadOnly watches but never writes: terminal input, uploads, cancel.
	ReadOnly bool
	// Until ends the grant: attached and detached sessions alike are ended
	// when it passes. The zero value never does.
	Until time.Time
}

// Action is what a request wants to do with a [Resource].
type Action string

// The actions an Authorize hook is asked about.
const (
	ActionList   Action = "list"
	ActionAttach Action = "attach"
	ActionView   Action = "view"
	ActionUpload Action = "upload"
	ActionCancel Action = "cancel"
	ActionRetry  Action = "retry"
	ActionDelete Action = "delete"
)

// Resource is what a request is about. Name is a configured name (a terminal,
// a log, an import target); it is empty for lists. ID is the id of a session
// or an import and is empty while there is none.
type Resource struct {
	Part   string
	Name   string
	ID     string
	Action Action
}

// AuthorizeFunc asks the host application. [ErrUnauthenticated] is answered
// with 401, [ErrDenied] with 403, any other error with 503: deny on doubt, and
// say that the fault is ours. It may be called concurrently, and again with
// the request that opened a stream while that stream lives.
type AuthorizeFunc = func(*http.Request, Resource) (Access, error)

// Errors an Authorize hook may return, alone or wrapped.
var (
	ErrUnauthenticated = errors.New("not authenticated")
	ErrDenied          = errors.New("denied")
)

// Errors that say why a stream must end.
var (
	// ErrExpired is the end of a grant: [Access.Until] has passed.
	ErrExpired = errors.New("access has expired")
	// ErrUnavailable is a hook that gave no verdict for a minute.
	ErrUnavailable = errors.New("authorization has been unavailable for too long")
)

// Principal is an admitted client: what it may do, and where it comes from.
type Principal struct {
	Access
	Addr netip.Addr
}

// Event is one line of the audit trail. The fields hold names and outcomes
// only: never terminal bytes, tokens or query strings.
type Event struct {
	At      time.Time
	Part    string
	Kind    string
	User    string
	Addr    netip.Addr
	Name    string
	ID      string
	Outcome string
	Detail  string
}

// Peer is what is known of the TCP peer behind a request before any header is
// believed.
type Peer struct {
	// Trusted says that the peer is a configured proxy.
	Trusted bool
	// Forwarded says that the request arrived with a forwarding header of
	// any kind, believed or not.
	Forwarded bool
}
