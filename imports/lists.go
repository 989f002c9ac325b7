package imports

import (
	"net/http"

	"github.com/pruvon/pruvon/internal/gate"
)

// targetInfo is a target as clients see it.
type targetInfo struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Accept   []Format `json:"accept"`
	MaxBytes *int64   `json:"max_bytes"`
	Lock     bool     `json:"lock"`
	// Files says that files on the server can be imported.
	Files bool `json:"files"`
	// Active counts imports that have not ended, of all users.
	Active int `json:"active"`
}

func (q *request) targets() error {
	if err := q.allow(http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	if err := q.admit(gate.ActionList); err != nil {
		return err
	}
	active := map[string]int{}
	for _, j := range q.h.list("", Access{Admin: true}) {
		if rec := j.record(); rec.State != StateDone {
			active[rec.Target]++
		}
	}
	list := []targetInfo{}
	for _, name := range q.h.cfg.names() {
		list = append(list, q.h.cfg.Targets[name].info(name, active[name]))
	}
	return q.reply(http.StatusOK, map[string]any{"imports": list})
}

func (t Target) info(name string, active int) targetInfo {
	i := targetInfo{Name: name, Title: t.Title, Accept: t.Accept, MaxBytes: sizeOrNull(t.MaxBytes), Lock: t.Lock, Files: t.Files != "", Active: active}
	if i.Accept == nil {
		i.Accept = []Format{}
	}
	return i
}

// collection is /{target}.
func (q *request) collection() error {
	switch q.r.Method {
	case http.MethodGet, http.MethodHead:
		if err := q.admit(gate.ActionList); err != nil {
			return err
		}
		t, err := q.h.target(q.r.Context(), q.target)
		if err != nil {
			return err
		}
		jobs := []Snapshot{}
		for _, j := range q.h.list(q.target, q.who.Access) {
			jobs = append(jobs, j.snapshot())
		}
		return q.reply(http.StatusOK, map[string]any{"target": t.info(q.target, countLive(jobs)), "imports": jobs})
	case http.MethodPost, http.MethodPut:
		return q.upload()
	default:
		return gate.MethodNotAllowed(q.w, http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut)
	}
}

func countLive(jobs []Snapshot) (n int) {
	for _, s := range jobs {
		if s.State != StateDone {
			n++
		}
	}
	return n
}
