package pruvon

import (
	"encoding/json"
	"net/http"

	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/proxyhdr"
)

// whoami is the answer of /whoami.
type whoami struct {
	proxyhdr.Explanation
	// Filter is "off" or "allowed": whom the filter denies gets no answer here.
	Filter string `json:"filter"`
	// User is who Authorize takes the client for; empty for nobody.
	User string `json:"user,omitempty"`
	// Why is the Reason as a sentence.
	Why string `json:"why"`
}

// reasons are sentences for people. A request whose client cannot be found is
// answered before it comes here.
var reasons = map[proxyhdr.Reason]string{
	proxyhdr.ReasonDirect:     "The connection comes straight from you: its other end is no trusted proxy, so nothing that a header says is believed.",
	proxyhdr.ReasonNoHeader:   "The connection comes from an address that is trusted as a proxy, but it named nobody else. You are taken for that address.",
	proxyhdr.ReasonWalked:     "The proxy is trusted, and the first address in its header, from the right, that is not a proxy's is you.",
	proxyhdr.ReasonAllTrusted: "Every address in the header is a trusted proxy's; the leftmost is taken for you.",
	proxyhdr.ReasonSingle:     "The proxy is trusted, and its header names one address: you.",
}

// serveWhoami explains who the client is to this service. It is meant for the
// operator whose allowlist does not do what it should, so it does not need
// Authorize's leave; it tells the client nothing but what it sent and what its own
// proxies added.
func (a *App) serveWhoami(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		gate.MethodNotAllowed(w, http.MethodGet, http.MethodHead).Write(w, r)
		return
	}
	answer := whoami{Explanation: a.proxy.Explain(r), Filter: "off"}
	answer.Why = reasons[answer.Reason]
	if a.filter != nil {
		answer.Filter = "allowed"
	}
	if p, err := a.guard.Admit(r, Resource{Action: ActionView}); err == nil {
		answer.User = p.User
	}
	w.Header().Set("Vary", "Accept")
	if gate.WantsHTML(r) {
		writeWhoamiPage(w, r, answer)
		return
	}
	writeJSON(w, r, answer)
}

func (a *App) serveHealthz(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		gate.MethodNotAllowed(w, http.MethodGet, http.MethodHead).Write(w, r)
		return
	}
	writeJSON(w, r, map[string]string{"status": "ok"})
}

func writeJSON(w http.ResponseWriter, r *http.Request, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		gate.AsProblem(err).Write(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodHead {
		_, _ = w.Write(append(body, '\n'))
	}
}
