package pruvon_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/logs"
)

// logMill writes a log for ever, and rotates it as logrotate does.
type logMill struct {
	path string

	mu   sync.Mutex
	file *os.File
	err  error
}

func startLogMill(t *testing.T, path string) *logMill {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	m := &logMill{path: path, file: f}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		levels := []string{"INFO", "WARN", "ERROR", "DEBUG"}
		for i := 0; ; i++ {
			m.mu.Lock()
			_, err := fmt.Fprintf(m.file, "%s %s request %d took %d ms\n", time.Now().Format(time.RFC3339), levels[i%4], i, i%977)
			m.err = errors.Join(m.err, err)
			m.mu.Unlock()
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		wg.Wait()
		assert.NoError(t, errors.Join(m.err, m.file.Close()))
	})
	return m
}

func (m *logMill) rotate() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := 3; i > 0; i-- {
		err := os.Rename(fmt.Sprintf("%s.%d", m.path, i), fmt.Sprintf("%s.%d", m.path, i+1))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(m.path, m.path+".1"); err != nil {
		return err
	}
	f, err := os.Create(m.path)
	if err != nil {
		return err
	}
	err = m.file.Close()
	m.file = f
	return err
}

func rotate(s *soak, _ *visit) error { return s.mill.rotate() }

// filters are what a viewer may ask for; each finds something before long.
var filters = []string{
	"tail=0", "tail=10", "", "tail=50&grep=request", "tail=100&not=DEBUG", "tail=20&level=warn", "since=1m&grep=7+ms",
	"tail=30&grep=took&not=WARN&level=info",
}

// transports are the forms of a stream that are no WebSocket.
var transports = []string{"text/event-stream", "application/x-ndjson", "text/plain"}

func pick(rng *rand.Rand, from []string) string { return from[rng.IntN(len(from))] }

func (s *soak) request(v *visit, method, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(v.ctx, method, s.url+path, body)
	if err != nil {
		return nil, err
	}
	req.Host, req.Header = "panel.example", v.header()
	return req, nil
}

// answer sends a request and reads the whole answer.
func (s *soak) answer(req *http.Request) (int, []byte, error) {
	res, err := s.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, b, err
}

// stream opens a stream by HTTP. Its reader is to be closed.
func (s *soak) stream(v *visit, path, accept string) (*http.Response, error) {
	req, err := s.request(v, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	res, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		return nil, fmt.Errorf("%s as %s: %d", path, accept, res.StatusCode)
	}
	return res, nil
}

func followAndDrop(s *soak, v *visit) error {
	path := "/logs/app?" + pick(v.rng, filters)
	if v.rng.IntN(3) > 0 {
		return s.followSocket(v, path, pick(v.rng, []string{logs.Subprotocol, ""}))
	}
	res, err := s.stream(v, path, pick(v.rng, transports))
	if err != nil {
		return err
	}
	defer res.Body.Close() // cuts the connection: the stream has no end
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for range 1 + v.rng.IntN(20) {
		if !lines.Scan() {
			return fmt.Errorf("%s ended early: %w", path, errors.Join(lines.Err(), io.ErrUnexpectedEOF))
		}
	}
	return nil
}

func (s *soak) followSocket(v *visit, path, protocol string) error {
	ws, err := s.dial(v, path, protocol)
	if err != nil {
		return err
	}
	defer func() { _ = ws.CloseNow() }()
	for range 1 + v.rng.IntN(5) {
		if _, _, err := ws.Read(v.ctx); err != nil {
			return fmt.Errorf("%s by WebSocket: %w", path, err)
		}
	}
	if v.rng.IntN(2) == 0 {
		return ws.Close(ended, "")
	}
	return nil
}

func readToEnd(s *soak, v *visit) error {
	accept := pick(v.rng, transports)
	res, err := s.stream(v, "/logs/app?follow=0&tail=200&"+pick(v.rng, []string{"", "grep=request", "level=error"}), accept)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && accept == "application/x-ndjson" && !strings.Contains(string(b), `"type":"end"`) {
		err = fmt.Errorf("a stream without an end: %.200s", b)
	}
	return err
}

func resumeLog(s *soak, v *visit) error {
	cursor, _, err := s.cursorOf(v, "/logs/app?tail=5")
	if err != nil {
		return err
	}
	_, resume, err := s.cursorOf(v, "/logs/app?cursor="+cursor)
	if err == nil && resume != "exact" && resume != "file" {
		err = fmt.Errorf("resumed as %q", resume)
	}
	return err
}

// cursorOf reads a stream to its first lines, and returns the cursor after
// them and how the stream was resumed.
func (s *soak) cursorOf(v *visit, path string) (cursor, resume string, err error) {
	res, err := s.stream(v, path, "application/x-ndjson")
	if err != nil {
		return "", "", err
	}
	defer res.Body.Close()
	d := json.NewDecoder(res.Body)
	for {
		var m struct{ Type, Cursor, Resume string }
		if err := d.Decode(&m); err != nil {
			return "", "", fmt.Errorf("%s: %w", path, err)
		}
		if m.Type == "hello" {
			resume = m.Resume
		}
		if m.Type == "lines" {
			return m.Cursor, resume, nil
		}
	}
}

func followCommand(s *soak, v *visit) error {
	ctx, cancel := context.WithCancel(v.ctx)
	defer cancel()
	v.ctx = ctx
	return s.followSocket(v, "/logs/tick?tail=0", logs.Subprotocol)
}
