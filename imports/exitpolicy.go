package imports

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// ExitPolicy judges how a command ended. Exit codes mean different things to
// different programs, and an output text is no proof of success: a policy is
// about the exit status first.
type ExitPolicy func(ExitStatus) Verdict

// ExitStatus is how a command ended and what it wrote to standard error: the
// first 16 KiB and the last 16 KiB, in order.
type ExitStatus struct {
	Exit   *Exit
	Stderr []byte
}

// Verdict is an [ExitPolicy]'s answer.
type Verdict struct {
	Failed   bool
	Warnings []string
	Title    string
	Detail   string
	Hint     string
}

// ExitZero is the policy that fits most programs: zero is success.
func ExitZero(s ExitStatus) Verdict {
	if v, ok := bySignal(s); ok {
		return v
	}
	if *s.Exit.Code == 0 {
		return Verdict{}
	}
	return Verdict{
		Failed: true,
		Title:  fmt.Sprintf("The command failed with exit code %d", *s.Exit.Code),
		Detail: firstError(s.Stderr),
	}
}

// PgRestore is pg_restore's policy: without --exit-on-error it goes on after
// an error, counts it, and exits with 1 although the rest is in. With
// "warning: errors ignored on restore: N" that is success with warnings.
func PgRestore(s ExitStatus) Verdict {
	v := ExitZero(s)
	if !v.Failed || s.Exit.Code == nil || *s.Exit.Code != 1 {
		return v
	}
	if m := ignoredErrors.FindSubmatch(s.Stderr); m != nil {
		w := fmt.Sprintf("pg_restore ignored %s errors", m[1])
		if v.Detail != "" {
			w += "; the first: " + v.Detail
		}
		return Verdict{Warnings: []string{w}}
	}
	if bytes.Contains(s.Stderr, []byte("appears to be a text format dump")) {
		v.Hint = "this is plain SQL: import it into a target that uses psql"
	}
	return v
}

var ignoredErrors = regexp.MustCompile(`(?m)^pg_restore: warning: errors ignored on restore: (\d+)`)

// Psql is psql's policy. It needs the command to set ON_ERROR_STOP, since
// without it psql exits with 0 whatever happened; then 3 is an error in the
// script. Errors that an exit code of 0 hides are made warnings.
func Psql(s ExitStatus) Verdict {
	v := ExitZero(s)
	switch {
	case v.Failed && s.Exit.Code != nil && *s.Exit.Code == 3:
		v.Title = "An SQL statement failed"
	case v.Failed && s.Exit.Code != nil && *s.Exit.Code == 2:
		v.Title = "The connection to the database failed"
	case v.Failed:
	default:
		if n := len(psqlError.FindAllIndex(s.Stderr, -1)); n > 0 {
			v.Warnings = []string{fmt.Sprintf("psql reported %d errors and went on; the first: %s", n, firstError(s.Stderr))}
			v.Hint = "run psql with -v ON_ERROR_STOP=1"
		}
	}
	return v
}

// A script on standard input has no file name in front of its errors.
var psqlError = regexp.MustCompile(`(?m)^(psql:\S* )?(ERROR|FATAL):`)

func bySignal(s ExitStatus) (Verdict, bool) {
	switch {
	case s.Exit == nil:
		return Verdict{Failed: true, Title: "The command did not end", Detail: "it could not even be killed"}, true
	case s.Exit.Signal != nil:
		return Verdict{Failed: true, Title: "The command was ended by " + *s.Exit.Signal, Detail: firstError(s.Stderr)}, true
	case s.Exit.Code == nil:
		return Verdict{Failed: true, Title: "How the command ended is not known"}, true
	}
	return Verdict{}, false
}

// firstError is the line that tells most: the first that calls itself an
// error, or else the last one.
func firstError(stderr []byte) string {
	last := ""
	for line := range strings.Lines(string(stderr)) {
		line = oneLine(line, 300)
		if line == "" {
			continue
		}
		if errorLine.MatchString(line) {
			return line
		}
		last = line
	}
	return last
}

var errorLine = regexp.MustCompile(`(?i)\b(error|fatal|panic)\b`)
