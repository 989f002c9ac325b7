package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

// sessions are the running sessions as the service lists them.
func sessions(t *testing.T, client *harness.Client) []openSession {
	t.Helper()
	return sessionsAt(t, client, harness.Origin)
}

// openSession is a running session as the service lists it.
type openSession struct {
	ID       string
	Attached int
}

// sessionsAt asks the service at a URL.
func sessionsAt(t *testing.T, client *harness.Client, base string) (list []openSession) {
	t.Helper()
	answer := harness.Send(t, client.HTTP, http.MethodGet, base+"/terminals", "")
	var body struct{ Sessions json.RawMessage }
	if err := json.Unmarshal([]byte(answer.Body), &body); err != nil {
		t.Fatalf("%v: %d %s", err, answer.Status, answer.Body)
	}
	if err := json.Unmarshal(body.Sessions, &list); err != nil {
		t.Fatalf("%v: %s", err, answer.Body)
	}
	return list
}

// attached waits until the only session has the given number of connections and returns how long that
// took.
func attached(t *testing.T, client *harness.Client, want int) time.Duration {
	t.Helper()
	started := time.Now()
	harness.Eventually(t, 10*time.Second, func() error {
		if list := sessions(t, client); len(list) != 1 || list[0].Attached != want {
			return fmt.Errorf("the sessions are %+v", list)
		}
		return nil
	})
	return time.Since(started)
}

func TestClientThatVanishesLeavesItsSessionDetached(t *testing.T) {
	s := start(t, origins, targets, harness.NginxConfig{})
	a := &attachment{t: t, client: s.client(), name: "shell", out: io.Discard}
	a.attach()
	attached(t, s.client(), 1)
	_ = a.socket.CloseNow() // no close frame: the TCP connection ends
	noticed := attached(t, s.client(), 0)
	a.attach()
	if a.replay != "exact" {
		t.Errorf("replay %q", a.replay)
	}
	attached(t, s.client(), 1)
	keep(t, "The browser is killed", "the session is detached, and goes on exactly where it was",
		"noticed within %d ms", noticed.Milliseconds())
}

func TestSessionOutlivesNginx(t *testing.T) {
	s := start(t, origins, targets, harness.NginxConfig{})
	a := &attachment{t: t, client: s.client(), name: "shell", out: io.Discard}
	a.attach()
	const restarts = 3
	for range restarts {
		s.nginx.KillAll(t)
		if err := a.pump(true, func() bool { return true }); err == nil {
			t.Fatal("the connection outlived nginx")
		}
		s.nginx.Restart(t)
		a.attach()
		if a.replay != "exact" {
			t.Errorf("replay %q", a.replay)
		}
	}
	keep(t, "nginx is killed and started again", "each session is found again, no byte lost or doubled", "%d of %d times", restarts, restarts)
}

