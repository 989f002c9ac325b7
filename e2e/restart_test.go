package e2e_test

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

// What systemctl restart does to the people who are connected: a close frame with 1001, and no process
// of theirs is left.
func TestRestartEndsSessionsAndLeavesNothing(t *testing.T) {
	s := start(t, origins, targets, harness.NginxConfig{})
	var sockets []*harness.Socket
	for range 3 {
		socket := s.client().Dial(t, "/terminals/shell", "pruvon.terminal.v1")
		socket.SendText(hello)
		if _, _, err := socket.Next(); err != nil {
			t.Fatal(err)
		}
		socket.SendBinary([]byte("exec -a lingering-$$ sleep 1000 & trap '' HUP TERM; (setsid sleep 1001 &); echo started-$((1+1))\r"))
		sockets = append(sockets, socket)
	}
	for _, socket := range sockets {
		readUntil(t, socket, "started-2")
	}
	log := s.client().Dial(t, "/logs/app?tail=0", "pruvon.logs.v1")
	began := time.Now()
	if err := s.service.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for _, socket := range sockets {
		code, _, texts := socket.Closed()
		if code != 1001 {
			t.Errorf("a terminal was closed with %d, want 1001", code)
		}
		var exit struct{ Type, Reason string }
		if len(texts) > 0 {
			_ = json.Unmarshal([]byte(texts[len(texts)-1]), &exit)
		}
		if exit.Type != "exit" || exit.Reason != "shutdown" {
			t.Errorf("the last message was %+v, want an exit for shutdown", exit)
		}
	}
	if code, _, _ := log.Closed(); code != 1001 {
		t.Errorf("a log view was closed with %d, want 1001", code)
	}
	if code := s.service.ExitCode(); code != 0 {
		t.Errorf("the service ended with %d", code)
	}
	harness.Eventually(t, 5*time.Second, func() error { return harness.ProcessesIn(s.service.Dir) })
	keep(t, "Programs ignore every signal they can, or have left their session", "all of them are gone when the service has stopped",
		"%d sessions with such programs, gone %d ms after SIGTERM", len(sockets), time.Since(began).Milliseconds())
	s.service.Start(t)
	if answer := s.client().Get(t, "/whoami"); answer.Status != 200 {
		t.Errorf("after the restart: %d %s", answer.Status, answer.Body)
	}
}

// readUntil reads terminal output until it contains text.
func readUntil(t *testing.T, socket *harness.Socket, text string) {
	t.Helper()
	var output strings.Builder
	for !strings.Contains(output.String(), text) {
		binary, data, err := socket.Next()
		if err != nil {
			t.Fatalf("%v after %q", err, output.String())
		}
		if binary {
			output.Write(data)
		}
	}
}
