package logs

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	defaultTail = 200
	maxTail     = 1_000_000
	tailAll     = -1
	maxPattern  = 1 << 10
)

// query is what a request asks for.
type query struct {
	tail         int // lines of history; tailAll
	since, until time.Time
	cursor, to   string
	follow       bool
	grep, not    *regexp.Regexp
	level        Level
	download     bool
}

// parseQuery reads the parameters. Unknown ones are ignored; a known one that
// stands twice, or says nothing that makes sense, is an error whose text is
// for the client and repeats nothing of what it sent.
func parseQuery(r *http.Request, now time.Time) (query, error) {
	q := query{tail: defaultTail, follow: true}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, fmt.Errorf("the query cannot be read")
	}
	get := func(name string) string {
		v := values[name]
		if len(v) > 1 && err == nil {
			err = fmt.Errorf("%s stands in the query more than once", name)
		}
		if len(v) == 0 {
			return ""
		}
		return v[0]
	}
	tail, since, until := get("tail"), get("since"), get("until")
	follow, grep, not := get("follow"), get("grep"), get("not")
	level, download := get("level"), get("download")
	q.cursor, q.to = get("cursor"), get("to")
	if err != nil {
		return q, err
	}
	// A browser's EventSource sends this when it reconnects by itself, with
	// the URL it was opened with: the newer of the two wins.
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		q.cursor = id
	}
	if q.tail, err = parseTail(tail, since != ""); err != nil {
		return q, err
	}
	if q.since, err = parseWhen("since", since, now); err != nil {
		return q, err
	}
	if q.until, err = parseWhen("until", until, now); err != nil {
		return q, err
	}
	if q.follow, err = parseSwitch("follow", follow, true); err != nil {
		return q, err
	}
	if q.download, err = parseSwitch("download", download, false); err != nil {
		return q, err
	}
	if q.grep, err = parsePattern("grep", grep); err != nil {
		return q, err
	}
	if q.not, err = parsePattern("not", not); err != nil {
		return q, err
	}
	if level != "" {
		var ok bool
		if q.level, ok = parseLevel(level); !ok {
			return q, fmt.Errorf("level is one of debug, info, warn, error, fatal")
		}
	}
	return q, nil
}

// parseTail reads a number of lines. Whoever asks for a time wants all since.
func parseTail(s string, since bool) (int, error) {
	switch {
	case s == "" && since, s == "all":
		return tailAll, nil
	case s == "":
		return defaultTail, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > maxTail || s[0] == '+' {
		return 0, fmt.Errorf("tail is a number from 0 to %d, or all", maxTail)
	}
	return n, nil
}

// parseWhen reads a time, or an age like 10m.
func parseWhen(name, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	// A "+" of a zone that was not escaped arrives as a space.
	if t, err := time.Parse(time.RFC3339Nano, strings.Replace(s, " ", "+", 1)); err == nil {
		return t, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%s is an RFC 3339 time or an age like 10m", name)
}

func parseSwitch(name, s string, def bool) (bool, error) {
	switch s {
	case "":
		return def, nil
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	}
	return def, fmt.Errorf("%s is 0 or 1", name)
}

// parsePattern compiles a regular expression. RE2 matches in linear time, so
// a length cap is all that is needed against hostile ones; the compiler itself
// refuses repetitions that would make the program large.
func parsePattern(name, s string) (*regexp.Regexp, error) {
	if s == "" {
		return nil, nil
	}
	if len(s) > maxPattern {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, maxPattern)
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, fmt.Errorf("%s is not a regular expression that RE2 knows", name)
	}
	return re, nil
}
