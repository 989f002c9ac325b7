package imports_test

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/imports"
)

// Lookup is asked again when an import starts, in no request's goroutine.
func TestPanickingLookup(t *testing.T) {
	var boom atomic.Bool
	found := imports.Target{Importer: sh("cat >/dev/null")}
	s := start(t, func(c *imports.Config) {
		c.Slots = 1
		c.Targets["slow"] = imports.Target{Importer: sh("cat >/dev/null; while ! [ -e " + c.Dir + "/go ]; do sleep 0.01; done")}
		c.Lookup = func(context.Context, string) (imports.Target, error) {
			if boom.Load() {
				panic("host bug")
			}
			return found, nil
		}
	})
	first := s.do("POST", "/slow", strings.NewReader("x"))
	require.Equal(t, 202, first.StatusCode)
	queued := s.do("POST", "/other", strings.NewReader("x"))
	require.Equal(t, 202, queued.StatusCode)
	boom.Store(true)
	require.Equal(t, 500, s.do("POST", "/other", strings.NewReader("x")).StatusCode)
	touch(t, s.dir+"/go")
	var v snapshot
	eventually(t, func() bool {
		v = parseSnapshot(t, s.do("GET", "/"+queued.Header.Get("Location"), nil).body)
		return v.State == "done"
	})
	require.Equal(t, "failed", v.Outcome)
}

// A panic while an upload is looked at ends that upload and holds no lock.
func TestPanickingDetectAndXZ(t *testing.T) {
	var well atomic.Bool
	s := start(t, target(imports.Target{Lock: true, Importer: sh("cat >/dev/null"), Detect: func([]byte) imports.Format {
		if !well.Load() {
			panic("host bug")
		}
		return imports.FormatUnknown
	}}), func(c *imports.Config) {
		c.XZ = func(context.Context) (*exec.Cmd, error) { panic("host bug") }
	})
	a := s.do("POST", "/db", strings.NewReader("hello"))
	require.Equal(t, 500, a.StatusCode)
	require.NotContains(t, string(a.body), "host bug")
	require.Equal(t, 500, s.do("POST", "/db", strings.NewReader("\xfd7zXZ\x00 and so on")).StatusCode)
	well.Store(true)
	require.Equal(t, "succeeded", s.ended(s.upload(strings.NewReader("hello"))).Outcome)
}

// Redact is called by the goroutines that read a command. What it did not come
// to an end with is withheld, and the import goes on: half of one would help
// nobody.
func TestPanickingRedact(t *testing.T) {
	s := start(t, target(imports.Target{Importer: sh("cat >/dev/null; echo fine; sleep 0.1; echo secret; echo secret >&2")}), func(c *imports.Config) {
		c.Redact = func(text []byte) []byte {
			if bytes.Contains(text, []byte("secret")) {
				panic("host bug")
			}
			return text
		}
	})
	id := s.upload(strings.NewReader("hello"))
	v := s.ended(id)
	require.Equal(t, "succeeded_with_warnings", v.Outcome)
	require.Equal(t, []string{"output is missing here: it could not be redacted"}, v.Warnings.Last)
	log := s.do("GET", "/db/"+id+"/log", nil)
	require.Equal(t, "fine\n", string(log.body))
}

func TestPanickingCommandAndExitPolicy(t *testing.T) {
	for name, imp := range map[string]imports.Importer{
		"Command": imports.Command(func(context.Context, imports.Info) (*exec.Cmd, error) { panic("host bug") }, nil),
		"ExitPolicy": imports.Command(func(context.Context, imports.Info) (*exec.Cmd, error) { return exec.Command("cat"), nil },
			func(imports.ExitStatus) imports.Verdict { panic("host bug") }),
	} {
		s := start(t, target(imports.Target{Importer: imp}))
		v := s.ended(s.upload(strings.NewReader("hello")))
		require.Equal(t, "failed", v.Outcome, name)
		require.Equal(t, "The importer broke down", v.Problem.Title)
	}
}
