package imports

import (
	"encoding/json"
	"slices"
	"time"
)

// record is an import as it stands in meta.json.
type record struct {
	Version int    `json:"v"`
	ID      string `json:"id"`
	Target  string `json:"target"`
	Owner   string `json:"owner"`
	Addr    string `json:"addr"`
	phase

	// Epoch names this run of sequence numbers. A new one is drawn when
	// numbers that somebody has seen may have been lost in a crash.
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`
	// Boot is the boot in which the data was written. In another boot what
	// the page cache held may be gone.
	Boot string `json:"boot,omitempty"`

	Created time.Time `json:"created"`
	Touched time.Time `json:"touched"` // last upload request
	Queued  time.Time `json:"queued"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`

	Source    Source `json:"source"`
	Length    int64  `json:"length"`             // declared; -1 unknown
	Resumable bool   `json:"resumable"`          // created empty, filled in parts
	Digest    string `json:"digest,omitempty"`   // the sha-256 that the client announced, hex
	File      string `json:"file,omitempty"`     // a server-side file instead of an upload
	FileTag   string `json:"file_tag,omitempty"` // its identity when it was chosen
	HasData   bool   `json:"has_data"`           // the bytes are there for a retry
	Synced    bool   `json:"synced"`             // they survive a power failure

	Key      string `json:"key,omitempty"`       // Idempotency-Key
	KeyPrint string `json:"key_print,omitempty"` // what it was used for

	Stages   []Stage  `json:"stages,omitempty"`
	Warnings Warnings `json:"warnings"`
	Exit     *Exit    `json:"exit,omitempty"`
	Problem  *Problem `json:"problem,omitempty"`
	BytesIn  int64    `json:"bytes_in"`
	BytesOut int64    `json:"bytes_out"`
}

const recordVersion = 1

// Source describes what was uploaded.
type Source struct {
	// Name is the file name the client gave, without any path.
	Name string
	// Size is the stored size in bytes; -1, and null in JSON, while unknown.
	Size int64
	// Format is what is inside the compression.
	Format Format
	// Compression is how the stored bytes are packed.
	Compression Compression
	// SHA256 is the digest of the uploaded bytes in hex, known before the
	// importer starts. A file that was on the server has none.
	SHA256 string
}

// sourceJSON has null for what is not known yet.
type sourceJSON struct {
	Name        *string      `json:"name"`
	Size        *int64       `json:"size"`
	Format      *Format      `json:"format"`
	Compression *Compression `json:"compression"`
	SHA256      *string      `json:"sha256"`
}

// MarshalJSON writes null for what is not known.
func (s Source) MarshalJSON() ([]byte, error) {
	j := sourceJSON{Name: nonZero(s.Name), Format: nonZero(s.Format), Compression: nonZero(s.Compression), SHA256: nonZero(s.SHA256)}
	if s.Size >= 0 {
		j.Size = &s.Size
	}
	return json.Marshal(j)
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (s *Source) UnmarshalJSON(b []byte) error {
	var j sourceJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*s = Source{Name: value(j.Name), Size: -1, Format: value(j.Format), Compression: value(j.Compression), SHA256: value(j.SHA256)}
	if j.Size != nil {
		s.Size = *j.Size
	}
	return nil
}

// nonZero returns a pointer to v, or nil, which is null in JSON.
func nonZero[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// Stage is one step of an import and when it was entered and left.
type Stage struct {
	Name    string     `json:"name"`
	Started time.Time  `json:"started"`
	Ended   *time.Time `json:"ended"`
}

// Warnings counts warnings and keeps the last few.
type Warnings struct {
	Count int      `json:"count"`
	Last  []string `json:"last"`
}

const warningsKept = 20

func (w *Warnings) add(text string) {
	w.Count++
	w.Last = append(slices.Clone(w.Last), text)
	if len(w.Last) > warningsKept {
		w.Last = w.Last[len(w.Last)-warningsKept:]
	}
}

// Exit is how a command ended: a code, or the signal that ended it.
type Exit struct {
	Code   *int    `json:"code"`
	Signal *string `json:"signal"`
}

// Problem is what went wrong with an import that was already accepted, with
// the members of an RFC 9457 problem document.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Detail string `json:"detail,omitempty"`
	Hint   string `json:"hint,omitempty"`
	// Offset is the stored byte near which the input is damaged.
	Offset *int64 `json:"offset,omitempty"`
}

func newProblem(name, title, detail string) *Problem {
	return &Problem{Type: "urn:pruvon:problem:" + name, Title: title, Detail: detail}
}

// enterStage closes the open stage and opens the next.
func (r *record) enterStage(name string, at time.Time) {
	stages := slices.Clone(r.Stages)
	if n := len(stages); n > 0 && stages[n-1].Ended == nil {
		if stages[n-1].Name == name {
			return
		}
		stages[n-1].Ended = &at
	}
	if name != "" {
		stages = append(stages, Stage{Name: name, Started: at})
	}
	if len(stages) > stagesKept {
		stages = stages[len(stages)-stagesKept:]
	}
	r.Stages = stages
}

// stagesKept bounds a record against an importer with a stage for each table.
const stagesKept = 100

func (r *record) stage() string {
	if n := len(r.Stages); n > 0 && r.Stages[n-1].Ended == nil {
		return r.Stages[n-1].Name
	}
	return ""
}
