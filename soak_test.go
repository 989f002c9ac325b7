package pruvon_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon"
	"github.com/pruvon/pruvon/imports"
	"github.com/pruvon/pruvon/logs"
	"github.com/pruvon/pruvon/terminal"
)

const (
	soakWorkers = 16
	// soakPlaces is the cap on sessions, and that on log streams: more than
	// the workers ever hold, little enough to be filled at the end.
	soakPlaces = 4 * soakWorkers
	// soakPatience bounds one visit. Nothing in one waits for a clock for
	// longer than a second.
	soakPatience = 45 * time.Second
)

// visits are what an operator's browser, or somebody who is none, does. The
// weights are out of their sum.
var visits = []struct {
	name   string
	weight int
	do     func(*soak, *visit) error
}{
	{"open and exit", 10, openAndExit},
	{"drop and resume", 8, dropAndResume},
	{"drop and leave it to the grace", 5, dropAndLeave},
	{"drop and revoke", 4, dropAndRevoke},
	{"drop and kill", 4, dropAndKill},
	{"watch and take over", 5, watchAndTakeOver},
	{"raw terminal", 6, rawTerminal},
	{"output that is not drawn to the end", 4, floodAndDrop},
	{"connect and say nothing", 4, sayNothing},
	{"start what does not exist", 3, startNothing},
	{"a tree that ignores signals", 1, stubbornTree},
	{"follow a log and drop", 16, followAndDrop},
	{"read a log to its end", 8, readToEnd},
	{"resume a log", 5, resumeLog},
	{"follow a command", 4, followCommand},
	{"rotate", 1, rotate},
	{"import", 5, importWhole},
	{"import in parts", 4, importInParts},
	{"cancel an import", 3, cancelImport},
	{"an import that fails", 3, failImport},
	{"cut an upload", 3, cutUpload},
	{"give an upload up", 3, giveUpUpload},
	{"a refused request", 10, refusedRequest},
}

// TestSoak sends operators and intruders to a whole App for thousands of
// visits in random order, and expects it to be afterwards what it was before.
func TestSoak(t *testing.T) {
	n := 1000
	if os.Getenv("PRUVON_FULL") == "1" {
		n = 10_000
	}
	s := newSoak(t)
	// Pools, caches, and what is started with the first of its kind come to be.
	for kind := range visits {
		s.one(2*n+kind, kind)
	}
	s.visit(n/10, false)
	before := s.settle(nil)
	began := time.Now()
	s.visit(n, true)
	took := time.Since(began)
	after := s.settle(&before)
	t.Logf("%d visits in %.1f s\nbefore: %v\nafter:  %v", n, took.Seconds(), before, after)
	after.compare(t, before)
	s.fillTheCaps()
}

// soak is the App under test and what the visits share.
type soak struct {
	t    *testing.T
	app  *pruvon.App
	url  string
	http *http.Client
	dir  string
	reg  *prometheus.Registry
	seed uint64
	mill *logMill

	failed atomic.Int32
}

func newSoak(t *testing.T) *soak {
	s := &soak{t: t, dir: t.TempDir(), reg: prometheus.NewRegistry(), seed: rand.Uint64()}
	if text := os.Getenv("PRUVON_SEED"); text != "" {
		_, err := fmt.Sscan(text, &s.seed)
		require.NoError(t, err)
	}
	t.Logf("PRUVON_SEED=%d", s.seed)
	for _, sub := range []string{"work", "log"} {
		require.NoError(t, os.Mkdir(filepath.Join(s.dir, sub), 0o700))
	}
	s.mill = startLogMill(t, filepath.Join(s.dir, "log", "app.log"))
	s.app = start(t, s.config())
	srv := httptest.NewServer(s.app)
	transport := &http.Transport{MaxIdleConnsPerHost: soakWorkers}
	s.url, s.http = srv.URL, &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.Close()
	})
	return s
}

