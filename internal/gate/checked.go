package gate

import (
	"context"
	"net/http"
	"net/netip"
)

// Checked is the root's mark on a request: Host, Origin and the address filter
// have been checked, so that a part mounted below it does not check twice.
type Checked struct {
	// Addr is the client's address.
	Addr netip.Addr
	// Recheck asks the address filter again. Nil has none.
	Recheck func() error
	// Upgrade checks what only a WebSocket handshake needs. Nil has been
	// checked already.
	Upgrade func(*http.Request) error
}

type checkedKey struct{}

// WithChecked marks a context. Only this module can: the package is internal.
func WithChecked(ctx context.Context, c Checked) context.Context {
	return context.WithValue(ctx, checkedKey{}, c)
}

func checkedFrom(ctx context.Context) (Checked, bool) {
	c, ok := ctx.Value(checkedKey{}).(Checked)
	return c, ok
}
