package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pruvon/pruvon"
	"github.com/pruvon/pruvon/imports"
	"github.com/pruvon/pruvon/ipfilter"
	"github.com/pruvon/pruvon/logs"
	"github.com/pruvon/pruvon/terminal"

	"github.com/pruvon/pruvon/e2e/harness"
)

// panicky is a host whose hooks panic one at a time.
type panicky struct {
	*host
	t        *testing.T // of the hook that is being tried
	dir, log string
	boom     atomic.Pointer[string]
}

// in panics in the hook that is to be tried.
func (p *panicky) in(hook string) {
	if now := p.boom.Load(); now != nil && *now == hook {
		panic("the host's bug in " + hook)
	}
}

func (p *panicky) shell() *exec.Cmd {
	cmd := exec.Command("/bin/bash", "--norc", "--noprofile")
	cmd.Dir = p.dir
	return cmd
}

func (p *panicky) config() pruvon.Config {
	shell := terminal.Terminal{Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
		p.in("Terminal.Command")
		return p.shell(), nil
	}}
	count := imports.Target{
		Importer: imports.Command(func(context.Context, imports.Info) (*exec.Cmd, error) {
			p.in("imports.Command")
			return exec.Command("/bin/sh", "-c", "wc -c; echo secret"), nil
		}, func(s imports.ExitStatus) imports.Verdict {
			p.in("ExitPolicy")
			return imports.ExitZero(s)
		}),
		Detect: func([]byte) imports.Format { p.in("Detect"); return imports.FormatUnknown },
	}
	return pruvon.Config{
		Authorize: func(*http.Request, pruvon.Resource) (pruvon.Access, error) {
			p.in("Authorize")
			return pruvon.Access{}, nil
		},
		Revalidate: 200 * time.Millisecond,
		Audit:      func(context.Context, pruvon.Event) { p.in("Audit") },
		Filter: &ipfilter.Config{
			File: filepath.Join(p.dir, "allow.conf"), Poll: 50 * time.Millisecond,
			OnDeny: func(*http.Request, netip.Addr, ipfilter.Decision) { p.in("OnDeny") },
		},
		Terminal: &terminal.Config{
			Terminals: map[string]terminal.Terminal{
				"shell": shell,
				"open":  {Open: func(context.Context, terminal.Start) (terminal.Process, error) { panic("the host's bug in Open") }},
			},
			Lookup: func(context.Context, string) (terminal.Terminal, error) { p.in("terminal.Lookup"); return shell, nil },
			Record: func(terminal.Info) (io.WriteCloser, error) { p.in("Record"); return cassette{p}, nil },
		},
		Logs: &logs.Config{
			Sources: map[string]logs.Source{"app": logs.File(p.log), "own": tape{p}},
			Lookup:  func(context.Context, string) (logs.Source, error) { p.in("logs.Lookup"); return nil, logs.ErrNotFound },
			Redact:  func(line []byte) []byte { p.in("logs.Redact"); return line },
		},
		Imports: &imports.Config{
			Dir: filepath.Join(p.dir, "imports"), ReserveFree: -1,
			Targets: map[string]imports.Target{
				"count": count,
				"own":   {Importer: imports.ImporterFunc(func(context.Context, io.Reader, *imports.Job) error { p.in("Importer"); return nil })},
			},
			Lookup: func(context.Context, string) (imports.Target, error) { p.in("imports.Lookup"); return count, nil },
			Redact: func(text []byte) []byte {
				if bytes.Contains(text, []byte("secret")) {
					p.in("imports.Redact")
				}
				return text
			},
			XZ: func(context.Context) (*exec.Cmd, error) { p.in("XZ"); return exec.Command("xz", "-dc"), nil },
		},
	}
}

// cassette takes recordings.
type cassette struct{ p *panicky }

func (c cassette) Write(b []byte) (int, error) { c.p.in("recording's Write"); return len(b), nil }
func (c cassette) Close() error                { c.p.in("recording's Close"); return nil }

// tape is a source of logs.
type tape struct{ p *panicky }

