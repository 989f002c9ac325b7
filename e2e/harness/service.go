package harness

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Service is a running standalone binary.
type Service struct {
	*Child
	Addr     string // address:port it listens on
	Dir      string // its folder: configuration, state and whatever the test puts there
	StateDir string
	Config   string // path of its pruvon.yml

	run *Run
	env []string // beside the environment of the tests
	uid int      // 0: as the tests themselves
	// tasks is how many more processes and threads the user may have than before the start; with uid only.
	tasks int
}

var build struct {
	once sync.Once
	path string
	err  error
}

// Standalone builds examples/standalone once and returns the path of the binary.
func (r *Run) Standalone(tb testing.TB) string {
	tb.Helper()
	build.once.Do(func() {
		build.path = filepath.Join(r.Dir, "pruvon")
		args := []string{"build", "-C", "..", "-o", build.path}
		if os.Getenv("PRUVON_E2E_RACE") == "1" {
			args = append(args, "-race")
		}
		out, err := exec.Command("go", append(args, "./examples/standalone")...).CombinedOutput()
		if err != nil {
			build.err = fmt.Errorf("building the standalone: %w\n%s", err, out)
		}
	})
	if build.err != nil {
		tb.Fatal(build.err)
	}
	return build.path
}

// StartService writes pruvon.yml and starts the binary with it. In the text, {{DIR}} stands for the
// service's folder. A "pruvon:" section with the listening address, the state folder and the given
// lines is put before it.
func (r *Run) StartService(tb testing.TB, pruvon, rest string) *Service {
	tb.Helper()
	dir := r.Sub(tb)
	s := &Service{
		Addr:     fmt.Sprintf("127.0.0.1:%d", FreePort(tb)),
		Dir:      dir,
		StateDir: filepath.Join(dir, "state"),
		Config:   filepath.Join(dir, "pruvon.yml"),
		run:      r,
	}
	s.Configure(tb, pruvon, rest)
	s.Start(tb)
	return s
}

// StartServiceAs is StartService as another user, who may have so many processes and threads more than now
// (RLIMIT_NPROC, which holds everybody but root). For tests that root runs.
func (r *Run) StartServiceAs(tb testing.TB, uid, tasks int, pruvon, rest string) *Service {
	tb.Helper()
	dir := r.Sub(tb)
	if err := os.Chown(dir, uid, uid); err != nil {
		tb.Fatal(err)
	}
	s := &Service{
		Addr: fmt.Sprintf("127.0.0.1:%d", FreePort(tb)), Dir: dir,
		StateDir: filepath.Join(dir, "state"), Config: filepath.Join(dir, "pruvon.yml"), run: r, uid: uid, tasks: tasks,
	}
	s.Configure(tb, pruvon, rest)
	s.Start(tb)
	return s
}

// StartPlainService starts the binary with the guide's configuration: a "pruvon:" section that holds the
// address alone ("" = a free port), followed by rest. State goes to the user's cache folder, which is
// moved into dir.
func (r *Run) StartPlainService(tb testing.TB, dir, addr, rest string) *Service {
	tb.Helper()
	if addr == "" {
		addr = fmt.Sprintf("127.0.0.1:%d", FreePort(tb))
	}
	s := &Service{
		Addr: addr, Dir: dir, StateDir: filepath.Join(dir, "cache", "pruvon"), Config: filepath.Join(dir, "pruvon.yml"),
		run: r, env: []string{"XDG_CACHE_HOME=" + filepath.Join(dir, "cache")},
	}
	write(tb, s.Config, strings.ReplaceAll("pruvon:\n  listen: "+addr+"\n"+rest, "{{DIR}}", dir))
	s.Start(tb)
	return s
}

// Configure rewrites pruvon.yml; the next Start reads it.
func (s *Service) Configure(tb testing.TB, pruvon, rest string) {
	tb.Helper()
	head := fmt.Sprintf("pruvon:\n  listen: %s\n  state_dir: %s\n", s.Addr, s.StateDir)
	text := head + indent(pruvon) + rest
	write(tb, s.Config, strings.ReplaceAll(text, "{{DIR}}", s.Dir))
}

// Start starts the binary, again on the same address after it was stopped, and waits for /healthz.
func (s *Service) Start(tb testing.TB) {
	tb.Helper()
	cmd := exec.Command(s.run.Standalone(tb), "-config", s.Config)
	cmd.Dir, cmd.Env = s.Dir, append(os.Environ(), s.env...)
	if s.uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(s.uid), Gid: uint32(s.uid)}}
		defer s.limitTasks(tb)()
	}
	s.Child = s.run.Start(tb, "pruvon", cmd, syscall.SIGTERM)
	client := &http.Client{Timeout: time.Second}
	Eventually(tb, 20*time.Second, func() error {
		select {
		case <-s.Done():
			tb.Fatalf("the standalone ended with exit code %d:\n%s", s.ExitCode(), s.LogFrom(0))
		default:
		}
		resp, err := client.Get("http://" + s.Addr + "/healthz")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("/healthz says %s", resp.Status)
		}
		return nil
	})
}

// Activity returns the audit log of the service.
func (s *Service) Activity() string {
	text, _ := os.ReadFile(filepath.Join(s.StateDir, "activity.log"))
	return string(text)
}

func indent(lines string) string {
	var out strings.Builder
	for line := range strings.Lines(lines) {
		out.WriteString("  " + line)
	}
	return out.String()
}

// LimitFiles lowers the number of descriptors that the running service may have open.
func (s *Service) LimitFiles(limit uint64) error {
	return unix.Prlimit(s.Pid(), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: limit}, nil)
}

// limitTasks limits this process until undo is called: the service inherits it. To limit another user's
// process later would take a capability.
func (s *Service) limitTasks(tb testing.TB) (undo func()) {
	tb.Helper()
	tasks, _ := filepath.Glob("/proc/[0-9]*/task/[0-9]*")
	limit := uint64(s.tasks)
	for _, task := range tasks {
		if info, err := os.Stat(task); err == nil && int(info.Sys().(*syscall.Stat_t).Uid) == s.uid {
			limit++
		}
	}
	var before unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NPROC, &before)
	if err == nil {
		err = unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: limit, Max: before.Max})
	}
	if err != nil {
		tb.Fatal(err)
	}
	return func() {
		if err := unix.Setrlimit(unix.RLIMIT_NPROC, &before); err != nil {
			tb.Error(err)
		}
	}
}
