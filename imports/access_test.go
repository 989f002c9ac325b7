package imports_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/imports"
)

func as(user string) []string { return []string{"X-Test-User", user} }

func withUsers(c *imports.Config) { c.Authorize = byHeader }

func TestOthersImportsAreNotFound(t *testing.T) {
	s := start(t, withUsers)
	id := s.upload(strings.NewReader("hello"), as("ann")...)
	s.ended(id, as("ann")...)
	for _, c := range []struct{ method, path string }{
		{"GET", ""},
		{"GET", "/events"},
		{"GET", "/log"},
		{"HEAD", "/content"},
		{"PATCH", "/content"},
		{"POST", "/cancel"},
		{"POST", "/retry"},
		{"DELETE", ""},
	} {
		a := s.do(c.method, "/db/"+id+c.path, nil, append(as("bob"), "Upload-Offset", "0")...)
		require.Equal(t, 404, a.StatusCode, "%s %s", c.method, c.path)
	}
	require.NotContains(t, string(s.do("GET", "/db", nil, as("bob")...).body), id)
	require.Contains(t, string(s.do("GET", "/db", nil, as("ann")...).body), id)
	require.Equal(t, 200, s.do("GET", "/db/"+id, nil, as("root")...).StatusCode, "an Admin may look")
}

func TestReadOnlyWatchesOnly(t *testing.T) {
	s := start(t, withUsers)
	require.Equal(t, 403, s.do("POST", "/db", strings.NewReader("x"), as("ro-ann")...).StatusCode)
	require.Equal(t, 200, s.do("GET", "/db", nil, as("ro-ann")...).StatusCode)
	s.onlyRecords()
}

func TestAuthorizeErrors(t *testing.T) {
	for err, status := range map[error]int{
		imports.ErrUnauthenticated: 401, imports.ErrDenied: 403, os.ErrClosed: 503,
	} {
		s := start(t, func(c *imports.Config) {
			c.Authorize = func(*http.Request, imports.Resource) (imports.Access, error) { return imports.Access{}, err }
		})
		require.Equal(t, status, s.do("POST", "/db", strings.NewReader("x")).StatusCode)
		s.onlyRecords()
	}
}

// Who loses the right to upload while the bytes are on their way gets no
// import out of them.
func TestRightsAreAskedAgainWhenTheUploadIsComplete(t *testing.T) {
	asked := 0
	s := start(t, func(c *imports.Config) {
		c.Authorize = func(_ *http.Request, r imports.Resource) (imports.Access, error) {
			if asked++; asked > 1 {
				return imports.Access{}, imports.ErrDenied
			}
			return imports.Access{User: "ann"}, nil
		}
	})
	require.Equal(t, 403, s.do("POST", "/db", strings.NewReader("hello")).StatusCode)
	s.onlyRecords()
}

func TestRoutes(t *testing.T) {
	s := start(t)
	id := s.upload(strings.NewReader("hello"))
	s.ended(id)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 200},
		{"HEAD", "/", 200},
		{"POST", "/", 405},
		{"GET", "/db", 200},
		{"GET", "/db/", 404},
		{"PATCH", "/db", 405},
		{"GET", "/nosuch", 404},
		{"POST", "/nosuch", 404},
		{"GET", "/db/" + id, 200},
		{"GET", "/db/" + id + "/", 404},
		{"GET", "/db/" + strings.ToUpper(id), 404},
		{"GET", "/db/../../etc", 404},
		{"GET", "/db/xyz", 404},
		{"POST", "/db/" + id, 405},
		{"GET", "/db/" + id + "/content", 405},
		{"POST", "/db/" + id + "/events", 405},
		{"GET", "/db/" + id + "/nosuch", 404},
		{"GET", "/db/" + id + "/log/x", 404},
		{"GET", "/db/" + id + "/cancel", 405},
		{"GET", "/db/files", 404},
		{"GET", "/..", 404},
		{"GET", "/db/" + id + "/events?after=x", 400},
		{"GET", "/-db", 404},
	} {
		a := s.do(c.method, c.path, nil)
		require.Equal(t, c.status, a.StatusCode, "%s %s", c.method, c.path)
		if c.status == 405 {
			require.NotEmpty(t, a.Header.Get("Allow"))
		}
	}
	a := s.do("GET", "/db/"+id, nil)
	require.Equal(t, 304, s.do("GET", "/db/"+id, nil, "If-None-Match", a.Header.Get("ETag")).StatusCode)
	log := s.do("GET", "/db/"+id+"/log", nil, "Range", "bytes=0-0")
	require.Equal(t, 206, log.StatusCode)
	require.Equal(t, "5", string(log.body))
}

func TestTargetsAreListed(t *testing.T) {
	s := start(t, target(imports.Target{Importer: sh("cat"), Title: "The database", Accept: []imports.Format{"sql"}, MaxBytes: 5, Lock: true}))
	var got any
	require.NoError(t, json.Unmarshal(s.do("GET", "/", nil).body, &got))
	require.Equal(t, map[string]any{"imports": []any{map[string]any{
		"name": "db", "title": "The database", "accept": []any{"sql"}, "max_bytes": 5.0, "lock": true, "files": false, "active": 0.0,
	}}}, got)
}

