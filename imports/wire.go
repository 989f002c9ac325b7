package imports

import (
	"encoding/json"
	"time"
)

// Subprotocol is the WebSocket subprotocol of an import's events.
const Subprotocol = "pruvon.imports.v1"

// Stream tells an importer's two outputs apart.
type Stream string

// The streams.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
)

// Snapshot is an import as clients see it.
type Snapshot struct {
	ID              string     `json:"id"`
	Target          string     `json:"target"`
	State           State      `json:"state"`
	Outcome         Outcome    `json:"outcome"`
	CancelRequested bool       `json:"cancel_requested"`
	Owner           string     `json:"owner"`
	Created         time.Time  `json:"created"`
	Started         *time.Time `json:"started"`
	Ended           *time.Time `json:"ended"`
	Attempt         int        `json:"attempt"`
	// Position in the queue, from 1; null unless queued.
	Position *int      `json:"position"`
	Source   Source    `json:"source"`
	Progress *Progress `json:"progress"`
	Stages   []Stage   `json:"stages"`
	Warnings Warnings  `json:"warnings"`
	Exit     *Exit     `json:"exit"`
	Problem  *Problem  `json:"problem"`
	// Retryable says that the bytes are kept and that a retry makes sense.
	Retryable bool `json:"retryable"`
	// Resumable says that the upload takes further parts.
	Resumable bool `json:"resumable"`
	// LogBytes is the length of what the importer has printed so far.
	LogBytes int64 `json:"log_bytes"`
}

// Progress is how far an import is. Stored bytes are counted as they were
// uploaded, so the percentage is right under any compression.
type Progress struct {
	// Stage is receiving, checking, queued, importing, finalizing or what the
	// importer says.
	Stage string `json:"stage"`
	// Stored is how many stored bytes have been received (while receiving) or
	// read (while running).
	Stored int64 `json:"stored"`
	// Total is what Stored grows to; null while unknown.
	Total *int64 `json:"total"`
	// Decompressed is how many bytes the importer was given.
	Decompressed int64 `json:"decompressed"`
	// Percent is null while it would be a guess, and 100 only after success.
	Percent *float64 `json:"percent"`
	// Rate is in stored bytes a second, averaged over about 15 s.
	Rate float64 `json:"rate"`
	// ETA is in seconds; null while it would be a guess.
	ETA *float64 `json:"eta"`
	// Stalled says that neither input nor output has moved for a while.
	Stalled bool `json:"stalled"`
}

// The messages of the event stream. Those with a seq are durable: they are
// numbered without a hole for each epoch and replayed to late watchers.
type (
	snapshotMessage struct {
		Type   string   `json:"type"` // "snapshot"
		Seq    uint64   `json:"seq"`
		Epoch  string   `json:"epoch"`
		Import Snapshot `json:"import"`
	}
	stateMessage struct {
		Type    string    `json:"type"` // "state"
		Seq     uint64    `json:"seq"`
		At      time.Time `json:"at"`
		State   State     `json:"state"`
		Outcome Outcome   `json:"outcome"`
		Attempt int       `json:"attempt"`
		// CancelRequested marks the state of an import that is being ended.
		CancelRequested bool `json:"cancel_requested"`
	}
	stageMessage struct {
		Type  string    `json:"type"` // "stage"
		Seq   uint64    `json:"seq"`
		At    time.Time `json:"at"`
		Stage string    `json:"stage"`
	}
	outputMessage struct {
		Type   string    `json:"type"` // "output"
		Seq    uint64    `json:"seq"`
		At     time.Time `json:"at"`
		Stream Stream    `json:"stream"`
		Data   string    `json:"data"`
		// Partial says that the last line of data goes on in a later message.
		Partial bool `json:"partial"`
	}
	warningMessage struct {
		Type string    `json:"type"` // "warning"
		Seq  uint64    `json:"seq"`
		At   time.Time `json:"at"`
		Text string    `json:"text"`
	}
	attemptMessage struct {
		Type    string    `json:"type"` // "attempt"
		Seq     uint64    `json:"seq"`
		At      time.Time `json:"at"`
		Attempt int       `json:"attempt"`
		User    string    `json:"user"`
	}
	endMessage struct {
		Type       string    `json:"type"` // "end"
		Seq        uint64    `json:"seq"`
		At         time.Time `json:"at"`
		Outcome    Outcome   `json:"outcome"`
		Exit       *Exit     `json:"exit"`
		DurationMS int64     `json:"duration_ms"`
		BytesIn    int64     `json:"bytes_in"`
		BytesOut   int64     `json:"bytes_out"`
		Warnings   int       `json:"warnings"`
		Problem    *Problem  `json:"problem,omitempty"`
	}
	progressMessage struct {
		Type string `json:"type"` // "progress"
		Progress
		Position *int `json:"position,omitempty"`
	}
	heartbeatMessage struct {
		Type string `json:"type"` // "heartbeat"
		Seq  uint64 `json:"seq"`
	}
	gapMessage struct {
		Type  string `json:"type"` // "gap"
		From  uint64 `json:"from"`
		To    uint64 `json:"to"`
		Bytes int64  `json:"bytes"`
	}
	// outputRef is an output message as it stands in the journal: the text is
	// in output.log.
	outputRef struct {
		Type    string    `json:"type"`
		Seq     uint64    `json:"seq"`
		At      time.Time `json:"at"`
		Stream  Stream    `json:"stream"`
		Partial bool      `json:"partial"`
		Off     int64     `json:"off"`
		N       int       `json:"n"`
	}
)

// encode returns a message as JSON. The messages hold nothing that JSON cannot
// express, so an error is a fault of this package.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("imports: message cannot be encoded: " + err.Error())
	}
	return b
}

func (r *record) snapshot() Snapshot {
	s := Snapshot{
		ID: r.ID, Target: r.Target, State: r.State, Outcome: r.Outcome, CancelRequested: r.CancelRequested,
		Owner: r.Owner, Created: r.Created, Started: timeOrNull(r.Started), Ended: timeOrNull(r.Ended),
		Attempt: r.Attempt, Source: r.Source, Stages: r.Stages, Warnings: r.Warnings, Exit: r.Exit, Problem: r.Problem,
		Retryable: r.retryable(), Resumable: r.Resumable && r.State == StateReceiving,
	}
	if s.Stages == nil {
		s.Stages = []Stage{}
	}
	if s.Warnings.Last == nil {
		s.Warnings.Last = []string{}
	}
	return s
}

func (r *record) retryable() bool {
	return r.State == StateDone && r.Outcome.Retryable() && (r.HasData || r.File != "")
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
