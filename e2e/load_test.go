package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

// A page that tries for hours: each handshake is refused before anything is made for it.
func TestHostileHandshakesCostNothing(t *testing.T) {
	s := start(t, origins, targets, harness.NginxConfig{})
	count := 1000
	if harness.Full() {
		count = 10_000
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	handshake := func() (int, time.Duration) {
		req, err := http.NewRequest(http.MethodGet, "http://"+s.service.Addr+"/terminals/shell", nil)
		if err != nil {
			t.Error(err)
			return 0, 0
		}
		req.Host = harness.ServerName
		req.Header = http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Origin": {"https://evil.example"},
			"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="},
		}
		began := time.Now()
		resp, err := client.Do(req)
		if err != nil {
			t.Errorf("a refusal without an answer: %v", err)
			return 0, 0
		}
		_ = resp.Body.Close()
		return resp.StatusCode, time.Since(began)
	}
	handshake()
	before, memory := spawned(t, s), resident(t, s.service.Pid())
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range count / 8 {
				status, d := handshake()
				if status != http.StatusForbidden {
					t.Errorf("status %d, want 403", status)
				}
				mu.Lock()
				took = append(took, d)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	grown := resident(t, s.service.Pid()) - memory
	if n := spawned(t, s) - before; n != 0 {
		t.Errorf("%v processes were started", n)
	}
	if grown > 5<<20 {
		t.Errorf("the service has grown by %d KiB", grown>>10)
	}
	keep(t, "Hostile WebSocket handshakes", "each gets a 403, no process is started, memory does not grow by more than 5 MiB",
		"%d handshakes: 0 processes, %+d KiB, p99 %.1f ms", len(took), grown>>10, float64(took[len(took)*99/100].Microseconds())/1000)
}

// resident is the resident memory of a process in bytes.
func resident(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(status))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// openOrRefused opens a terminal and says hello. A refusal must be an answer that says when to come back;
// it returns nil then. Somebody who has a session may mean to resume it, which only the first message
// says: the refusal then comes after the upgrade.
func openOrRefused(t *testing.T, s *stack) *harness.Socket {
	t.Helper()
	socket, answer, err := harness.DialURL(t, s.client().HTTP, harness.Origin+"/terminals/shell", "pruvon.terminal.v1", "Origin: "+harness.Origin)
	if err != nil {
		if answer.Status != http.StatusServiceUnavailable && answer.Status != http.StatusTooManyRequests || answer.Header.Get("Retry-After") == "" {
			t.Errorf("refused with %d, Retry-After %q (%v)", answer.Status, answer.Header.Get("Retry-After"), err)
		}
		return nil
	}
	socket.SendText(hello)
	_, first, err := socket.Next()
	if err != nil {
		t.Errorf("no answer: %v", err)
		return nil
	}
	var message struct {
		Type       string
		Retryable  bool
		RetryAfter int `json:"retry_after"`
	}
	if err := json.Unmarshal(first, &message); err != nil {
		t.Fatal(err)
	}
	if message.Type == "ready" {
		return socket
	}
	if code, _, _ := socket.Closed(); code != 1013 || message.Type != "exit" || !message.Retryable || message.RetryAfter <= 0 {
		t.Errorf("refused with %s and close %d", first, code)
	}
	return nil
}

func TestSessionsAboveTheCapAreRefusedWithAnAnswer(t *testing.T) {
	s := start(t, origins, targets+"limits: {max_sessions: 20, max_sessions_per_address: 20}\n", harness.NginxConfig{})
	before := spawned(t, s)
	const tries = 100
	var open []*harness.Socket
	for range tries {
		if socket := openOrRefused(t, s); socket != nil {
			open = append(open, socket)
		}
	}
	if len(open) != 20 || spawned(t, s)-before != 20 {
		t.Fatalf("%d sessions and %v processes, want 20 of each", len(open), spawned(t, s)-before)
	}
	open[0].SendBinary([]byte("echo al''ive\r"))
	readUntil(t, open[0], "alive")
	keep(t, "More sessions are asked for than allowed", "each refusal is an answer that says when to try again, nothing is started for it",
		"%d refused of %d, none without an answer", tries-len(open), tries)
}

