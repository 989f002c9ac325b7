package harness

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// markName is the environment variable by which processes of a run are recognised after its end.
const markName = "PRUVON_E2E_RUN"

// Run is one execution of a test package: its folder, its certificate and its child processes.
// Its methods may be called concurrently.
type Run struct {
	// Dir is a temporary folder that every user may enter: nginx workers and PostgreSQL run as others.
	Dir  string
	Cert *Certificate

	mark string

	mu       sync.Mutex
	children []*Child
	closers  []func() error
}

// NewRun creates the folder and the certificate.
func NewRun() (*Run, error) {
	dir, err := os.MkdirTemp("", "pruvon-e2e-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	cert, err := NewCertificate(dir)
	if err != nil {
		return nil, err
	}
	return &Run{Dir: dir, Cert: cert, mark: rand.Text()}, nil
}

// OnClose registers f to run at Close, last registered first, before the children are stopped.
func (r *Run) OnClose(f func() error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closers = append(r.closers, f)
}

// Close stops the children in the reverse order of their start and removes the folder. The error names
// each process that is still there afterwards.
func (r *Run) Close() error {
	r.mu.Lock()
	closers, children := r.closers, r.children
	r.closers, r.children = nil, nil
	r.mu.Unlock()

	var errs []error
	for i := len(closers) - 1; i >= 0; i-- {
		errs = append(errs, closers[i]())
	}
	for i := len(children) - 1; i >= 0; i-- {
		errs = append(errs, children[i].Stop())
	}
	errs = append(errs, r.leftBehind(5*time.Second), os.RemoveAll(r.Dir))
	return errors.Join(errs...)
}

// Sub creates a folder below Dir for one test.
func (r *Run) Sub(tb testing.TB) string {
	tb.Helper()
	name := strings.NewReplacer("/", "_", " ", "_").Replace(tb.Name())
	dir, err := os.MkdirTemp(r.Dir, name+"-")
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// Watch prints what the children wrote during the test, should it fail.
func (r *Run) Watch(tb testing.TB) {
	tb.Helper()
	from := map[*Child]int64{}
	r.mu.Lock()
	for _, c := range r.children {
		from[c] = c.LogSize()
	}
	r.mu.Unlock()
	tb.Cleanup(func() {
		if !tb.Failed() {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, c := range r.children {
			if text := tail(c.LogFrom(from[c]), 4<<10); text != "" {
				tb.Logf("--- %s wrote:\n%s", c.Name, text)
			}
		}
	})
}

func (r *Run) add(c *Child) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.children = append(r.children, c)
}

// leftBehind waits until no process of the run is left, at most the given time. A process belongs to
// the run when its environment carries the mark, or its command line or working directory lies in Dir
// (nginx and PostgreSQL overwrite their environment with their title).
func (r *Run) leftBehind(patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for {
		left := r.processes()
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes left behind:\n%s", strings.Join(left, "\n"))
		}
		pause()
	}
}

func (r *Run) processes() []string {
	return processes(func(environ, cmdline, cwd string) bool {
		return strings.Contains(environ, r.mark) || strings.Contains(cmdline, r.Dir) || inside(r.Dir, cwd)
	})
}

// ProcessesIn returns an error that names the processes whose working directory is dir or lies below it,
// other than the given ones.
func ProcessesIn(dir string, but ...int) error {
	left := processes(func(_, _, cwd string) bool { return inside(dir, cwd) })
	left = slices.DeleteFunc(left, func(process string) bool {
		return slices.ContainsFunc(but, func(pid int) bool { return strings.HasPrefix(process, fmt.Sprint(pid)+" ") })
	})
	if len(left) > 0 {
		return fmt.Errorf("still running in %s:\n%s", dir, strings.Join(left, "\n"))
	}
	return nil
}

// processes lists the other processes that match, each as its pid and command line.
func processes(match func(environ, cmdline, cwd string) bool) []string {
	var found []string
	entries, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range entries {
		if filepath.Base(proc) == fmt.Sprint(os.Getpid()) {
			continue
		}
		environ, _ := os.ReadFile(proc + "/environ")
		cmdline, _ := os.ReadFile(proc + "/cmdline")
		cwd, _ := os.Readlink(proc + "/cwd")
		if match(string(environ), string(cmdline), cwd) {
			found = append(found, filepath.Base(proc)+" "+commandLine(filepath.Base(proc)))
		}
	}
	return found
}

// commandLine is what a process shows as its command, "" when it is gone.
func commandLine(pid string) string {
	cmdline, _ := os.ReadFile("/proc/" + pid + "/cmdline")
	return strings.TrimSpace(strings.ReplaceAll(string(cmdline), "\x00", " "))
}

func inside(dir, path string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

func tail(text string, limit int) string {
	if len(text) > limit {
		return "…" + text[len(text)-limit:]
	}
	return text
}