func (s *soak) config() pruvon.Config {
	// Whatever is started runs in this directory: that is how it is found if
	// it has left its session and its parents.
	work := filepath.Join(s.dir, "work")
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir = work
		return cmd
	}
	run := func(name string, args ...string) terminal.Terminal {
		return terminal.Terminal{Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
			return command(name, args...), nil
		}}
	}
	// What ends while its page is away is kept for the grace, two minutes at
	// most: here so shortly that the test can wait for it.
	sh, brief := run("/bin/sh"), run("/bin/sh")
	sh.DetachGrace, brief.DetachGrace = 5*time.Second, 50*time.Millisecond
	into := func(script string) imports.Target {
		return imports.Target{Importer: imports.Command(func(context.Context, imports.Info) (*exec.Cmd, error) {
			return command("/bin/sh", "-c", script), nil
		}, nil)}
	}
	return pruvon.Config{
		Origins: []string{origin},
		Authorize: func(r *http.Request, _ pruvon.Resource) (pruvon.Access, error) {
			if user := r.Header.Get("X-Soak-User"); user != "" {
				return pruvon.Access{User: user}, nil
			}
			return pruvon.Access{}, pruvon.ErrUnauthenticated
		},
		Revalidate: 50 * time.Millisecond,
		Audit:      func(context.Context, pruvon.Event) {},
		Logger:     slog.New(slog.DiscardHandler),
		Registerer: s.reg,
		Terminal: &terminal.Config{
			StateDir: filepath.Join(s.dir, "state", "terminal"), Limits: terminal.Limits{Total: soakPlaces, PerUser: -1, PerAddr: -1},
			Terminals: map[string]terminal.Terminal{
				"sh": sh, "brief": brief, "missing": run(filepath.Join(work, "missing")),
				"stubborn": run("/bin/sh", "-c", `trap '' HUP TERM; (sleep 1000 &) ; echo ready; while :; do sleep 1000; done`),
			},
		},
		Logs: &logs.Config{
			StateDir: filepath.Join(s.dir, "state", "logs"), Limits: logs.Limits{Total: soakPlaces, PerUser: -1, PerAddr: -1},
			Linger: 20 * time.Millisecond, Ring: 256 << 10, Heartbeat: 50 * time.Millisecond,
			Sources: map[string]logs.Source{
				"app": logs.File(s.mill.path),
				"tick": logs.Command(func(context.Context) *exec.Cmd {
					return command("/bin/sh", "-c", `i=0; while :; do echo tick $((i+=1)); sleep 0.02; done`)
				}),
			},
		},
		Imports: &imports.Config{
			Dir: filepath.Join(s.dir, "state", "imports"), Slots: soakWorkers, ReserveFree: -1, MaxRecords: -1,
			Limits: imports.Limits{Total: soakPlaces, PerUser: -1, PerAddr: -1},
			Targets: map[string]imports.Target{
				"count": into("wc -c"), "fail": into("cat >/dev/null; echo no >&2; exit 3"),
				"slow": into("cat >/dev/null; sleep 1000 & wait"),
			},
		},
		Page: &pruvon.Page{},
	}
}

// visit makes n visits, a bounded number at once. What is done depends on the
// seed alone; in which order it is finished, on the machine.
func (s *soak) visit(n int, log bool) {
	s.t.Helper()
	sum := 0
	for _, v := range visits {
		sum += v.weight
	}
	rng := rand.New(rand.NewPCG(s.seed, uint64(n)))
	type ticket struct{ number, kind int }
	queue := make(chan ticket)
	var wg sync.WaitGroup
	done := make([]atomic.Int64, len(visits))
	for range soakWorkers {
		wg.Go(func() {
			for k := range queue {
				if s.one(k.number, k.kind) {
					done[k.kind].Add(1)
				}
			}
		})
	}
	for i := 0; i < n && s.failed.Load() < 5; i++ {
		at, kind := rng.IntN(sum), 0
		for at >= visits[kind].weight {
			at -= visits[kind].weight
			kind++
		}
		queue <- ticket{i, kind}
	}
	close(queue)
	wg.Wait()
	if log {
		var b strings.Builder
		for i := range visits {
			fmt.Fprintf(&b, "\n%6d  %s", done[i].Load(), visits[i].name)
		}
		s.t.Log("visits:", b.String())
	}
	if s.failed.Load() > 0 {
		s.t.FailNow()
	}
}

// one is one visit, as a user and from an address of its own.
func (s *soak) one(number, kind int) bool {
	ctx, cancel := context.WithTimeout(context.Background(), soakPatience)
	defer cancel()
	v := &visit{
		ctx: ctx, rng: rand.New(rand.NewPCG(s.seed, uint64(number)<<32)),
		user: fmt.Sprint("user", number), addr: fmt.Sprintf("198.51.%d.%d", 100+number>>8&0x3f, number&0xff),
	}
	if err := visits[kind].do(s, v); err != nil {
		s.failed.Add(1)
		s.t.Errorf("visit %d, %s: %v", number, visits[kind].name, err)
		return false
	}
	return true
}

// visit is who comes, and chance.
type visit struct {
	ctx        context.Context
	rng        *rand.Rand
	user, addr string
}

// header is what nginx would send on behalf of the visitor's browser.
func (v *visit) header() http.Header {
	return http.Header{
		"Origin": {origin}, "X-Forwarded-For": {v.addr}, "X-Real-Ip": {v.addr}, "X-Forwarded-Proto": {"https"}, "X-Soak-User": {v.user},
	}
}