// What systemctl stop does to a full house.
func TestShutdownWithManySessions(t *testing.T) {
	count := 100
	if harness.Full() {
		count = 1000
	}
	s := start(t, origins, targets+"limits: {max_sessions: 2000, max_sessions_per_address: 2000}\n", harness.NginxConfig{})
	var sockets []*harness.Socket
	for range count {
		socket, answer, err := harness.DialURL(t, harness.Plain(), "http://"+s.service.Addr+"/terminals/shell", "pruvon.terminal.v1",
			"Host: "+harness.ServerName, "Origin: "+harness.Origin)
		if err != nil {
			t.Fatalf("%v: %d %s", err, answer.Status, answer.Body)
		}
		socket.SendText(hello)
		if _, _, err := socket.Next(); err != nil {
			t.Fatal(err)
		}
		sockets = append(sockets, socket)
	}
	began := time.Now()
	if err := s.service.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := s.service.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	took := time.Since(began)
	for _, socket := range sockets {
		if code, _, _ := socket.Closed(); code != 1001 {
			t.Errorf("closed with %d, want 1001", code)
		}
	}
	if err := harness.ProcessesIn(s.service.Dir); err != nil {
		t.Error(err)
	}
	keep(t, "The service is stopped with many sessions (SIGTERM)", "every client sees 1001, no process is left; 100 within 2 s, 1,000 within 5 s",
		"%d sessions in %.1f s", count, took.Seconds())
}

// Out of descriptors: new sessions are refused, what runs goes on, and it passes.
func TestDescriptorsRunOut(t *testing.T) {
	s := start(t, origins, targets, harness.NginxConfig{})
	if err := s.service.LimitFiles(100); err != nil {
		t.Fatal(err)
	}
	var open []*harness.Socket
	refused := 0
	for range 80 {
		if socket := openOrRefused(t, s); socket != nil {
			open = append(open, socket)
		} else {
			refused++
		}
	}
	if refused == 0 || len(open) == 0 {
		t.Fatalf("%d sessions and %d refusals with 100 descriptors", len(open), refused)
	}
	if answer := s.client().Get(t, "/healthz"); answer.Status != http.StatusOK {
		t.Errorf("/healthz says %d", answer.Status)
	}
	open[0].SendBinary([]byte("echo al''ive\r"))
	readUntil(t, open[0], "alive")
	for _, socket := range open[1:] {
		socket.SendBinary([]byte("exit\r"))
		socket.Closed()
	}
	began := time.Now()
	if openOrRefused(t, s) == nil {
		t.Error("a session is refused although there is room again")
	}
	keep(t, "The process has no descriptors left", "new sessions are refused with an answer, the running ones and /healthz go on, and it passes",
		"%d refused of 80, well again after %d ms", refused, time.Since(began).Milliseconds())
}

// A viewer behind nginx that never reads: it costs the others nothing, and nginx buffers nothing on disk.
func TestStalledViewerBehindNginx(t *testing.T) {
	s := start(t, origins, strings.Replace(targets, "terminals:", "terminals:\n  flood: {command: [/usr/bin/yes]}", 1), harness.NginxConfig{})
	path := filepath.Join(s.service.Dir, "app.log")
	appendLine(t, path, "first")
	s.client().Stream(t, "/logs/app?tail=0", "Accept: application/x-ndjson") // and is never read
	flood := s.client().Dial(t, "/terminals/flood", "pruvon.terminal.v1")    // nor is this
	flood.SendText(hello)
	viewer := s.client().Stream(t, "/logs/app?tail=0", "Accept: application/x-ndjson")
	viewer.Find(`"hello"`)
	memory := resident(t, s.service.Pid())
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := strings.Repeat(strings.Repeat("x", 149)+"\n", 2000)
	const blocks = 100 // 30 MB
	for i := range blocks {
		if _, err := fmt.Fprintf(f, "%sblock %d ends\n", block, i); err != nil {
			t.Fatal(err)
		}
		viewer.Find(fmt.Sprintf("block %d ends", i))
	}
	for _, folder := range []string{"proxy", "fastcgi"} {
		err := filepath.WalkDir(filepath.Join(s.nginx.Dir, folder), func(path string, entry os.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				t.Errorf("nginx has put %s on disk", path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(s.nginx.ErrorLog(), "buffered to a temporary file") {
		t.Error("nginx has buffered an answer on disk")
	}
	// The log's ring is 8 MiB and a session's 1 MiB; the rest is Go's garbage.
	grown := resident(t, s.service.Pid()) - memory
	if grown > 40<<20 {
		t.Errorf("the service has grown by %d MiB", grown>>20)
	}
	keep(t, "Clients behind nginx never read: a log's viewer and a terminal that prints for ever", "the others get every line, the program waits, the service's memory is bounded by its rings, nginx writes no temporary file",
		"%d MB to the other viewer, the service grew by %d MiB", len(block)*blocks>>20, grown>>20)
}
