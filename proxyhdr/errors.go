package proxyhdr

import (
	"errors"
	"strconv"
)

// The reasons why a request has no client address. Match them with errors.Is; the error itself is
// an *Error.
var (
	// ErrPeer: the TCP peer's own address is unknown, or the peer is on a Unix domain socket
	// that is not trusted.
	ErrPeer = errors.New("the peer has no address")
	// ErrMalformed: an element that the walk had to read does not follow the field's grammar.
	ErrMalformed = errors.New("malformed element")
	// ErrNoAddress: an element that the walk had to read names no address ("unknown", an
	// obfuscated identifier of RFC 7239 section 6.3, the "unix:" of nginx), or a trusted peer on
	// a Unix domain socket sent no element at all.
	ErrNoAddress = errors.New("no address")
	// ErrTooLong: more elements than MaxHops, or more padding between elements than any proxy
	// writes.
	ErrTooLong = errors.New("too many elements or too much padding")
	// ErrConflict: two fields, or two lines of a field that holds one address, contradict each
	// other.
	ErrConflict = errors.New("contradicting addresses")
)

// Error is what Resolve returns. Its text holds nothing that the client sent, so that it can be
// shown; Value does, and belongs into a log, quoted.
type Error struct {
	// Reason is one of ErrPeer, ErrMalformed, ErrNoAddress, ErrTooLong and ErrConflict.
	Reason error
	// Header is the field that was read, or "" when it is about the peer.
	Header string
	// Position counts the elements from the right, that is from the nearest proxy, starting at 1;
	// 0 when the error is not about an element.
	Position int
	// Value is what stood there, cut to 64 bytes. It comes from outside and may hold anything.
	Value string
}

// Error says what is wrong and where, without the value.
func (e *Error) Error() string {
	text := "proxyhdr: " + e.Reason.Error()
	if e.Header != "" {
		text += " in " + e.Header
	}
	if e.Position > 0 {
		text += ", element " + strconv.Itoa(e.Position) + " from the right"
	}
	return text
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Reason }

// maxShown is how much of a client's text is kept for logs and explanations.
const maxShown = 64

func capped(s string) string {
	if len(s) > maxShown {
		return s[:maxShown]
	}
	return s
}
