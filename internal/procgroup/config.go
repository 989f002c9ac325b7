package procgroup

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"time"
)

const (
	defaultSpawnLimit  = 3
	defaultThreads     = 7
	defaultHangupGrace = 500 * time.Millisecond
	defaultTermGrace   = time.Second
	defaultKillWait    = 5 * time.Second
)

// Config is how a Manager works. The zero value is usable.
type Config struct {
	_ [0]func()

	// StateDir is a directory, made with mode 0700 if missing, that holds what
	// the next start needs to find processes of a host that crashed: one small
	// directory for each running Manager. Several Managers, also of several
	// processes, may share it. Empty: no crash recovery. Linux only.
	StateDir string

	// Cgroup is the cgroup v2 directory below which each group gets a cgroup.
	// Empty: the process's own cgroup, when it can be found and written, else
	// none. "-": never.
	Cgroup string

	// SpawnLimit is how many commands are started at the same time. Each holds
	// an OS thread, which Go keeps, and the kernel starts one at a time anyway.
	// 0 = 3; negative = no limit.
	SpawnLimit int

	// Threads is how many OS threads the Manager's owner may hold in system
	// calls beside that: file reads, short rests. New has Go make as many, and
	// those that starts take, since Go aborts the whole program when it needs a
	// thread that the kernel refuses (RLIMIT_NPROC, pids.max). Several Managers
	// share one reserve, the largest. 0 = 7; negative = none.
	Threads int

	// HangupGrace is how long a terminal's processes have to go after SIGHUP
	// before SIGTERM follows. 0 = 500 ms; negative = none, SIGTERM follows at
	// once.
	HangupGrace time.Duration

	// TermGrace is how long processes have to go after SIGTERM before they are
	// killed. 0 = 1 s; negative = none.
	TermGrace time.Duration

	// KillWait is how long End waits for killed processes to disappear before
	// it counts the rest as survivors: those stuck in the kernel, or not yet
	// given the processor on a machine at its limit. 0 = 5 s; negative = do not
	// wait.
	KillWait time.Duration

	// Logger receives what operators should know. nil = slog.Default().
	Logger *slog.Logger
}

// Validate reports all faults of c, each naming its field. It has no side
// effects.
func (c Config) Validate() error {
	if c.Cgroup != "" && c.Cgroup != "-" && !filepath.IsAbs(c.Cgroup) {
		return fmt.Errorf("procgroup: Cgroup %q is neither an absolute path nor \"-\"", c.Cgroup)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.SpawnLimit == 0 {
		c.SpawnLimit = defaultSpawnLimit
	}
	if c.Threads == 0 {
		c.Threads = defaultThreads
	}
	c.Threads = max(c.Threads, 0)
	c.HangupGrace = orDefault(c.HangupGrace, defaultHangupGrace)
	c.TermGrace = orDefault(c.TermGrace, defaultTermGrace)
	c.KillWait = orDefault(c.KillWait, defaultKillWait)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// orDefault applies "0 = default, negative = off".
func orDefault(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return max(d, 0)
}
