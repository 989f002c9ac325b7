package wsconn

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"github.com/pruvon/pruvon/internal/gate"
)

// nginxHint names the lines that nginx needs: it forwards Sec-WebSocket-Key
// even where it drops the hop-by-hop Upgrade header.
const nginxHint = `a proxy dropped the Upgrade header; in nginx's location block: ` +
	`proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";`

// Wants reports whether the request asks for a WebSocket. Only Upgrade counts:
// a proxy may send "Connection: upgrade" with every request.
func Wants(r *http.Request) bool { return hasToken(r.Header["Upgrade"], "websocket") }

// Stripped returns the 426 for a handshake whose Upgrade header was lost on
// the way, or nil.
func Stripped(r *http.Request) *gate.Problem {
	if len(r.Header["Sec-Websocket-Key"]) == 0 || Wants(r) {
		return nil
	}
	return upgradeRequired("the request is a WebSocket handshake without its Upgrade header", nginxHint)
}

// CheckRequest refuses what is no good handshake, before anything is spawned
// for it: 405, 426, 400 and, behind middleware that hides the connection, 500.
func CheckRequest(w http.ResponseWriter, r *http.Request, o Options) *gate.Problem {
	if p := Stripped(r); p != nil {
		return withUpgradeHeader(w, p)
	}
	switch {
	case r.Method != http.MethodGet:
		return gate.MethodNotAllowed(w, http.MethodGet)
	case !Wants(r):
		return withUpgradeHeader(w, upgradeRequired("open this address with a WebSocket client", ""))
	case !r.ProtoAtLeast(1, 1) || r.ProtoMajor > 1:
		return withUpgradeHeader(w, upgradeRequired("a WebSocket needs HTTP/1.1 here", nginxHint))
	case !hasToken(r.Header["Connection"], "upgrade"):
		return withUpgradeHeader(w, upgradeRequired("the Connection header does not name Upgrade", nginxHint))
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		w.Header().Set("Sec-WebSocket-Version", "13") // RFC 6455 section 4.4
		return withUpgradeHeader(w, upgradeRequired("only WebSocket version 13 is spoken", ""))
	case !validKey(r.Header["Sec-Websocket-Key"]):
		return gate.BadRequest("Sec-WebSocket-Key must be 16 bytes in base64")
	}
	asked := tokens(r.Header["Sec-Websocket-Protocol"])
	switch {
	case len(asked) == 0 && !o.AllowNone:
		return gate.BadRequest("this resource speaks " + strings.Join(o.Subprotocols, ", ") + " only")
	case len(asked) > 0 && !slices.ContainsFunc(asked, func(t string) bool { return slices.Contains(o.Subprotocols, t) }):
		return gate.BadRequest("unknown subprotocol; this resource speaks " + strings.Join(o.Subprotocols, ", "))
	}
	return checkWriter(w)
}

// checkWriter finds out whether the ResponseWriter still leads to the
// connection: TimeoutHandler and wrappers without Unwrap hide it.
func checkWriter(w http.ResponseWriter) *gate.Problem {
	if err := http.NewResponseController(w).SetReadDeadline(noDeadline); err != nil {
		return &gate.Problem{
			Name: "wrapped-writer", Title: "Internal error", Status: http.StatusInternalServerError,
			Detail: "a middleware of the service hides the connection",
			Hint:   "mount this handler outside http.TimeoutHandler, and give ResponseWriter wrappers an Unwrap method",
			Err:    err,
		}
	}
	return nil
}

func upgradeRequired(detail, hint string) *gate.Problem {
	return &gate.Problem{
		Name: "upgrade-required", Title: "Upgrade required", Status: http.StatusUpgradeRequired, Detail: detail, Hint: hint,
	}
}

func withUpgradeHeader(w http.ResponseWriter, p *gate.Problem) *gate.Problem {
	w.Header().Set("Upgrade", "websocket") // RFC 9110 section 15.5.22
	w.Header().Set("Connection", "Upgrade")
	return p
}

func validKey(values []string) bool {
	if len(values) != 1 {
		return false
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(values[0]))
	return err == nil && len(b) == 16
}

func hasToken(values []string, token string) bool {
	return slices.ContainsFunc(tokens(values), func(t string) bool { return strings.EqualFold(t, token) })
}

func tokens(values []string) []string {
	var out []string
	for _, v := range values {
		for t := range strings.SplitSeq(v, ",") {
			if t = strings.Trim(t, " \t"); t != "" {
				out = append(out, t)
			}
		}
	}
	return out
}
