package terminal

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// Codes of asciicast v2 events (https://docs.asciinema.org/manual/asciicast/v2/).
const (
	castOutput = 'o'
	castInput  = 'i'
	castResize = 'r'
	castMarker = 'm'
	// castBytes is our own, which players ignore: the exact bytes, in base64,
	// of the event before it, whose text could not hold them.
	castBytes = 'b'
)

// Two kinds of marker before which nothing may be left waiting: a hole in the
// recording, and its end.
const (
	castGap  = 'G'
	castExit = 'X'
)

// castHeader is the first line of a recording. Pruvon is what the format has
// no place for; players ignore it.
type castHeader struct {
	Version   int               `json:"version"`
	Width     int               `json:"width"`
	Height    int               `json:"height"`
	Timestamp int64             `json:"timestamp"`
	Title     string            `json:"title,omitempty"`
	Env       map[string]string `json:"env,omitempty"`
	Pruvon    castSession       `json:"pruvon"`
}

type castSession struct {
	Session string `json:"session"`
	Name    string `json:"name"`
	User    string `json:"user"`
	Addr    string `json:"addr,omitempty"`
}

func castHeaderOf(i Info) castHeader {
	h := castHeader{
		Version: 2, Width: i.Size.Cols, Height: i.Size.Rows, Timestamp: i.Started.Unix(), Title: i.Name,
		Env:    map[string]string{"TERM": "xterm-256color"},
		Pruvon: castSession{Session: i.ID, Name: i.Name, User: i.User},
	}
	if i.Addr.IsValid() {
		h.Pruvon.Addr = i.Addr.String()
	}
	return h
}

func (h castHeader) append(b []byte) []byte {
	line, err := json.Marshal(h)
	if err != nil { // nothing in it can fail
		line = []byte(`{"version":2,"width":80,"height":24}`)
	}
	return append(append(b, line...), '\n')
}

// castEncoder writes events, one a line. A character that is split over two
// events is written with the second, as each line must be valid UTF-8.
type castEncoder struct {
	carry [2][]byte // of output and of input
	buf   []byte
}

func (e *castEncoder) carried(code byte) *[]byte {
	if code == castInput {
		return &e.carry[1]
	}
	return &e.carry[0]
}

// event appends an event. Each byte that is not UTF-8 shows as U+FFFD, and the
// exact bytes follow in an event of their own: a recording is read back byte
// for byte by taking of each event its text, or the bytes that follow it.
func (e *castEncoder) event(b []byte, at time.Duration, code byte, data []byte) []byte {
	switch code {
	case castGap, castExit:
		return appendCast(e.flush(b, at), at, castMarker, data)
	case castResize, castMarker:
		return appendCast(b, at, code, data)
	}
	carry := e.carried(code)
	if len(*carry) > 0 {
		e.buf = append(append(e.buf[:0], *carry...), data...)
		data = e.buf
	}
	whole := len(data) - unfinishedRune(data)
	*carry = append((*carry)[:0], data[whole:]...)
	return appendCast(b, at, code, data[:whole])
}

// flush appends what is still waiting for the rest of a character.
func (e *castEncoder) flush(b []byte, at time.Duration) []byte {
	for _, code := range [...]byte{castOutput, castInput} {
		carry := e.carried(code)
		b = appendCast(b, at, code, *carry)
		*carry = (*carry)[:0]
	}
	return b
}

// unfinishedRune is how many bytes at the end of p begin a character whose
// rest may still come.
func unfinishedRune(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		if c := p[len(p)-n]; utf8.RuneStart(c) {
			if !utf8.FullRune(p[len(p)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

func appendCast(b []byte, at time.Duration, code byte, data []byte) []byte {
	if len(data) == 0 {
		return b
	}
	b = appendCastStart(b, at, code)
	b, exact := appendJSONText(b, data)
	b = append(b, "\"]\n"...)
	if !exact {
		b = appendCastStart(b, at, castBytes)
		b = base64.StdEncoding.AppendEncode(b, data)
		b = append(b, "\"]\n"...)
	}
	return b
}

func appendCastStart(b []byte, at time.Duration, code byte) []byte {
	b = strconv.AppendFloat(append(b, '['), at.Seconds(), 'f', 6, 64)
	return append(b, ',', '"', code, '"', ',', '"')
}

// appendJSONText appends p as the inside of a JSON string (RFC 8259, section
// 7); exact says that it can be read back byte for byte.
func appendJSONText(b, p []byte) (_ []byte, exact bool) {
	const hex = "0123456789abcdef"
	exact = true
	for i := 0; i < len(p); {
		c := p[i]
		if c < utf8.RuneSelf {
			switch {
			case c == '"', c == '\\':
				b = append(b, '\\', c)
			case c == '\n':
				b = append(b, '\\', 'n')
			case c == '\r':
				b = append(b, '\\', 'r')
			case c < 0x20 || c == 0x7f:
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			default:
				b = append(b, c)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && size == 1 {
			exact = false
			b = append(b, "\ufffd"...)
		} else {
			b = append(b, p[i:i+size]...)
		}
		i += size
	}
	return b, exact
}
