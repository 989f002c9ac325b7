package pruvon_test

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/imports"
)

// livingGauges count what lives, whatever its label; all of them are zero when
// nobody is there.
var livingGauges = []string{
	"pruvon_terminal_sessions", "pruvon_terminal_attachments", "pruvon_logs_viewers", "pruvon_logs_sources_following",
	"pruvon_logs_children", "pruvon_imports_running", "pruvon_imports_queued", "pruvon_imports_stalled",
	"pruvon_imports_watchers", "pruvon_imports_spool_bytes",
}

// possessions is what a process has, and what its App has.
type possessions struct {
	goroutines, descriptors int
	heap                    int64
	files                   int      // in the state directories
	processes               []string // children, theirs, and whatever else was started, dead or alive
	living                  []string // gauges that are not zero
	series                  int      // of all metrics
}

func (p possessions) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d KiB of heap, %d state files, %d series, %d processes, living: %v",
		p.goroutines, p.descriptors, p.heap>>10, p.files, p.series, len(p.processes), p.living)
}

func (s *soak) measure() possessions {
	s.http.CloseIdleConnections()
	runtime.GC()
	runtime.GC() // what pools held goes with the second
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	p := possessions{goroutines: runtime.NumGoroutine(), heap: int64(mem.HeapAlloc)}
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(s.t, err)
	p.descriptors = len(fds)
	err = filepath.WalkDir(filepath.Join(s.dir, "state"), func(_ string, _ fs.DirEntry, err error) error {
		p.files++
		return err
	})
	if err != nil {
		p.files = -1 // something is being removed right now
	}
	p.processes = started(s.t, filepath.Join(s.dir, "work"))
	families, err := s.reg.Gather()
	require.NoError(s.t, err)
	for _, f := range families {
		p.series += len(f.GetMetric())
		for _, m := range f.GetMetric() {
			if v := m.GetGauge().GetValue(); v != 0 && slices.Contains(livingGauges, f.GetName()) {
				p.living = append(p.living, fmt.Sprintf("%s %v", f.GetName(), v))
			}
		}
	}
	return p
}

// settle waits until nothing lives and, if there is something to compare with,
// until no more is held than before. It returns the last measurement either
// way.
func (s *soak) settle(before *possessions) possessions {
	s.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		p := s.measure()
		over := before != nil && len(p.excess(*before)) > 0
		if p.files >= 0 && len(p.processes) == 0 && len(p.living) == 0 && !over && p.stable(s) || time.Now().After(deadline) {
			return p
		}
		<-time.After(50 * time.Millisecond)
	}
}

// stable says that goroutines and descriptors are not on their way out.
func (p possessions) stable(s *soak) bool {
	<-time.After(100 * time.Millisecond)
	next := s.measure()
	return next.goroutines == p.goroutines && next.descriptors == p.descriptors
}

// excess names everything of which there is more than before.
func (p possessions) excess(before possessions) []string {
	var more []string
	check := func(what string, now, then, allowed int64) {
		if now > then+allowed {
			more = append(more, fmt.Sprintf("%s: %d, before %d", what, now, then))
		}
	}
	check("goroutines", int64(p.goroutines), int64(before.goroutines), 0)
	check("descriptors", int64(p.descriptors), int64(before.descriptors), 0)
	check("files in the state directories", int64(p.files), int64(before.files), 0)
	check("series", int64(p.series), int64(before.series), 0)
	check("bytes of heap", p.heap, before.heap, before.heap/20)
	return more
}

func (p possessions) compare(t *testing.T, before possessions) {
	t.Helper()
	assert.Empty(t, p.excess(before), "more than before")
	assert.Empty(t, p.processes, "processes are left")
	assert.Empty(t, p.living, "gauges that do not come back to zero")
	if len(p.excess(before)) > 0 && p.goroutines > before.goroutines {
		stacks := make([]byte, 1<<20)
		t.Logf("%s", stacks[:runtime.Stack(stacks, true)])
	}
}

// started are the processes below this one, zombies too, and those anywhere
// that run in a directory.
func started(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	parents, texts := map[int]int{}, map[int]string{}
	for _, path := range all {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has gone
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		line := string(b)
		var state string
		var parent int
		if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ')')+1:], &state, &parent); err != nil {
			continue
		}
		parents[pid], texts[pid] = parent, line[:strings.LastIndexByte(line, ')')+1]+" "+state
	}
	var found []string
	for pid, text := range texts {
		cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		below := cwd == dir
		for p := parents[pid]; p > 1 && !below; p = parents[p] {
			below = p == os.Getpid()
		}
		if below {
			found = append(found, text)
		}
	}
	return found
}

// fillTheCaps takes every place that there is: none may have got lost. One
// more is refused with an answer.
func (s *soak) fillTheCaps() {
	ctx, cancel := context.WithTimeout(context.Background(), soakPatience)
	defer cancel()
	v := &visit{ctx: ctx, rng: rand.New(rand.NewPCG(s.seed, 0)), user: "last", addr: "198.51.100.1"}
	j, err := s.ask(v, http.MethodPost, "/imports/slow", strings.NewReader("x"), nil, http.StatusAccepted)
	require.NoError(s.t, err)
	for path, protocol := range map[string]string{
		"/terminals/sh": "", "/logs/app": "", "/imports/slow/" + j.ID + "/events": imports.Subprotocol,
	} {
		var open []*websocket.Conn
		for i := range soakPlaces {
			ws, err := s.dial(v, path, protocol)
			require.NoError(s.t, err, "place %d of %d at %s", i, soakPlaces, path)
			open = append(open, ws)
		}
		_, err := s.dial(v, path, protocol)
		require.Error(s.t, err, path)
		require.ErrorContains(s.t, err, "503", path)
		for _, ws := range open {
			_ = ws.CloseNow()
		}
	}
	_, err = s.ask(v, http.MethodPost, "/imports/slow/"+j.ID+"/cancel", nil, nil, http.StatusAccepted)
	require.NoError(s.t, err)
	require.NoError(s.t, s.finish(v, "slow", j.ID, "canceled"))
}
