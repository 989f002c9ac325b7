package harness

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Stream is the body of an answer that goes on.
type Stream struct {
	tb      testing.TB
	scanner *bufio.Scanner
	read    []string
}

// Stream sends a GET through nginx and returns when the headers have arrived, within 5 s. The request is
// canceled when the test ends, or after a minute.
func (c *Client) Stream(tb testing.TB, path string, headers ...string) *Stream {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	tb.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, Origin+path, nil)
	if err != nil {
		tb.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Add(name, value)
	}
	late := time.AfterFunc(5*time.Second, cancel)
	resp, err := c.HTTP.Do(req)
	if err != nil {
		tb.Fatalf("GET %s: %v", path, err)
	}
	if !late.Stop() {
		tb.Fatalf("GET %s: no headers within 5 s", path)
	}
	tb.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		tb.Fatalf("GET %s: %s", path, resp.Status)
	}
	scanner := bufio.NewScanner(resp.Body)
	scanner.Buffer(nil, 1<<20)
	return &Stream{tb: tb, scanner: scanner}
}

// Find reads until a line contains the text and fails the test when the stream ends before.
func (s *Stream) Find(text string) {
	s.tb.Helper()
	for s.scanner.Scan() {
		s.read = append(s.read, s.scanner.Text())
		if strings.Contains(s.scanner.Text(), text) {
			return
		}
	}
	s.tb.Fatalf("the stream ended (%v) without %q; it was\n%s", s.scanner.Err(), text, strings.Join(s.read, "\n"))
}
