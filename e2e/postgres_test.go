package e2e_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/pruvon/pruvon/e2e/harness"
)

// restores are the import targets of a database: an archive by pg_restore and a script by psql, each in
// one transaction, so that a failure leaves what was there.
const restores = `
imports:
  appdb:
    command: [%[1]s, --clean, --if-exists, --no-owner, --single-transaction, -h, %[3]s, -U, postgres, -d, app]
    accept: [pgdump-custom]
    exit: pg_restore
    lock: true
  script:
    command: [%[2]s, -X, -q, -v, ON_ERROR_STOP=1, --single-transaction, -h, %[3]s, -U, postgres, -d, app]
    accept: [sql]
    exit: psql
    lock: true
`

// database is a PostgreSQL with a source database, whose dumps are imported into the database "app".
type database struct {
	*harness.Postgres
	dir  string
	want string // count and checksum of the source's rows
}

// rowsAndSum identifies the content of a table.
const rowsAndSum = "select count(*), sum(hashtext(e::text)::bigint) from events e"

func startDatabase(t *testing.T) *database {
	t.Helper()
	rows := 200_000 // 20 MB as a dump
	if harness.Full() {
		rows = 3_000_000
	}
	d := &database{Postgres: run.StartPostgres(t), dir: run.Sub(t)}
	d.SQL(t, "postgres", "create database source")
	d.SQL(t, "postgres", "create database app")
	d.SQL(t, "source", fmt.Sprintf(`create table events as
		select g as id, md5(g::text) as a, md5((g*7)::text) as b, timestamptz '2026-01-01' + g * interval '1 s' as at
		from generate_series(1, %d) g; alter table events add primary key (id)`, rows))
	d.want = d.SQL(t, "source", rowsAndSum)
	return d
}

// before puts a table in "app" that a failed import must leave alone, and returns what identifies it.
func (d *database) before(t *testing.T) string {
	t.Helper()
	d.SQL(t, "app", "drop table if exists events; create table events as select 1 as id, 'as it was' as a")
	return d.SQL(t, "app", rowsAndSum)
}

