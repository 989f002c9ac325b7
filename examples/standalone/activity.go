package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/pruvon/pruvon"
)

// activity writes audit events as JSON lines. The file is opened anew for each
// event, so that it may be rotated by anyone at any time.
type activity struct {
	file string
	log  *slog.Logger
}

// activityLine is one line of activity.log.
type activityLine struct {
	At      time.Time  `json:"at"`
	Part    string     `json:"part"`
	Kind    string     `json:"kind"`
	User    string     `json:"user,omitempty"`
	Addr    netip.Addr `json:"addr,omitzero"`
	Name    string     `json:"name,omitempty"`
	ID      string     `json:"id,omitempty"`
	Outcome string     `json:"outcome,omitempty"`
	Detail  string     `json:"detail,omitempty"`
}

func openActivity(dir string, log *slog.Logger) (*activity, error) {
	a := &activity{file: filepath.Join(dir, "activity.log"), log: log}
	return a, a.append(nil) // a directory that cannot be written is found out now
}

func (a *activity) append(line []byte) error {
	f, err := os.OpenFile(a.file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// event is the library's Audit hook. The parts call it concurrently; one write
// with O_APPEND keeps lines whole.
func (a *activity) event(_ context.Context, e pruvon.Event) {
	line, err := json.Marshal(activityLine(e))
	if err == nil {
		err = a.append(append(line, '\n'))
	}
	if err != nil {
		a.log.Error("audit event not written", "error", err, "kind", e.Kind, "name", e.Name, "id", e.ID)
	}
}