func (s tape) Follow(ctx context.Context, _ logs.Position, out logs.Sink) error {
	s.p.in("Source.Follow")
	if err := out.Line([]byte("from a source of the host's own"), time.Time{}, logs.Stdout, nil); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// refused expects a problem document.
func (p *panicky) refused(method, path, body string, want int) {
	p.t.Helper()
	checkProblem(p.t, harness.Send(p.t, p.client().HTTP, method, harness.Origin+path, body, "Origin: "+harness.Origin), want)
}

// types opens a shell and uses it: the hook's panic must not show.
func (p *panicky) types() {
	p.t.Helper()
	socket := p.client().Dial(p.t, "/terminals/shell", "pruvon.terminal.v1")
	socket.SendText(hello)
	socket.SendBinary([]byte("echo al''ive\r"))
	readUntil(p.t, socket, "alive")
	socket.SendBinary([]byte("exit\r"))
	if code, _, _ := socket.Closed(); code != 1000 {
		p.t.Errorf("the session was closed with %d", code)
	}
}

// closes opens a socket and expects that it is closed with a code.
func (p *panicky) closes(path, subprotocol, first string, want int) {
	p.t.Helper()
	socket := p.client().Dial(p.t, path, subprotocol)
	if first != "" {
		socket.SendText(first)
	}
	code, _, texts := socket.Closed()
	if code != want {
		p.t.Errorf("closed with %d, want %d, after %q", code, want, texts)
	}
	if strings.Contains(strings.Join(texts, ""), "bug") {
		p.t.Errorf("the client is told what the hook panicked with: %q", texts)
	}
}

// imported expects that an import ends with an outcome.
func (p *panicky) imported(target, body, want string) {
	p.t.Helper()
	answer := harness.Send(p.t, p.client().HTTP, http.MethodPost, harness.Origin+"/imports/"+target, body, "Origin: "+harness.Origin)
	if answer.Status != http.StatusAccepted {
		p.t.Fatalf("%d %s", answer.Status, answer.Body)
	}
	if j := done(p.t, p.client(), location("/imports/"+target, answer.Header.Get("Location")), 10*time.Second); j.Outcome != want {
		p.t.Errorf("the import %s (%+v), want %s", j.Outcome, j.Problem, want)
	}
}

// deniedWhileWatching takes the client off the list while its streams live: the hook then panics in no
// request's goroutine.
func (p *panicky) deniedWhileWatching() {
	p.t.Helper()
	session := p.client().Dial(p.t, "/terminals/shell", "pruvon.terminal.v1")
	session.SendText(hello)
	log := p.client().Dial(p.t, "/logs/app", "pruvon.logs.v1")
	p.allow("127.0.0.1")
	for name, socket := range map[string]*harness.Socket{"terminal": session, "log": log} {
		if code, _, _ := socket.Closed(); code != 1008 {
			p.t.Errorf("the %s was closed with %d, want 1008", name, code)
		}
	}
	p.refused(http.MethodGet, "/whoami", "", http.StatusForbidden)
	p.allow("127.0.0.0/8")
	harness.Eventually(p.t, 5*time.Second, func() error {
		if answer := p.client().Get(p.t, "/whoami"); answer.Status != http.StatusOK {
			return fmt.Errorf("/whoami says %d", answer.Status)
		}
		return nil
	})
}

func (p *panicky) allow(prefix string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "allow.conf"), []byte("allow "+prefix+";\ndeny all;\n"), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// A bug in the host's own functions is answered, ends what asked for it and nothing else, and never the
// host: also where the library calls the function in a goroutine of its own.
func TestPanicInEachHook(t *testing.T) {
	dir := run.Sub(t)
	p := &panicky{t: t, dir: dir, log: filepath.Join(dir, "app.log")}
	p.allow("127.0.0.0/8")
	appendLine(t, p.log, "a line")
	var part *logs.Handler // mounted alone: ClientIP is not the app's to fill there
	p.host = startHost(t, p.config(), func(mux *http.ServeMux) {
		alone, err := logs.New(logs.Config{
			Sources: map[string]logs.Source{"app": logs.File(p.log)}, Origins: []string{harness.Origin}, Logger: slog.New(slog.DiscardHandler),
			Authorize: func(*http.Request, logs.Resource) (logs.Access, error) { return logs.Access{}, nil },
			ClientIP:  func(*http.Request) (netip.Addr, error) { p.in("ClientIP"); return netip.ParseAddr("192.0.2.1") },
		})
		if err != nil {
			t.Fatal(err)
		}
		part = alone
		mux.Handle("/alone/{name}", alone)
	}, harness.NginxConfig{})
	hooks := []struct {
		hook string
		try  func()
	}{
		{"Authorize", func() { p.refused("GET", "/logs/app?follow=0", "", 503) }},
		{"Audit", p.types},
		{"ClientIP", func() { p.refused("GET", "/alone/app?follow=0", "", 500) }},
		{"OnDeny", p.deniedWhileWatching},
		{"terminal.Lookup", func() {
			_, answer, err := harness.DialURL(t, p.client().HTTP, harness.Origin+"/terminals/x", "pruvon.terminal.v1", "Origin: "+harness.Origin)
			if err == nil {
				t.Fatal("the socket was opened")
			}
			checkProblem(t, answer, 503)
		}},
		{"logs.Lookup", func() { p.refused("GET", "/logs/x", "", 503) }},
		{"imports.Lookup", func() { p.refused("POST", "/imports/x", "body", 500) }},
		{"Terminal.Command", func() { p.closes("/terminals/shell", "pruvon.terminal.v1", hello, 1011) }},
		{"Terminal.Open", func() { p.closes("/terminals/open", "pruvon.terminal.v1", hello, 1011) }},
		{"Record", p.types},
		{"recording's Write", p.types},
		{"recording's Close", p.types},
		{"Source.Follow", func() { p.closes("/logs/own", "pruvon.logs.v1", "", 1011) }},
		{"logs.Redact", func() { p.closes("/logs/app", "pruvon.logs.v1", "", 1011) }},
		{"Detect", func() { p.refused("POST", "/imports/count", "body", 500) }},
		{"XZ", func() { p.refused("POST", "/imports/count", "\xfd7zXZ\x00 and more", 500) }},
		{"imports.Command", func() { p.imported("count", "body", "failed") }},
		{"ExitPolicy", func() { p.imported("count", "body", "failed") }},
		{"imports.Redact", func() { p.imported("count", "body", "succeeded_with_warnings") }},
		{"Importer", func() { p.imported("own", "body", "failed") }},
	}
	for _, h := range hooks {
		t.Run(h.hook, func(t *testing.T) {
			p.t = t
			p.boom.Store(&h.hook)
			h.try()
			p.boom.Store(nil)
		})
	}
	p.t = t
	p.types()
	p.imported("count", "body", "succeeded")
	viewer := p.client().Stream(t, "/logs/own", "Accept: application/x-ndjson")
	viewer.Find("from a source of the host's own")
	p.client().Stream(t, "/alone/app", "Accept: text/plain").Find("a line")
	if err := part.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	p.stop()
	nothingLeft(t, dir)
	keep(t, "A function of the host's panics", "the request gets a problem document or its stream 1011, the host goes on, nothing is left",
		"%d hooks, one after the other", len(hooks))
}
