package terminal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Subprotocol is the name under which browsers open a terminal. A client that
// names none gets the raw dialect.
const Subprotocol = "pruvon.terminal.v1"

// Bounds of the wire format.
const (
	messageMax = 64 << 10  // bytes of any message
	creditMax  = 256 << 10 // input bytes a client may have unaccepted
	inputEvery = 16 << 10  // accepted bytes after which the client is told
	resetMax   = 256 << 10 // bytes of a reset's picture
	sizeMax    = 1000      // columns and rows
	idMax      = 64        // characters of a client or session id
)

// hello is the first message of a client.
type hello struct {
	Cols    int    `json:"cols"`
	Rows    int    `json:"rows"`
	Session string `json:"session,omitempty"`
	Offset  *int64 `json:"offset,omitempty"`
	Client  string `json:"client,omitempty"`
	Window  int    `json:"window,omitempty"`
	Mode    string `json:"mode,omitempty"`
}

type (
	ack    struct{ Offset int64 }
	resize struct{ Size Size }
	take   struct{}
	ping   struct{ T float64 }
)

// errMessage is why a message is refused; it becomes a close reason.
var errMessage = errors.New("bad message")

func badMessage(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errMessage, fmt.Sprintf(format, args...))
}

// parse reads a text message. The result is a hello, ack, resize, take or
// ping by value. Unknown types and fields are refused: a client that is newer
// than the server must find out, not be half understood.
func parse(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, badMessage("not UTF-8")
	}
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, badMessage("not a JSON object with a type")
	}
	switch head.Type {
	case "hello":
		var m struct {
			Type string `json:"type"`
			hello
		}
		if err := strict(data, &m); err != nil {
			return nil, err
		}
		return m.hello, m.hello.check()
	case "ack":
		var m struct {
			Type   string `json:"type"`
			Offset *int64 `json:"offset"`
		}
		if err := strict(data, &m); err != nil {
			return nil, err
		}
		if m.Offset == nil || *m.Offset < 0 {
			return nil, badMessage("ack without a valid offset")
		}
		return ack{*m.Offset}, nil
	case "resize":
		var m struct {
			Type string `json:"type"`
			Cols int    `json:"cols"`
			Rows int    `json:"rows"`
		}
		if err := strict(data, &m); err != nil {
			return nil, err
		}
		s := Size{Cols: m.Cols, Rows: m.Rows}
		if !s.valid() {
			return nil, badMessage("size out of range 1…%d", sizeMax)
		}
		return resize{s}, nil
	case "take":
		var m struct {
			Type string `json:"type"`
		}
		return take{}, strict(data, &m)
	case "ping":
		var m struct {
			Type string  `json:"type"`
			T    float64 `json:"t"`
		}
		return ping{m.T}, strict(data, &m)
	}
	return nil, badMessage("unknown type")
}

func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return badMessage("unknown or malformed field")
	}
	return nil
}

func (h hello) check() error {
	switch {
	case !(Size{Cols: h.Cols, Rows: h.Rows}).valid():
		return badMessage("size out of range 1…%d", sizeMax)
	case len(h.Session) > idMax || utf8.RuneCountInString(h.Client) > idMax:
		return badMessage("id longer than %d characters", idMax)
	case h.Offset != nil && *h.Offset < 0:
		return badMessage("negative offset")
	case h.Offset != nil && h.Session == "":
		return badMessage("an offset needs a session")
	case h.Window < 0:
		return badMessage("negative window")
	case h.Mode != "" && h.Mode != "view":
		return badMessage("unknown mode")
	case h.Mode == "view" && h.Session == "":
		return badMessage("mode view needs a session")
	}
	return nil
}

// ackHead starts the one message that comes thousands of times a second under
// load. In the form that our own page sends it is read without allocating.
var ackHead = []byte(`{"type":"ack","offset":`)

// parseAck reads an ack in its usual spelling; any other goes through parse.
func parseAck(data []byte) (off int64, ok bool) {
	rest, ok := bytes.CutPrefix(data, ackHead)
	if !ok || len(rest) < 2 || len(rest) > 18 || rest[len(rest)-1] != '}' {
		return 0, false
	}
	digits := rest[:len(rest)-1]
	if digits[0] == '0' && len(digits) > 1 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		off = off*10 + int64(c-'0')
	}
	return off, true
}

// Messages of the server.
type (
	readyMessage struct {
		Type    string `json:"type"`
		Session string `json:"session"`
		Offset  int64  `json:"offset"`
		Input   int64  `json:"input"`
		Replay  string `json:"replay"`
		Role    string `json:"role"`
		Window  int64  `json:"window"`
		Cols    int    `json:"cols"`
		Rows    int    `json:"rows"`
	}
	resetMessage struct {
		Type   string `json:"type"`
		Offset int64  `json:"offset"`
		Bytes  int    `json:"bytes"`
		Cols   int    `json:"cols"`
		Rows   int    `json:"rows"`
	}
	roleMessage struct {
		Type   string `json:"type"`
		Role   string `json:"role"`
		Writer string `json:"writer"`
	}
	sizeMessage struct {
		Type string `json:"type"`
		Cols int    `json:"cols"`
		Rows int    `json:"rows"`
	}
	pongMessage struct {
		Type string  `json:"type"`
		T    float64 `json:"t"`
	}
	noticeMessage struct {
		Type    string `json:"type"`
		Code    string `json:"code"`
		Text    string `json:"text"`
		Seconds int    `json:"seconds,omitempty"`
	}
	exitMessage struct {
		Type       string  `json:"type"`
		Code       *int    `json:"code"`
		Signal     *string `json:"signal"`
		Reason     Reason  `json:"reason"`
		Detail     string  `json:"detail"`
		Retryable  bool    `json:"retryable"`
		RetryAfter int     `json:"retry_after"`
	}
)

func encode(m any) []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic("terminal: a message of our own cannot be encoded: " + err.Error())
	}
	return b
}

// appendInput is the input message, written into b: it goes out with each key.
func appendInput(b []byte, off int64) []byte {
	b = append(b, `{"type":"input","offset":`...)
	b = strconv.AppendInt(b, off, 10)
	return append(b, '}')
}

const (
	roleWriter = "writer"
	roleViewer = "viewer"

	replayNone  = "none"
	replayExact = "exact"
	replayReset = "reset"
)
