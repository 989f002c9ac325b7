package terminal

import (
	"context"
	"net/http"

	"github.com/pruvon/pruvon/internal/gate"
)

// remove answers DELETE with ?session=ID: it ends that session, attached or
// not, and answers 204 when nothing of it runs any more. It is for the
// session's user and for an Admin; to others there is no such session. A
// client whose connection is lost meanwhile does not stop the ending.
func (h *Handler) remove(w http.ResponseWriter, r *http.Request) error {
	name, err := h.name(r)
	if err != nil {
		return err
	}
	id := r.URL.Query().Get("session")
	if id == "" || len(id) > idMax {
		return gate.BadRequest("the query names the session: ?session=ID")
	}
	who, err := h.guard.Admit(r, gate.Resource{Name: name, ID: id, Action: gate.ActionDelete})
	if err == nil && who.ReadOnly {
		err = gate.Forbidden("read-only", "you may watch, not end a session", "")
	}
	s := h.reg.get(id)
	if err == nil && (s == nil || s.name != name || s.owner.User != who.User && !who.Admin || !s.live()) {
		err = gate.NotFound("no such session: it has ended, or it is not yours")
	}
	if err != nil {
		if p := gate.AsProblem(err); p.Status != http.StatusServiceUnavailable {
			h.guard.Audit(r.Context(), gate.Event{
				Kind: "denied", User: who.User, Addr: who.Addr, Name: name, ID: id, Outcome: p.Name,
			})
		}
		return err
	}
	h.audit(s, "kill", who, "", "")
	s.end(context.Background(), ReasonKilled) // one that ends already is waited for
	select {
	case <-s.done:
	case <-r.Context().Done():
		return nil
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
