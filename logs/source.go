package logs

import (
	"context"
	"time"
)

// Stream says which of a command's two outputs a line came from.
type Stream uint8

// The streams. A file has only the first.
const (
	Stdout Stream = iota
	Stderr
)

// Position is a place in a source: opaque bytes that the source writes and
// nobody else reads, at most [MaxPosition] of them. It means "everything up to
// here has been seen". A source must be able to make sense of one that it
// wrote in an earlier life of the process, or say with a [Lost] note that it
// cannot.
type Position []byte

// MaxPosition is the longest Position in bytes that fits a cursor.
const MaxPosition = 2048

// Source is where lines come from: a file, a command, the host program itself,
// or anything behind a network. The Handler runs at most one Follow of a
// source at a time, however many viewers there are.
type Source interface {
	// Follow sends what comes after from until ctx ends (then it returns
	// nil or ctx's error) or the source does (nil: it ended as it should).
	// A nil from means now: only what is new. It returns only when nothing
	// of it is left, no goroutine, descriptor or child.
	Follow(ctx context.Context, from Position, out Sink) error
}

// Ranger is a Source with a history that outlives what the Handler keeps in
// memory. Both methods may run concurrently with Follow and with each other.
type Ranger interface {
	Source
	// Tail sends the last n lines at or before the position before (nil:
	// now) and returns the position after the last of them, from which
	// Follow or Range go on without hole or double.
	Tail(ctx context.Context, n int, before Position, out Sink) (Position, error)
	// Range sends the lines after from (nil: the oldest there is) up to and
	// including to (nil: what is there now). What is no longer there is
	// told with a [Lost] note.
	Range(ctx context.Context, from, to Position, out Sink) error
}

// Prober is a Source that can tell before anything is started why it cannot be
// read. The error's text is for the operator's log, not for the client.
type Prober interface {
	Probe(ctx context.Context) error
}

// Sink takes what a Source reads. An error means that the reader should stop
// and return it. A Sink is used by one goroutine at a time, and keeps nothing
// of the byte slices that it is given.
type Sink interface {
	// Line takes one line without its line end. A zero at means unknown.
	// Pos is the position after the line.
	Line(b []byte, at time.Time, s Stream, pos Position) error
	// Fragment takes a line that is not whole: cut, if length (the bytes
	// it really had) is more than len(b); unfinished, if more is true,
	// and then what comes next from the same stream continues it.
	Fragment(b []byte, at time.Time, s Stream, length int64, more bool, pos Position) error
	// Note takes what happened to the source itself, in order with the lines.
	Note(Note) error
	// Flush says that nothing more is at hand. Lines are sent on at once
	// then; a source that never flushes has them sent a millisecond late.
	Flush() error
}

// State is what has become of a source.
type State string

// The states of a source that viewers are told of.
const (
	Rotated   State = "rotated"   // the file was renamed and a new one is read beside it
	Truncated State = "truncated" // the file was emptied in place
	Missing   State = "missing"   // there is no file under the name now
	Exited    State = "exited"    // the command ended
	Replaced  State = "replaced"  // what stands behind the name is another one now, or a new run
)

// Note is an event of a source. One of State and Lost is set.
type Note struct {
	State State
	// Detail is text for the viewer: an exit status, a name. It is made
	// safe like a line.
	Detail string
	// Lost says that lines are gone for good.
	Lost *Lost
	// Pos is the position after the event, or nil for "unchanged".
	Pos Position
}

// Lost is a hole in a source that nobody can fill.
type Lost struct {
	// Lines and Bytes that are gone; negative means that nobody knows.
	Lines, Bytes int64
	// Why is one of the Gap reasons.
	Why GapReason
}

// GapReason says why lines are missing.
type GapReason string

// The reasons, a closed set: they are also metric labels.
const (
	GapSlow      GapReason = "slow"      // this viewer was too slow; they can be fetched
	GapEvicted   GapReason = "evicted"   // they had left memory and the source keeps no history
	GapRotated   GapReason = "rotated"   // the rotated file is gone, or what it was packed into is damaged
	GapTruncated GapReason = "truncated" // the file was emptied before it was read
	GapRestart   GapReason = "restart"   // another run of the source
	GapHole      GapReason = "hole"      // a run of NUL bytes, left by a writer that does not append
)

// gapReasons is the closed set, for metrics.
func gapReasons() []GapReason {
	return []GapReason{GapSlow, GapEvicted, GapRotated, GapTruncated, GapRestart, GapHole}
}
