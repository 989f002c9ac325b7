package imports

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// Importer brings input into a target. Import reads src, which is decompressed
// and ends with io.EOF only when all of it was good: any other error of src
// must keep the importer from committing, and be returned. A nil error is
// success; a [*Failure] says more about what went wrong than its text. Import
// must return soon after ctx ends, with nothing left running.
//
// An Importer is used for many imports at the same time.
type Importer interface {
	Import(ctx context.Context, src io.Reader, job *Job) error
}

// ImporterFunc is a function that is an [Importer].
type ImporterFunc func(ctx context.Context, src io.Reader, job *Job) error

// Import calls f.
func (f ImporterFunc) Import(ctx context.Context, src io.Reader, job *Job) error {
	return f(ctx, src, job)
}

// Failure is an error of an [Importer] in words for the operator.
type Failure struct {
	// Exit is how the importer's command ended, if it has one.
	Exit *Exit
	// Title says in a few words what failed.
	Title string
	// Detail is the importer's own first word about it.
	Detail string
	// Hint says what can be done.
	Hint string
	// Err is the cause, for the log.
	Err error
}

// Error implements error.
func (f *Failure) Error() string {
	s := f.Title
	if f.Detail != "" {
		s += ": " + f.Detail
	}
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Info is what an importer may know of its import.
type Info struct {
	ID      string
	Target  string
	Owner   string
	Attempt int
	// Name is the file name that the client gave: for display, never a path.
	Name string
	// Size is the stored size in bytes.
	Size        int64
	Format      Format
	Compression Compression
}

// Job is an [Importer]'s way to report. Its methods may be called
// concurrently, and after Import has returned they do nothing.
type Job struct {
	j *job
	r *run
}

// Info describes the import.
func (j *Job) Info() Info { return j.r.info }

// Stage says what is being done now, for example "indexes". Stages are kept
// and timed.
func (j *Job) Stage(name string) {
	if name = oneLine(name, 100); name != "" {
		j.r.stage(name)
	}
}

// Warn adds a warning. An import with warnings ends as succeeded_with_warnings
// instead of succeeded.
func (j *Job) Warn(text string) {
	if text = oneLine(text, 1000); text != "" {
		j.r.warn(text)
	}
}

// Output keeps what the importer has to say. It is made printable and split
// into lines; b is not kept.
func (j *Job) Output(s Stream, b []byte) { j.r.output(s, b) }

// Progress replaces the count of input bytes by the importer's own numbers, in
// any unit; a negative total is unknown.
func (j *Job) Progress(current, total int64) { j.r.progress(current, total) }

// oneLine makes text fit for a single line of a page or a log.
func oneLine(s string, limit int) string {
	cr := false
	s = string(printable(nil, []byte(s), &cr))
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, s))
	if len(s) > limit {
		b := []byte(s[:limit])
		s = string(b[:len(b)-unfinished(b)]) + "…"
	}
	return s
}

// durationText is a duration for people.
func durationText(d time.Duration) string {
	if d >= time.Second {
		d = d.Round(time.Second)
	}
	return fmt.Sprint(d)
}