// dump makes a dump in the given format and compression and returns its path.
func (d *database) dump(t *testing.T, format, compression string) string {
	t.Helper()
	path := filepath.Join(d.dir, "app-"+format+"."+compression)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	args := map[string][]string{
		"custom": {"-Fc", "-Z0"},
		"plain":  {"-Fp", "--clean", "--if-exists"},
	}[format]
	d.Dump(t, "source", path, args...)
	if compression == "none" {
		return path
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	var w io.WriteCloser
	switch compression {
	case "gzip":
		w, err = gzip.NewWriterLevel(file, gzip.BestSpeed)
	case "zstd":
		w, err = zstd.NewWriter(file)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// startRestores starts a stack whose imports go into d.
func startRestores(t *testing.T, d *database) *stack {
	t.Helper()
	return start(t, origins, fmt.Sprintf(restores, d.Tool("pg_restore"), d.Tool("psql"), d.Socket), harness.NginxConfig{})
}

func TestDatabaseImports(t *testing.T) {
	d := startDatabase(t)
	s := startRestores(t, d)
	for _, c := range []struct{ target, format, compression string }{
		{"appdb", "custom", "none"},
		{"appdb", "custom", "zstd"},
		{"script", "plain", "gzip"},
		{"script", "plain", "zstd"},
	} {
		t.Run(c.format+" "+c.compression, func(t *testing.T) {
			d.before(t)
			content, err := os.ReadFile(d.dump(t, c.format, c.compression))
			if err != nil {
				t.Fatal(err)
			}
			path := upload(t, s.client(), c.target, content)
			if j := done(t, s.client(), path, 5*time.Minute); j.Outcome != "succeeded" {
				t.Fatalf("outcome %s: %+v\n%s", j.Outcome, j.Problem, s.client().Get(t, path+"/log").Body)
			}
			if got := d.SQL(t, "app", rowsAndSum); got != d.want {
				t.Errorf("rows and checksum %s, want %s", got, d.want)
			}
		})
	}
	t.Run("watched in the browser", func(t *testing.T) { watchedImport(t, d, s) })
	t.Run("what cannot be imported leaves the database alone", func(t *testing.T) { failedImports(t, d, s) })
}

// watchedImport imports a gzipped archive in Chromium. The tab is closed while the import is under way
// and opened again: the job goes on without it, and the page finds it.
func watchedImport(t *testing.T, d *database, s *stack) {
	d.before(t)
	// The target is locked by another transaction until the watcher has been gone and has come back:
	// the import cannot end while nobody looks.
	holder := d.Hold(t, "app", "begin; lock table events in access exclusive mode")
	b := run.StartBrowser(t, s.rule())
	tab := b.Tab(t)
	tab.Open(harness.Origin + "/")
	tab.Click(testid("import-open-appdb"))
	recordProgress(tab)
	importFile(tab, d.dump(t, "custom", "gzip"))
	tab.Until(60*time.Second, fmt.Sprintf("(bar => bar.value === bar.max)(document.querySelector(%q))", testid("import-progress-upload")))
	tab.Until(60*time.Second, fmt.Sprintf(`document.querySelector(%q)?.dataset.state === "running"`, testid("import-outcome")))
	tab.Shot("import-running")
	checkMonotonic(t, tab)
	tab.Close()

	tab = b.Tab(t)
	tab.Open(harness.Origin + "/")
	tab.Click(testid("import-open-appdb"))
	recordProgress(tab)
	tab.See(testid("import-progress-import"))
	holder.Release(t)
	untilSucceeded(tab, 5*time.Minute)
	checkMonotonic(t, tab)
	tab.Shot("import-database")
	if got := d.SQL(t, "app", rowsAndSum); got != d.want {
		t.Errorf("rows and checksum %s, want %s", got, d.want)
	}
}

// recordProgress notes every value that the import's progress bar takes.
func recordProgress(tab *harness.Tab) {
	tab.Eval(`(() => {
		window.seen = [];
		const look = () => {
			const bar = document.querySelector('[data-testid="import-progress-import"]');
			if (bar?.hasAttribute("value") && seen[seen.length - 1] !== bar.value) seen.push(bar.value);
		};
		new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
		look();
	})()`)
}

func checkMonotonic(t *testing.T, tab *harness.Tab) {
	t.Helper()
	last := -1.0
	values := tab.Eval(`seen.join(" ")`)
	for text := range strings.FieldsSeq(values) {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil || value < last || value > 100 {
			t.Errorf("the progress bar went through %s", values)
			return
		}
		last = value
	}
	if last < 0 {
		t.Error("the progress bar never had a value")
	}
}

// failedImports sends what must not get in and expects the reason in words and the database untouched.
func failedImports(t *testing.T, d *database, s *stack) {
	archive, err := os.ReadFile(d.dump(t, "custom", "none"))
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(d.dump(t, "plain", "none"))
	if err != nil {
		t.Fatal(err)
	}
	zipped, err := os.ReadFile(d.dump(t, "custom", "gzip"))
	if err != nil {
		t.Fatal(err)
	}
	corrupt := bytes.Clone(zipped)
	for i := range 64 {
		corrupt[len(corrupt)/2+i] ^= 0x5a
	}
	broken := bytes.Replace(script, []byte("COPY public.events"), []byte("COPY public.evnets"), 1)
	for _, c := range []struct {
		name, target string
		content      []byte
		words        string // in the answer to the upload
	}{
		{"a script for pg_restore", "appdb", script, "this is plain SQL"},
		{"an archive for psql", "script", archive, "this is a pg_dump archive"},
		{"neither", "appdb", []byte("hello, world, this is no dump"), "unknown format"},
	} {
		t.Run(c.name, func(t *testing.T) {
			was := d.before(t)
			path, answer := tryUpload(t, s.client(), c.target, c.content)
			checkProblem(t, answer, http.StatusUnprocessableEntity)
			if !strings.Contains(answer.Body, c.words) {
				t.Errorf("nothing says %q: %s", c.words, answer.Body)
			}
			if j := snapshot(t, s.client(), path); j.Outcome != "rejected" {
				t.Errorf("outcome %s, want rejected", j.Outcome)
			}
			if got := d.SQL(t, "app", rowsAndSum); got != was {
				t.Errorf("the table is now %s, was %s", got, was)
			}
		})
	}
	for _, c := range []struct {
		name, target string
		content      []byte
		words        string // in the problem or the output
	}{
		{"an archive cut short", "appdb", archive[:len(archive)/2], "pg_restore: error"},
		{"a gzip cut short", "appdb", zipped[:len(zipped)/2], "cut off"},
		{"a damaged gzip", "appdb", corrupt, "failed"}, // who notices first, the decoder or pg_restore, is open
		{"a statement that fails", "script", broken, "evnets"},
	} {
		t.Run(c.name, func(t *testing.T) {
			was := d.before(t)
			path := upload(t, s.client(), c.target, c.content)
			j := done(t, s.client(), path, time.Minute)
			said := j.Outcome + "\n" + j.Problem.Title + "\n" + j.Problem.Detail + "\n" + s.client().Get(t, path+"/log").Body
			if j.Outcome != "failed" || j.Problem.Title == "" || !strings.Contains(said, c.words) {
				t.Errorf("want failed, a title and %q in\n%s", c.words, said)
			}
			if got := d.SQL(t, "app", rowsAndSum); got != was {
				t.Errorf("the table is now %s, was %s", got, was)
			}
		})
	}
}
