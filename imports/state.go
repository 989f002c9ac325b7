package imports

import (
	"encoding/json"
	"errors"
	"fmt"
)

// State says where an import is. How it ended is its [Outcome].
type State string

// The states, in the only order in which an import passes them. A retry leads
// from StateDone back to StateQueued.
const (
	// StateReceiving takes the upload's bytes.
	StateReceiving State = "receiving"
	// StateReady has all bytes and is being checked.
	StateReady State = "ready"
	// StateQueued waits for a slot or for its target's lock.
	StateQueued State = "queued"
	// StateRunning has an importer at work.
	StateRunning State = "running"
	// StateDone has an Outcome.
	StateDone State = "done"
)

// Outcome says how an import ended. It is empty, and null in JSON, until then.
type Outcome string

// The outcomes.
const (
	OutcomeSucceeded             Outcome = "succeeded"
	OutcomeSucceededWithWarnings Outcome = "succeeded_with_warnings"
	// OutcomeFailed is the importer's own failure, or damaged input.
	OutcomeFailed Outcome = "failed"
	// OutcomeCanceled is said only when nothing of the process tree is left.
	OutcomeCanceled Outcome = "canceled"
	OutcomeTimedOut Outcome = "timed_out"
	// OutcomeInterrupted is an importer whose host stopped or died.
	OutcomeInterrupted Outcome = "interrupted"
	// OutcomeRejected is input that was refused: a wrong digest, an unwanted
	// format, a decompression bomb.
	OutcomeRejected Outcome = "rejected"
	// OutcomeExpired is an upload that nobody finished in time.
	OutcomeExpired Outcome = "expired"
)

// Succeeded reports whether the data is in.
func (o Outcome) Succeeded() bool {
	return o == OutcomeSucceeded || o == OutcomeSucceededWithWarnings
}

// Retryable reports whether trying again with the same bytes makes sense.
func (o Outcome) Retryable() bool {
	switch o {
	case OutcomeFailed, OutcomeCanceled, OutcomeTimedOut, OutcomeInterrupted:
		return true
	default:
		return false
	}
}

// MarshalJSON writes null for an import that has not ended.
func (o Outcome) MarshalJSON() ([]byte, error) {
	if o == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(o))
}

// outcomes lists every outcome: the closed label set of the metrics.
func outcomes() []Outcome {
	return []Outcome{
		OutcomeSucceeded, OutcomeSucceededWithWarnings, OutcomeFailed, OutcomeCanceled,
		OutcomeTimedOut, OutcomeInterrupted, OutcomeRejected, OutcomeExpired,
	}
}

// trigger is what moves an import.
type trigger string

const (
	trigComplete trigger = "complete" // the last byte is stored
	trigQueue    trigger = "queue"    // the checks passed
	trigStart    trigger = "start"    // a slot and the lock are held
	trigCancel   trigger = "cancel"   // somebody asked for the end
	trigEnd      trigger = "end"      // it is over, with an outcome
	trigRetry    trigger = "retry"    // once more, with the same bytes
)

// phase is the part of an import that the machine moves.
type phase struct {
	State           State   `json:"state"`
	Outcome         Outcome `json:"outcome"`
	CancelRequested bool    `json:"cancel_requested"`
	Attempt         int     `json:"attempt"`
}

// errTransition is wrapped by every refusal of phase.next.
var errTransition = errors.New("the import's state does not allow this")

// next is the whole machine. It refuses what is not listed, so an import has
// exactly one end for each attempt. Asking twice for the end is no fault.
func (p phase) next(t trigger, o Outcome) (phase, error) {
	n := p
	switch {
	case t == trigComplete && p.State == StateReceiving:
		n.State = StateReady
	case t == trigQueue && p.State == StateReady:
		n.State = StateQueued
	case t == trigStart && p.State == StateQueued && !p.CancelRequested:
		n.State = StateRunning
	case t == trigCancel && p.State != StateDone:
		n.CancelRequested = true
	case t == trigEnd && mayEnd(p.State, o):
		n.State, n.Outcome = StateDone, o
	case t == trigRetry && p.State == StateDone && p.Outcome.Retryable():
		n = phase{State: StateQueued, Attempt: p.Attempt + 1}
	default:
		return p, fmt.Errorf("%w: %s while %s (%s)", errTransition, t, p.State, o)
	}
	return n, nil
}

// mayEnd lists with which outcomes a state can end.
func mayEnd(s State, o Outcome) bool {
	switch s {
	case StateReceiving:
		return o == OutcomeCanceled || o == OutcomeRejected || o == OutcomeExpired || o == OutcomeFailed
	case StateReady:
		return o == OutcomeCanceled || o == OutcomeRejected || o == OutcomeFailed
	case StateQueued:
		return o == OutcomeCanceled || o == OutcomeFailed
	case StateRunning:
		return o != "" && o != OutcomeExpired
	default:
		return false
	}
}

// holdsLock reports whether an import in this state keeps others off a target
// with a lock. An upload that may never finish does not.
func (s State) holdsLock() bool {
	return s == StateReady || s == StateQueued || s == StateRunning
}
