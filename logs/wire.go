package logs

import (
	"encoding/json"
	"time"
)

// Subprotocol is the WebSocket subprotocol that carries the JSON messages. A
// client that asks for none gets one line of text a message.
const Subprotocol = "pruvon.logs.v1"

// Resume says how a stream begins: in answer to a cursor, how well it could be
// honoured.
type Resume string

// The results, a closed set: they are also metric labels.
const (
	ResumeExact Resume = "exact" // from memory, right after the cursor
	ResumeFile  Resume = "file"  // from the source's history, right after the cursor
	ResumeTime  Resume = "time"  // what the cursor pointed into is gone; from its time on
	ResumeNone  Resume = "none"  // no cursor was given, or nothing is left to go on from
)

func resumes() []Resume { return []Resume{ResumeExact, ResumeFile, ResumeTime, ResumeNone} }

// The messages beside lines, which [builder.seal] writes. Struct order is wire
// order: type first, so that a reader can tell early.
type (
	helloMessage struct {
		Type   string `json:"type"`
		Resume Resume `json:"resume"`
		Cursor string `json:"cursor"`
	}
	gapMessage struct {
		Type  string    `json:"type"`
		From  string    `json:"from"`
		To    string    `json:"to"`
		Lines *int64    `json:"lines"`
		Bytes *int64    `json:"bytes"`
		Why   GapReason `json:"why"`
	}
	sourceMessage struct {
		Type   string `json:"type"`
		State  State  `json:"state"`
		Detail string `json:"detail,omitempty"`
	}
	heartbeatMessage struct {
		Type   string `json:"type"`
		Seq    int64  `json:"seq"`
		Cursor string `json:"cursor"`
		LagMS  int64  `json:"lag_ms"`
	}
	searchMessage struct {
		Type    string `json:"type"`
		Scanned int64  `json:"scanned"`
		Matches int    `json:"matches"`
		Done    bool   `json:"done"`
		// More is set when the budget ran out before the beginning of the
		// log or the wanted number of lines was reached.
		More bool `json:"more,omitempty"`
		// To is the cursor up to which a further search may go on back.
		To string `json:"to,omitempty"`
	}
	endMessage struct {
		Type      string `json:"type"`
		Why       string `json:"why"`
		Retryable bool   `json:"retryable"`
	}
)

// The reasons of an end message.
const (
	endComplete = "complete" // follow=0, until or to: everything asked for was sent
	endExited   = "exited"   // the source ended
	endFault    = "fault"    // the source failed
	endShutdown = "shutdown"
	endDenied   = "denied" // access was taken away
	endSlow     = "slow"
)

// event encodes a message as a segment without lines. With a cursor, the SSE
// form carries it as the event's id.
func event(kind string, v any, first int64, cursor string, pos Position) *segment {
	// Marshal cannot fail on these types; HTML escaping is harmless in JSON.
	body, _ := json.Marshal(v)
	buf := make([]byte, 0, len("event: \ndata: \nid: \n\n")+len(kind)+len(body)+len(cursor))
	buf = append(buf, "event: "...)
	buf = append(buf, kind...)
	buf = append(buf, "\ndata: "...)
	object := span{from: len(buf), to: len(buf) + len(body)}
	buf = append(buf, body...)
	buf = append(buf, '\n')
	if cursor != "" {
		buf = append(buf, "id: "...)
		buf = append(buf, cursor...)
		buf = append(buf, '\n')
	}
	buf = append(buf, '\n')
	return &segment{first: first, buf: buf, object: object, cursor: cursor, at: time.Now(), pos: pos}
}

func hello(r Resume, cursor string) *segment {
	return event("hello", helloMessage{"hello", r, cursor}, 0, cursor, nil)
}

func gap(from, to string, lines, bytes int64, why GapReason) gapMessage {
	return gapMessage{Type: "gap", From: from, To: to, Lines: known(lines), Bytes: known(bytes), Why: why}
}

// known is a count for JSON: null for one that nobody knows.
func known(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}

// safeDetail makes text of a source fit for a message.
func safeDetail(s string) string {
	return string(sanitizeText(nil, stripSGR(nil, cutText([]byte(s), 512))))
}
