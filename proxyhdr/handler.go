package proxyhdr

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
)

type contextKey struct{}

// seen is what Wrap leaves in the context.
type seen struct {
	client   Client
	original *http.Request // with the headers as they arrived, for Explain
}

// FromContext returns the Client that Wrap found out, and whether there is one. The Hops are
// shared: do not change them.
func FromContext(ctx context.Context) (Client, bool) {
	s, ok := ctx.Value(contextKey{}).(*seen)
	if !ok {
		return Client{}, false
	}
	return s.client, true
}

// Wrap resolves each request, puts the Client into its context and hands it on, without the
// forwarding headers that are not believed: all of them if the peer is not trusted, else all but
// the one that was read, X-Forwarded-Proto, and X-Forwarded-Host and X-Real-IP where Config says
// so. Names are compared with "_" and "." taken for "-". They are removed on a shallow copy; the
// request that Wrap is given, its RemoteAddr and its Host stay as they are.
//
// A request without a client address is answered with 400 and a problem document (RFC 9457) that
// does not repeat what was sent.
func (rs *Resolver) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := rs.Resolve(r)
		if err != nil {
			rs.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, rs.prepare(r, c))
	})
}

// prepare returns the request that the wrapped handler sees.
func (rs *Resolver) prepare(r *http.Request, c Client) *http.Request {
	original := r
	c.Forwarded = IsForwarded(r.Header)
	// Behind another Wrap the evidence may be gone already.
	if outer, ok := r.Context().Value(contextKey{}).(*seen); ok {
		original = outer.original
		c.Forwarded = c.Forwarded || outer.client.Forwarded
	}
	r = r.WithContext(context.WithValue(r.Context(), contextKey{}, &seen{client: c, original: original}))
	if names := rs.disbelieved(r.Header, c.PeerTrusted); len(names) > 0 {
		kept := make(http.Header, len(r.Header))
		for name, values := range r.Header {
			kept[name] = values
		}
		for _, name := range names {
			delete(kept, name)
		}
		r.Header = kept
	}
	return r
}

const refusal = `{"type":"urn:pruvon:problem:client-address","title":"Bad Request","status":400,` +
	`"detail":"The address of the client could not be determined.",` +
	`"hint":"Check the X-Forwarded-For and X-Real-IP lines of the proxy's configuration; the server's log names the fault."}` + "\n"

func (rs *Resolver) refuse(w http.ResponseWriter, r *http.Request, err error) {
	attrs := []slog.Attr{slog.String("peer", strconv.QuoteToASCII(capped(r.RemoteAddr)))}
	if e, ok := err.(*Error); ok {
		attrs = append(attrs, slog.String("value", strconv.QuoteToASCII(e.Value)))
	}
	attrs = append(attrs, slog.Any("error", err))
	rs.log.LogAttrs(r.Context(), slog.LevelWarn, "request without a client address refused", attrs...)

	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(refusal)))
	w.WriteHeader(http.StatusBadRequest)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, refusal) // a client that is gone cannot be helped
	}
}
