package harness

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Postgres is a running PostgreSQL cluster of its own, reachable through a socket folder only.
type Postgres struct {
	*Child
	Socket string // folder of the socket: the -h of psql, pg_dump and pg_restore

	bin string
	own *Run
}

// StartPostgres makes a cluster in the run's folder and starts it, as the postgres user when the tests
// run as root (initdb refuses root). Nothing of it is synced to disk.
func (r *Run) StartPostgres(tb testing.TB) *Postgres {
	tb.Helper()
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(bins) == 0 {
		tb.Fatal("postgresql is not installed: run make deps")
	}
	dir := r.Sub(tb)
	p := &Postgres{Socket: filepath.Join(dir, "socket"), bin: bins[len(bins)-1], own: r}
	if err := os.Mkdir(p.Socket, 0o755); err != nil {
		tb.Fatal(err)
	}
	attr := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		uid, gid := account(tb, "postgres")
		attr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
		for _, path := range []string{dir, p.Socket} {
			if err := os.Chown(path, int(uid), int(gid)); err != nil {
				tb.Fatal(err)
			}
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(p.bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, attr
	if out, err := initdb.CombinedOutput(); err != nil {
		tb.Fatalf("initdb: %v\n%s", err, out)
	}
	server := exec.Command(filepath.Join(p.bin, "postgres"), "-D", data, "-k", p.Socket, "-c", "listen_addresses=",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_wal_size=4GB")
	server.Dir = dir
	server.SysProcAttr = &syscall.SysProcAttr{Credential: attr.Credential}
	// SIGINT is PostgreSQL's fast shutdown: open transactions are rolled back.
	p.Child = r.Start(tb, "postgres", server, syscall.SIGINT)
	Eventually(tb, 30*time.Second, func() error {
		_, err := p.run("psql", "-d", "postgres", "-c", "select 1")
		return err
	})
	return p
}

// Tool is the path of one of PostgreSQL's programs.
func (p *Postgres) Tool(name string) string { return filepath.Join(p.bin, name) }

// SQL runs statements in a database and returns the unaligned output without its last newline.
func (p *Postgres) SQL(tb testing.TB, database, statements string) string {
	tb.Helper()
	out, err := p.run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statements)
	if err != nil {
		tb.Fatalf("psql %s: %v\n%s", database, err, out)
	}
	return strings.TrimRight(out, "\n")
}

// Dump writes a dump of database to path with pg_dump's arguments.
func (p *Postgres) Dump(tb testing.TB, database, path string, args ...string) {
	tb.Helper()
	if out, err := p.run("pg_dump", append(args, "-f", path, "-d", database)...); err != nil {
		tb.Fatalf("pg_dump: %v\n%s", err, out)
	}
}

func (p *Postgres) run(tool string, args ...string) (string, error) {
	cmd := exec.Command(p.Tool(tool), append([]string{"-h", p.Socket, "-U", "postgres"}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func account(tb testing.TB, name string) (uid, gid uint32) {
	tb.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		tb.Fatal(err)
	}
	number := func(text string) uint32 {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			tb.Fatal(fmt.Errorf("account %s: %w", name, err))
		}
		return uint32(n)
	}
	return number(u.Uid), number(u.Gid)
}

// Held is a database session that keeps a transaction open.
type Held struct {
	stdin io.WriteCloser
	child *Child
}

// Hold runs statements in a session of their own that stays open, with the locks they took, until
// Release or the end of the test.
func (p *Postgres) Hold(tb testing.TB, database, statements string) *Held {
	tb.Helper()
	cmd := exec.Command(p.Tool("psql"), "-X", "-q", "-A", "-t", "-h", p.Socket, "-U", "postgres", "-d", database)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	h := &Held{stdin: stdin, child: p.own.Start(tb, "psql", cmd, 0)}
	if _, err := io.WriteString(stdin, statements+";\nselect 'locks' || ' taken';\n"); err != nil {
		tb.Fatal(err)
	}
	Eventually(tb, 10*time.Second, func() error {
		if said := h.child.LogFrom(0); !strings.Contains(said, "locks taken") {
			return fmt.Errorf("psql says %q", said)
		}
		return nil
	})
	tb.Cleanup(func() { _ = stdin.Close() })
	return h
}

// Release ends the session, which rolls its transaction back.
func (h *Held) Release(tb testing.TB) {
	tb.Helper()
	if err := h.stdin.Close(); err != nil {
		tb.Fatal(err)
	}
	<-h.child.Done()
}
