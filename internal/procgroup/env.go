package procgroup

import (
	"os"
	"strings"
)

// markVar is the variable that carries a group's mark. Its value is a comma
// separated path of marks, outermost first, so that a host that itself runs
// inside a group stays part of it.
const markVar = "PRUVON_GROUP"

// CleanEnv returns an environment for a child: PATH, LANG, LC_*, HOME, USER,
// LOGNAME, SHELL, TERM and TZ of the host, then extra, each "KEY=value". Of a
// repeated key the last one counts and only that one is returned. Everything
// else of the host's environment (passwords, LD_PRELOAD, what a service
// manager told the host) stays behind.
func CleanEnv(extra ...string) []string {
	return mergeEnv(os.Environ(), extra)
}

func mergeEnv(host, extra []string) []string {
	env := make([]string, 0, 16+len(extra))
	for _, kv := range host {
		if k, _, ok := strings.Cut(kv, "="); ok && inheritable(k) {
			env = append(env, kv)
		}
	}
	return dedupEnv(append(env, extra...))
}

func inheritable(key string) bool {
	switch key {
	case "PATH", "LANG", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TZ":
		return true
	}
	return strings.HasPrefix(key, "LC_")
}

// managerVars are what systemd tells the service itself and nobody else
// (systemd.exec(5), sd_notify(3), sd_listen_fds(3)). A child that had them
// could speak in the service's name, so they are dropped even when a caller
// copied its whole environment.
var managerVars = [...]string{
	"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "INVOCATION_ID",
	"JOURNAL_STREAM", "WATCHDOG_USEC", "WATCHDOG_PID", "MAINPID", "MANAGERPID",
	"SYSTEMD_EXEC_PID", "CREDENTIALS_DIRECTORY", "MEMORY_PRESSURE_WATCH",
	"MEMORY_PRESSURE_WRITE", "FDSTORE", "REMOTE_ADDR", "REMOTE_PORT",
}

// childEnv is what the child gets: env without what is only the host's, and
// the mark first.
func childEnv(env []string, mark string) []string {
	out := make([]string, 1, len(env)+1)
	out[0] = markVar + "=" + mark
	for _, kv := range env {
		if k, _, _ := strings.Cut(kv, "="); k != markVar && !managerVar(k) {
			out = append(out, kv)
		}
	}
	return dedupEnv(out)
}

func managerVar(key string) bool {
	for _, v := range managerVars {
		if key == v {
			return true
		}
	}
	return false
}

// dedupEnv keeps the last entry of each key, in the order of first appearance,
// and drops entries that are not KEY=value.
func dedupEnv(env []string) []string {
	at := make(map[string]int, len(env))
	out := env[:0:0]
	for _, kv := range env {
		k, _, ok := strings.Cut(kv, "=")
		if !ok || k == "" || strings.IndexByte(kv, 0) >= 0 {
			continue
		}
		if i, seen := at[k]; seen {
			out[i] = kv
			continue
		}
		at[k] = len(out)
		out = append(out, kv)
	}
	return out
}
