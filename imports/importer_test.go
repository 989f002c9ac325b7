package imports_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/imports"
)

func TestGoFunctionAsImporter(t *testing.T) {
	s := start(t, target(imports.Target{Importer: imports.ImporterFunc(func(_ context.Context, src io.Reader, job *imports.Job) error {
		job.Stage("tables")
		b, err := io.ReadAll(src)
		if err != nil {
			return err
		}
		job.Progress(1, 4)
		job.Output(imports.Stdout, fmt.Appendf(nil, "%d bytes for %s\n", len(b), job.Info().Target))
		job.Stage("indexes")
		job.Warn("one table was empty")
		job.Progress(4, 4)
		return nil
	})}))
	id := s.upload(strings.NewReader("hello"))
	v := s.ended(id)
	require.Equal(t, "succeeded_with_warnings", v.Outcome)
	require.Equal(t, []string{"one table was empty"}, v.Warnings.Last)
	events := s.events(id, "")
	require.Equal(t, "one table was empty", ofType(events, "warning")[0].Text)
	require.Equal(t, "5 bytes for db\n", ofType(events, "output")[0].Data)
	var stages []string
	for _, st := range v.Stages {
		stages = append(stages, st.Name)
	}
	require.Subset(t, stages, []string{"receiving", "tables", "indexes"})
	require.NotContains(t, stages, "finalizing", "who names its stages names them all")
}

func TestImporterThatPanicsOrErrs(t *testing.T) {
	for name, f := range map[string]imports.ImporterFunc{
		"panic": func(context.Context, io.Reader, *imports.Job) error { panic("boom") },
		"error": func(context.Context, io.Reader, *imports.Job) error { return errors.New("boom") },
		"failure": func(context.Context, io.Reader, *imports.Job) error {
			return &imports.Failure{Title: "The import failed", Detail: "boom"}
		},
	} {
		s := start(t, target(imports.Target{Importer: f}))
		v := s.ended(s.upload(strings.NewReader("hello")))
		require.Equal(t, "failed", v.Outcome, name)
		require.NotEmpty(t, v.Problem.Title)
		if name != "panic" {
			require.Equal(t, "boom", v.Problem.Detail)
		}
	}
}

// An importer that takes damage for the end has not succeeded.
func TestSwallowedDamageIsNoSuccess(t *testing.T) {
	gz := gzipOf(manyLines(1000))
	s := start(t, target(imports.Target{Importer: imports.ImporterFunc(func(_ context.Context, src io.Reader, _ *imports.Job) error {
		_, _ = io.Copy(io.Discard, src)
		return nil
	})}))
	require.Equal(t, "failed", s.ended(s.upload(bytes.NewReader(gz[:len(gz)-20]))).Outcome)
}

func TestTimeout(t *testing.T) {
	s := start(t, target(imports.Target{Importer: sh("cat; sleep 1000"), Timeout: 100 * time.Millisecond}))
	v := s.ended(s.upload(strings.NewReader("hello")))
	require.Equal(t, "timed_out", v.Outcome)
	require.True(t, v.Retryable)
}

func TestCommandsThatCannotBeStarted(t *testing.T) {
	command := func(f func() (*exec.Cmd, error)) imports.Importer {
		return imports.Command(func(context.Context, imports.Info) (*exec.Cmd, error) { return f() }, nil)
	}
	for name, c := range map[string]struct {
		imp  imports.Importer
		want string
	}{
		"missing": {command(func() (*exec.Cmd, error) { return exec.Command("/nonexistent/pg_restore"), nil }), "does not exist"},
		"directory": {command(func() (*exec.Cmd, error) {
			cmd := exec.Command("cat")
			cmd.Dir = "/nonexistent"
			return cmd, nil
		}), "directory"},
		"refused": {command(func() (*exec.Cmd, error) { return nil, errors.New("no") }), ""},
	} {
		s := start(t, target(imports.Target{Importer: c.imp}))
		v := s.ended(s.upload(strings.NewReader("hello")))
		require.Equal(t, "failed", v.Outcome, name)
		require.Contains(t, v.Problem.Detail, c.want)
	}
}