func TestLockedTargetTakesOneAtATime(t *testing.T) {
	script, file := waiting(t)
	s := start(t, withUsers, target(imports.Target{Importer: sh(script), Lock: true}))
	early := parseSnapshot(t, s.do("POST", "/db", nil, append(as("ann"), "Upload-Complete", "?0", "Upload-Length", "5")...).body).ID
	first := s.upload(strings.NewReader("hello"), as("ann")...)
	a := s.do("POST", "/db", strings.NewReader("hello"), as("ann")...)
	require.Equal(t, 409, a.StatusCode)
	require.Equal(t, "locked", a.problem())
	require.Equal(t, "db/"+first, a.json(t)["import"])
	a = s.do("POST", "/db", strings.NewReader("hello"), as("bob")...)
	require.Equal(t, 409, a.StatusCode)
	require.NotContains(t, string(a.body), first, "bob may not know of it")
	// An upload that was begun before waits in the queue when it completes.
	a = s.do("PATCH", "/db/"+early+"/content", strings.NewReader("hello"), append(as("ann"), "Upload-Offset", "0", "Upload-Complete", "?1")...)
	require.Equal(t, 202, a.StatusCode)
	require.Equal(t, 1, *s.snapshot(early, as("ann")...).Position)
	touch(t, file)
	require.Equal(t, "succeeded", s.ended(first, as("ann")...).Outcome)
	require.Equal(t, "succeeded", s.ended(early, as("ann")...).Outcome)
}

func TestServerFiles(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	put("good.sql", sqlText)
	put("empty.sql", "")
	put(".hidden", sqlText)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
	require.NoError(t, os.Symlink("good.sql", filepath.Join(dir, "inside")))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "outside")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	s := start(t, target(imports.Target{Importer: sh("cat"), Files: dir}))
	list := s.do("GET", "/db/files", nil)
	require.Equal(t, 200, list.StatusCode)
	require.Equal(t, 2, strings.Count(string(list.body), `"name"`), string(list.body))
	for _, name := range []string{"nosuch", ".hidden", "sub", "inside", "outside", "fifo", "..", "../x", "/etc/passwd", "sub/../good.sql", "good.sql/"} {
		require.Equal(t, 404, s.do("POST", "/db?file="+name, nil).StatusCode, name)
	}
	require.Equal(t, 422, s.do("POST", "/db?file=empty.sql", nil).StatusCode)
	s.onlyRecords()
	a := s.do("POST", "/db?file=good.sql", nil)
	require.Equal(t, 202, a.StatusCode)
	id := parseSnapshot(t, a.body).ID
	require.Equal(t, "succeeded", s.ended(id).Outcome)
	require.Equal(t, sqlText, string(s.do("GET", "/db/"+id+"/log", nil).body))
	require.FileExists(t, filepath.Join(dir, "good.sql"), "it is not ours to remove")
}

func TestChangedServerFileIsNotRetried(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	require.NoError(t, os.WriteFile(file, []byte("one"), 0o600))
	s := start(t, target(imports.Target{Importer: sh("cat; exit 1"), Files: dir}))
	id := parseSnapshot(t, s.do("POST", "/db?file=f", nil).body).ID
	require.True(t, s.ended(id).Retryable)
	require.NoError(t, os.WriteFile(file, []byte("another"), 0o600))
	require.Equal(t, 202, s.do("POST", "/db/"+id+"/retry", nil).StatusCode)
	require.Contains(t, s.ended(id).Problem.Detail, "has changed")
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := start(t, func(c *imports.Config) { c.Registerer = reg })
	n, err := testutil.GatherAndCount(reg, "pruvon_imports_jobs_total")
	require.NoError(t, err)
	require.Equal(t, 16, n, "every series exists from the start")
	problems, err := testutil.GatherAndLint(reg)
	require.NoError(t, err)
	require.Empty(t, problems)
	s.ended(s.upload(strings.NewReader("hello")))
	s.do("POST", "/db", bytes.NewReader(nil))
	eventually(t, func() bool {
		err = testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP pruvon_imports_received_bytes_total Uploaded bytes that were stored.
# TYPE pruvon_imports_received_bytes_total counter
pruvon_imports_received_bytes_total 5
# HELP pruvon_imports_running Imports whose importer is at work.
# TYPE pruvon_imports_running gauge
pruvon_imports_running 0
`), "pruvon_imports_received_bytes_total", "pruvon_imports_running")
		return err == nil
	})
	start(t, func(c *imports.Config) { c.Registerer = reg }) // registering twice reuses
}

func TestValidateNamesEachFault(t *testing.T) {
	err := imports.Config{Dir: "relative", Targets: map[string]imports.Target{"a/b": {}, "ok": {Importer: sh(""), Files: "rel", Accept: []imports.Format{""}}}, OutputBytes: -1}.Validate()
	for _, want := range []string{"Authorize: required", `Dir: "relative" is not absolute`, `"a/b" is not a valid name`, "Importer: required", `Files: "rel"`, "OutputBytes:"} {
		require.ErrorContains(t, err, want)
	}
	require.ErrorContains(t, imports.Config{}.Validate(), "Targets: required")
}
