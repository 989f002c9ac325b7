package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/e2e/harness"
)

// Out of pseudo-terminals: as with descriptors.
func TestPseudoTerminalsRunOut(t *testing.T) {
	if !harness.Isolated() {
		if !harness.Isolate(t) {
			t.Error("this test needs a mount namespace")
		}
		return
	}
	const most = 5
	harness.LoopbackUp(t)
	harness.Terminals(t, most)
	s := start(t, origins, targets, harness.NginxConfig{})
	open, refused := untilRefused(t, s, 4*most)
	if len(open) != most {
		t.Errorf("%d sessions of %d terminals", len(open), most)
	}
	goesOn(t, s, open)
	keep(t, "There are no pseudo-terminals left", "new sessions are refused with an answer, everything else goes on, and it passes",
		"%d refused of %d", refused, 4*most)
}

// Out of processes: RLIMIT_NPROC, which does not hold root, so the service is somebody else.
func TestProcessesRunOut(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("only root can start a service as somebody else, and root is not held by the limit")
	}
	// Its own threads are some of them.
	s := &stack{service: run.StartServiceAs(t, 65534, 45, origins, targets)}
	s.nginx = run.StartNginx(t, harness.NginxConfig{Upstream: s.service.Addr})
	run.Watch(t)
	open, refused := untilRefused(t, s, 60)
	if refused == 0 || len(open) == 0 {
		t.Fatalf("%d sessions and %d refusals", len(open), refused)
	}
	goesOn(t, s, open)
	keep(t, "There are no processes left", "new sessions are refused with an answer, everything else goes on, and it passes",
		"%d refused of %d", refused, 60)
}

// untilRefused tries to open so many sessions.
func untilRefused(t *testing.T, s *stack, tries int) (open []*harness.Socket, refused int) {
	t.Helper()
	for range tries {
		if socket := openOrRefused(t, s); socket != nil {
			open = append(open, socket)
		} else {
			refused++
		}
	}
	return open, refused
}

// goesOn uses the rest of the service, ends the sessions and opens one again.
func goesOn(t *testing.T, s *stack, open []*harness.Socket) {
	t.Helper()
	for _, path := range []string{"/healthz", "/whoami", "/terminals"} {
		if answer := s.client().Get(t, path); answer.Status != http.StatusOK {
			t.Errorf("%s says %d", path, answer.Status)
		}
	}
	path := filepath.Join(s.service.Dir, "app.log")
	appendLine(t, path, "a line")
	if text := s.client().Get(t, "/logs/app?follow=0").Body; !strings.Contains(text, "a line") {
		t.Errorf("the log is %q", text)
	}
	for _, socket := range open {
		socket.SendBinary([]byte("echo al''ive\r"))
		readUntil(t, socket, "alive")
		socket.SendBinary([]byte("exit\r"))
		socket.Closed()
	}
	again := openOrRefused(t, s)
	if again == nil {
		t.Fatal("a session is refused although there is room again")
	}
	again.SendBinary([]byte("exit\r"))
	again.Closed()
}