func TestUnreadInputIsAWarning(t *testing.T) {
	s := start(t, target(imports.Target{Importer: sh("exec <&-; exit 0")}))
	v := s.ended(s.upload(bytes.NewReader(make([]byte, 8<<20))))
	require.Equal(t, "succeeded_with_warnings", v.Outcome)
	s = start(t, target(imports.Target{Importer: sh("exec <&-; exit 7")}))
	v = s.ended(s.upload(bytes.NewReader(make([]byte, 8<<20))))
	require.Equal(t, "failed", v.Outcome, "a closed pipe is not the error, the exit code is")
	require.Equal(t, 7, *v.Exit.Code)
}

func TestKilledCommandSaysItsSignal(t *testing.T) {
	s := start(t, target(imports.Target{Importer: sh("kill -SEGV $$")}))
	v := s.ended(s.upload(strings.NewReader("hello")))
	require.Equal(t, "failed", v.Outcome)
	require.Nil(t, v.Exit.Code)
	require.Equal(t, "SIGSEGV", *v.Exit.Signal)
}

func TestOutputIsMadePrintableAndRedacted(t *testing.T) {
	s := start(t, target(imports.Target{Importer: sh(`printf 'pass=se'; sleep 0.2; printf 'cret\n\033]52;c;x\007 \342\202'; sleep 0.2; printf '\254\n'`)}),
		func(c *imports.Config) {
			c.Redact = func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("secret"), []byte("***")) }
		})
	id := s.upload(strings.NewReader("hello"))
	s.ended(id)
	require.Equal(t, "pass=***\n␛]52;c;x␇ €\n", string(s.do("GET", "/db/"+id+"/log", nil).body))
}

func TestExitPolicies(t *testing.T) {
	code := func(n int) *imports.Exit { return &imports.Exit{Code: &n} }
	sig := "SIGKILL"
	for _, c := range []struct {
		name     string
		policy   imports.ExitPolicy
		exit     *imports.Exit
		stderr   string
		failed   bool
		warnings int
		says     string
	}{
		{"zero", imports.ExitZero, code(0), "noise", false, 0, ""},
		{"one", imports.ExitZero, code(1), "a\nx: error: bad\nb\n", true, 0, "x: error: bad"},
		{"signal", imports.ExitZero, &imports.Exit{Signal: &sig}, "", true, 0, ""},
		{"nothing known", imports.ExitZero, nil, "", true, 0, ""},
		{"restore ok", imports.PgRestore, code(0), "", false, 0, ""},
		{"restore ignored", imports.PgRestore, code(1), "pg_restore: error: could not execute query: x\npg_restore: warning: errors ignored on restore: 3\n", false, 1, ""},
		{"restore failed", imports.PgRestore, code(1), "pg_restore: error: connection failed\n", true, 0, "pg_restore: error: connection failed"},
		{"restore of text", imports.PgRestore, code(1), "pg_restore: error: input file appears to be a text format dump. Please use psql.\n", true, 0, "pg_restore: error: input file appears to be a text format dump. Please use psql."},
		{"restore claims in its data", imports.PgRestore, code(1), "NOTICE: pg_restore: warning: errors ignored on restore: 3\n", true, 0, ""},
		{"psql ok", imports.Psql, code(0), "", false, 0, ""},
		{"psql stopped", imports.Psql, code(3), "psql:<stdin>:1: ERROR:  x\n", true, 0, "psql:<stdin>:1: ERROR: x"},
		{"psql went on", imports.Psql, code(0), "psql:<stdin>:1: ERROR:  x\npsql:<stdin>:2: ERROR:  y\n", false, 1, ""},
		{"psql went on with its input", imports.Psql, code(0), "ERROR:  x\nLINE 1: y\n", false, 1, ""},
	} {
		v := c.policy(imports.ExitStatus{Exit: c.exit, Stderr: []byte(c.stderr)})
		require.Equal(t, c.failed, v.Failed, c.name)
		require.Len(t, v.Warnings, c.warnings, c.name)
		if c.says != "" {
			require.Equal(t, strings.Join(strings.Fields(c.says), " "), strings.Join(strings.Fields(v.Detail), " "), c.name)
		}
	}
}
