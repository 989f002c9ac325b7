package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

// appendLine appends to a file of the service as another program does.
func appendLine(t testing.TB, path, line string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(line + "\n"); err != nil {
		t.Fatal(err)
	}
}

func openLog(t testing.TB, tab *harness.Tab, name string) {
	t.Helper()
	tab.Open(harness.Origin + "/")
	tab.Click(testid("log-open-" + name))
	tab.See(testid("log-lines"))
}

func TestAppendedLineAppearsInTheLogView(t *testing.T) {
	s := shared(t)
	path := filepath.Join(s.service.Dir, "app.log")
	appendLine(t, path, "history: written before anybody looked")
	tab := browser(t).Tab(t)
	openLog(t, tab, "app")
	tab.Until(10*time.Second, statusText("log-lines")+`.includes("written before anybody looked")`)
	appendLine(t, path, "live: <b>appended</b> & shown as text")
	tab.Until(10*time.Second, statusText("log-lines")+`.includes("live: <b>appended</b> & shown as text")`)
	tab.Shot("log")
}

// Over HTTP/1.1 with TLS nginx holds back a response of unknown length until 16 kB are there unless it
// is told not to; over HTTP/2 it does not, so the transport of this test matters.
func TestLogStreamsThroughNginxAtOnce(t *testing.T) {
	s := shared(t)
	path := filepath.Join(s.service.Dir, "app.log")
	for _, accept := range []string{"text/event-stream", "application/x-ndjson", "text/plain"} {
		t.Run(strings.ReplaceAll(accept, "/", " "), func(t *testing.T) {
			lines := s.client().Stream(t, "/logs/app?tail=0", "Accept: "+accept)
			// A few short lines, far from filling a buffer; plain text has no hello that says from
			// where on lines are delivered, so there is more than one.
			line := fmt.Sprintf("streamed as %s at %d", accept, time.Now().UnixNano())
			stop := keepAppending(t, path, line)
			lines.Find(line)
			stop()
		})
	}
}

// keepAppending appends a line five times a second until stop is called.
func keepAppending(t *testing.T, path, line string) (stop func()) {
	t.Helper()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			appendLine(t, path, line)
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(done)
		<-ended
	})
}

func TestLogOverWebSocket(t *testing.T) {
	s := shared(t)
	path := filepath.Join(s.service.Dir, "app.log")
	socket := s.client().Dial(t, "/logs/app?tail=0", "pruvon.logs.v1")
	if _, first, err := socket.Next(); err != nil || !strings.Contains(string(first), `"hello"`) {
		t.Fatalf("the first message is %s (%v), not hello", first, err)
	}
	appendLine(t, path, "over a socket")
	for {
		_, message, err := socket.Next()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(message), "over a socket") {
			return
		}
	}
}
