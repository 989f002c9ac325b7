package terminal

import (
	"cmp"
	"encoding/json"
	"net/http"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
)

type listedTerminal struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	ReadOnly bool   `json:"read_only"`
}

type listedSession struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	User        string    `json:"user"`
	Started     time.Time `json:"started"`
	Attached    int       `json:"attached"`
	Writer      string    `json:"writer"`
	KeepDaemons bool      `json:"keep_daemons"`
}

// List answers GET with the terminals and the sessions that the client may
// see: its user's own, all of them for an Admin.
//
//	{"terminals": [{"name", "title", "read_only"}],
//	 "sessions":  [{"id", "name", "user", "started", "attached", "writer", "keep_daemons"}]}
//
// attached is the number of connections, writer the user who may type now or
// the empty string; keep_daemons says what an end of the session leaves running.
// Terminals that only a Lookup knows are not listed.
func (h *Handler) List(w http.ResponseWriter, r *http.Request) {
	who, err := h.mayList(w, r)
	if err != nil {
		gate.AsProblem(err).Write(w, r)
		return
	}
	body := struct {
		Terminals []listedTerminal `json:"terminals"`
		Sessions  []listedSession  `json:"sessions"`
	}{[]listedTerminal{}, []listedSession{}}
	for _, name := range sortedNames(h.cfg.Terminals) {
		t := h.cfg.Terminals[name]
		body.Terminals = append(body.Terminals, listedTerminal{name, cmp.Or(t.Title, name), t.ReadOnly || who.ReadOnly})
	}
	for i := range h.Sessions() {
		if i.User == who.User || who.Admin {
			body.Sessions = append(body.Sessions, listedSession{i.ID, i.Name, i.User, i.Started, i.Attached, i.Writer, i.KeepDaemons})
		}
	}
	head := w.Header()
	head.Set("Content-Type", "application/json")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(body)
	}
}

func (h *Handler) mayList(w http.ResponseWriter, r *http.Request) (gate.Principal, error) {
	if err := h.guard.Check(r); err != nil {
		return gate.Principal{}, err
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return gate.Principal{}, gate.MethodNotAllowed(w, http.MethodGet, http.MethodHead)
	}
	return h.guard.Admit(r, gate.Resource{Action: gate.ActionList})
}
