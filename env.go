package pruvon

import "github.com/pruvon/pruvon/internal/procgroup"

// CleanEnv returns an environment for a command of a terminal, a log or an
// import: PATH, LANG, LC_*, HOME, USER, LOGNAME, SHELL, TERM and TZ of this
// process, then extra, each "KEY=value"; of a repeated key the last counts.
// Nothing else of this process's environment is in it: passwords, LD_PRELOAD
// and what a service manager told us stay behind. A command whose Env is nil
// gets the same without extra.
func CleanEnv(extra ...string) []string { return procgroup.CleanEnv(extra...) }
