package logs_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sseEvent is one event as a browser's EventSource dispatches it.
type sseEvent struct{ kind, data, id string }

// readSSE reads events as WHATWG HTML section 9.2.6 says: CR, LF and CRLF all
// end a line.
func readSSE(in *bufio.Reader, emit func(sseEvent) bool) error {
	var e sseEvent
	id, has := "", false
	line := []byte{}
	skipLF := false
	for {
		c, err := in.ReadByte()
		if err != nil {
			return err
		}
		if skipLF && c == '\n' {
			skipLF = false
			continue
		}
		skipLF = c == '\r'
		if c != '\n' && c != '\r' {
			line = append(line, c)
			continue
		}
		field, value, _ := strings.Cut(string(line), ":")
		value = strings.TrimPrefix(value, " ")
		line = line[:0]
		switch field {
		case "":
			if value != "" {
				continue // a comment
			}
			if has {
				e.id = id
				e.data = strings.TrimSuffix(e.data, "\n")
				if !emit(e) {
					return nil
				}
			}
			e, has = sseEvent{}, false
		case "event":
			e.kind = value
		case "data":
			e.data += value + "\n"
			has = true
		case "id":
			if !strings.ContainsRune(value, 0) {
				id = value
			}
		}
	}
}

func TestSSECarriesTheSameObjectsAndResumes(t *testing.T) {
	t.Parallel()
	l := newLog(t, numbered("line", 10)...)
	s := serveFile(t, l.path)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	resp := s.get(ctx, "/logs/app?tail=3", "text/event-stream")
	defer resp.Body.Close()
	require.Equal(t, "text/event-stream; charset=utf-8", resp.Header.Get("Content-Type"))
	require.Equal(t, "no", resp.Header.Get("X-Accel-Buffering"))
	require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	var id string
	require.NoError(t, readSSE(bufio.NewReader(resp.Body), func(e sseEvent) bool {
		var m message
		require.NoError(t, json.Unmarshal([]byte(e.data), &m))
		require.Equal(t, e.kind, m.Type)
		if m.Type != "lines" {
			return true
		}
		require.Equal(t, m.Cursor, e.id)
		require.Len(t, m.entries(t), 3)
		id = e.id
		return false
	}))
	l.add("line 10")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.http.URL+"/logs/app?tail=3", nil)
	require.NoError(t, err)
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Last-Event-ID", id)
	again, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer again.Body.Close()
	require.NoError(t, readSSE(bufio.NewReader(again.Body), func(e sseEvent) bool {
		if e.kind != "lines" {
			return true
		}
		var m message
		require.NoError(t, json.Unmarshal([]byte(e.data), &m))
		require.Equal(t, "line 10", m.entries(t)[0].M, "strictly after the event, whatever tail says")
		return false
	}))
}

// An event that was seen does not come again: its id is a place after it.
func TestEventsAreNotRepeatedAfterTheirCursor(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a")
	s := serveFile(t, l.path)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	resp := s.get(ctx, "/logs/app", "text/event-stream")
	defer resp.Body.Close()
	rotated := false
	id := ""
	require.NoError(t, readSSE(bufio.NewReader(resp.Body), func(e sseEvent) bool {
		switch {
		case e.kind == "lines" && !rotated:
			rotated = true
			l.rename(".1")
			l.reopen()
		case e.kind == "source" && strings.Contains(e.data, "rotated"), e.kind == "source" && strings.Contains(e.data, "missing"):
			id = e.id
			return strings.Contains(e.data, "missing")
		}
		return true
	}))
	again, how := s.resumed(id)
	require.Equal(t, "exact", how)
	l.add("b")
	require.Equal(t, "lines", again.read().Type)
}