func TestServiceRestartsUnderNginx(t *testing.T) {
	s := start(t, origins, targets+waitingImport+"limits: {shutdown_timeout: 6s}\n", harness.NginxConfig{})
	restarts := 3
	if harness.Full() {
		restarts = 20
	}
	var longest time.Duration
	path := upload(t, s.client(), "wait", []byte("imported in the end"))
	for range restarts {
		running(t, s.client(), path)
		a := &attachment{t: t, client: s.client(), name: "shell", out: io.Discard}
		a.attach()
		began := time.Now()
		if err := s.service.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := a.pump(true, func() bool { return true }); err != nil || a.exit == nil || a.exit.Reason != "shutdown" {
			t.Fatalf("the session ended with %+v (%v)", a.exit, err)
		}
		if code, _, _ := a.socket.Closed(); code != 1001 {
			t.Errorf("closed with %d, want 1001", code)
		}
		if code := s.service.ExitCode(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		longest = max(longest, time.Since(began))
		if answer := s.client().Get(t, "/whoami"); answer.Status != http.StatusBadGateway {
			t.Errorf("while it is down nginx says %d, want 502", answer.Status)
		}
		if err := harness.ProcessesIn(s.service.Dir); err != nil {
			t.Error(err)
		}
		s.service.Start(t)
		if answer := s.client().Get(t, "/whoami"); answer.Status != http.StatusOK {
			t.Errorf("the first request after the start gets %d", answer.Status)
		}
		retryInterrupted(t, s.client(), path)
	}
	succeedsNow(t, s, path)
	keep(t, "The service is restarted under nginx", "close 1001 and a last message, exit 0, no process left, the next request is served; an import that is cut short is known and can be tried again",
		"%d of %d times, stopped within %d ms, an import given 1 s to end included; its last try succeeded", restarts, restarts, longest.Milliseconds())
}

// waitingImport does not end before its service's folder holds a file called go.
const waitingImport = `  wait: {command: [/bin/sh, -c, "cat >/dev/null; until [ -e go ]; do sleep 0.02; done"], dir: "{{DIR}}"}
`

// running waits until an import runs.
func running(t *testing.T, client *harness.Client, path string) {
	t.Helper()
	harness.Eventually(t, 10*time.Second, func() error {
		if j := snapshot(t, client, path); j.State != "running" {
			return fmt.Errorf("the import is %s", j.State)
		}
		return nil
	})
}

// retryInterrupted expects that an import was interrupted and starts it again without another upload.
func retryInterrupted(t *testing.T, client *harness.Client, path string) {
	t.Helper()
	if j := done(t, client, path, 10*time.Second); j.Outcome != "interrupted" {
		t.Errorf("the import is %s, want interrupted", j.Outcome)
	}
	if answer := harness.Send(t, client.HTTP, http.MethodPost, harness.Origin+path+"/retry", "", "Origin: "+harness.Origin); answer.Status != http.StatusAccepted {
		t.Fatalf("retry: %d %s", answer.Status, answer.Body)
	}
}

// succeedsNow lets an import of waitingImport end.
func succeedsNow(t *testing.T, s *stack, path string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.service.Dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if j := done(t, s.client(), path, 10*time.Second); j.Outcome != "succeeded" {
		t.Errorf("the import is %s (%+v)", j.Outcome, j.Problem)
	}
}

// kill -9, as the kernel does when memory is short: nobody is told, and programs that ignore a hangup
// are still there when the service comes back.
func TestServiceIsKilledOutright(t *testing.T) {
	s := start(t, origins, targets+waitingImport, harness.NginxConfig{})
	a := &attachment{t: t, client: s.client(), name: "shell", out: io.Discard}
	a.attach()
	a.socket.SendBinary([]byte("(trap '' HUP TERM; exec sleep 1003) & (setsid sleep 1004 &) ; echo star''ted\r"))
	readUntil(t, a.socket, "started")
	path := upload(t, s.client(), "wait", []byte("imported in the end"))
	running(t, s.client(), path)
	s.service.Kill()
	began := time.Now()
	s.service.Start(t)
	harness.Eventually(t, 10*time.Second, func() error { return harness.ProcessesIn(s.service.Dir, s.service.Pid()) })
	cleared := time.Since(began)
	retryInterrupted(t, s.client(), path)
	succeedsNow(t, s, path)
	if list := sessions(t, s.client()); len(list) != 0 {
		t.Errorf("sessions after the crash: %+v", list)
	}
	harness.Eventually(t, 5*time.Second, func() error {
		if n := ends(s.service.Activity(), a.session); n != 1 {
			return fmt.Errorf("%d end events for the session", n)
		}
		return nil
	})
	keep(t, "The service is killed (kill -9)", "at the next start nothing of it runs; each session has one end event; a running import is interrupted and can be tried again",
		"nothing left %d ms after the start, the second try succeeded", cleared.Milliseconds())
}

// ends counts the end events of a session in the audit log.
func ends(activity, session string) int {
	n := 0
	for line := range strings.Lines(activity) {
		var event struct{ Part, Kind, ID string }
		if json.Unmarshal([]byte(line), &event) == nil && event.Part == "terminal" && event.Kind == "end" && event.ID == session {
			n++
		}
	}
	return n
}

// A machine that was suspended, or a process that was stopped: no timer may take the pause for silence.
func TestStoppedServiceLosesNobody(t *testing.T) {
	pause := 3 * time.Second
	if harness.Full() {
		pause = 30 * time.Second
	}
	s := start(t, origins, targets+waitingImport, harness.NginxConfig{})
	a := &attachment{t: t, client: s.client(), name: "shell", out: io.Discard}
	a.attach()
	log := filepath.Join(s.service.Dir, "app.log")
	appendLine(t, log, "before")
	viewer := s.client().Stream(t, "/logs/app", "Accept: application/x-ndjson")
	viewer.Find("before")
	path := upload(t, s.client(), "wait", []byte("imported in the end"))
	running(t, s.client(), path)
	events := s.client().Dial(t, path+"/events", "pruvon.imports.v1")
	if err := s.service.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	appendLine(t, log, "during the pause")
	<-time.After(pause) // the pause itself is the fault
	if err := s.service.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	a.socket.SendBinary([]byte("echo aw''ake\r"))
	readUntil(t, a.socket, "awake")
	attached(t, s.client(), 1)
	viewer.Find("during the pause")
	succeedsNow(t, s, path)
	if code, _, texts := events.Closed(); code != 1000 || !strings.Contains(texts[len(texts)-1], `"succeeded"`) {
		t.Errorf("the import's events ended with %d after %q", code, texts)
	}
	keep(t, "The service is stopped and continued (SIGSTOP)", "no session, no connection, no line and no import is lost", "after %v", pause)
}

// The same file that nginx includes is edited: whoever is not in it any more is out, stream and all.
func TestRevokedAddressIsCutOff(t *testing.T) {
	list := filepath.Join(run.Sub(t), "allowlist.conf")
	if err := os.WriteFile(list, []byte(harness.Operators), 0o644); err != nil {
		t.Fatal(err)
	}
	s := start(t, origins+"allowlist: "+list+"\n", targets+"limits: {revalidate: 1s}\n", harness.NginxConfig{Allowlist: "allow all;\n"})
	a := &attachment{t: t, client: s.client(), name: "shell", out: io.Discard}
	a.attach()
	log := s.client().Dial(t, "/logs/app?tail=0", "pruvon.logs.v1")
	began := time.Now()
	if err := os.WriteFile(list, []byte("allow 127.0.0.1;\ndeny all;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := a.socket.Closed(); code != 1008 {
		t.Errorf("the terminal was closed with %d, want 1008", code)
	}
	if code, _, _ := log.Closed(); code != 1008 {
		t.Errorf("the log was closed with %d, want 1008", code)
	}
	took := time.Since(began)
	if answer := s.client().Get(t, "/whoami"); answer.Status != http.StatusForbidden {
		t.Errorf("a request gets %d", answer.Status)
	}
	keep(t, "An address is taken off the allowlist", "its streams end within a second for the file and one period of revalidation (here 1 s)",
		"%d ms", took.Milliseconds())
}
