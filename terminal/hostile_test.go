package terminal_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

const goodHello = `{"type":"hello","cols":80,"rows":24}`

func asNetError(err error, ne *net.Error) bool { return errors.As(err, ne) }

// attack is what a hostile client does and how its connection ends.
type attack struct {
	name string
	do   func(*rawConn)
	code int
	why  string // part of the reason; empty = any
}

func says(s string) func(*rawConn) { return func(r *rawConn) { r.text(s) } }

// beforeHello are first messages.
var beforeHello = []attack{
	{"input first", func(r *rawConn) { r.binary("ls\n") }, 1008, "before hello"},
	{"ack first", says(`{"type":"ack","offset":0}`), 1008, "first message must be hello"},
	{"resize first", says(`{"type":"resize","cols":80,"rows":24}`), 1008, "first message must be hello"},
	{"take first", says(`{"type":"take"}`), 1008, "first message must be hello"},
	{"ping first", says(`{"type":"ping","t":1}`), 1008, "first message must be hello"},
	{"an empty message", says(``), 1008, "JSON object"},
	{"null", says(`null`), 1008, ""},
	{"an array", says(`[1,2]`), 1008, "JSON object"},
	{"a string", says(`"hello"`), 1008, "JSON object"},
	{"a number", says(`12`), 1008, "JSON object"},
	{"an empty object", says(`{}`), 1008, "unknown type"},
	{"an unknown type", says(`{"type":"exec","command":"id"}`), 1008, "unknown type"},
	{"a type that is no string", says(`{"type":1}`), 1008, "JSON object"},
	{"a message of the server", says(`{"type":"ready","session":"x"}`), 1008, "unknown type"},
	{"trailing bytes", says(goodHello + `{"type":"take"}`), 1008, "JSON object"},
	{"a NUL byte", says("\x00" + goodHello), 1008, "JSON object"},
	{"a byte order mark", says("\ufeff" + goodHello), 1008, "JSON object"},
	{"an unfinished object", says(goodHello[:20]), 1008, "JSON object"},
	{"deep nesting", says(`{"type":` + strings.Repeat(`[`, 60_000)), 1008, "JSON object"},
	{"deep nesting in an unknown field", says(`{"type":"hello","cols":80,"rows":24,"x":` + strings.Repeat(`[`, 9_000) + strings.Repeat(`]`, 9_000) + `}`), 1008, "field"},
	{"thousands of keys", says(`{"type":"hello","cols":80,"rows":24` + strings.Repeat(`,"a":1`, 9_000) + `}`), 1008, "field"},
	{"a key of 60 KB", says(`{"` + strings.Repeat("k", 60_000) + `":1}`), 1008, "unknown type"},
	{"a number of 60 KB", says(`{"type":"hello","cols":` + strings.Repeat("9", 60_000) + `,"rows":24}`), 1008, "field"},
	{"an endless exponent", says(`{"type":"hello","cols":1e999999999,"rows":24}`), 1008, "field"},
	{"no size", says(`{"type":"hello"}`), 1008, "size"},
	{"no columns", says(`{"type":"hello","cols":0,"rows":24}`), 1008, "size"},
	{"negative rows", says(`{"type":"hello","cols":80,"rows":-1}`), 1008, "size"},
	{"a billion columns", says(`{"type":"hello","cols":1000000000,"rows":24}`), 1008, "size"},
	{"a size that overflows", says(`{"type":"hello","cols":65616,"rows":24}`), 1008, "size"},
	{"half a column", says(`{"type":"hello","cols":80.5,"rows":24}`), 1008, "field"},
	{"columns as text", says(`{"type":"hello","cols":"80","rows":24}`), 1008, "field"},
	{"an unknown field", says(`{"type":"hello","cols":80,"rows":24,"command":"id"}`), 1008, "field"},
	{"an offset without a session", says(`{"type":"hello","cols":80,"rows":24,"offset":5}`), 1008, "session"},
	{"a negative offset", says(`{"type":"hello","cols":80,"rows":24,"session":"x","offset":-1}`), 1008, "offset"},
	{"an offset that overflows", says(`{"type":"hello","cols":80,"rows":24,"session":"x","offset":99999999999999999999}`), 1008, "field"},
	{"a long session id", says(`{"type":"hello","cols":80,"rows":24,"session":"` + strings.Repeat("s", 65) + `"}`), 1008, "longer"},
	{"a long client id", says(`{"type":"hello","cols":80,"rows":24,"client":"` + strings.Repeat("c", 65) + `"}`), 1008, "longer"},
	{"a negative window", says(`{"type":"hello","cols":80,"rows":24,"window":-5}`), 1008, "window"},
	{"an unknown mode", says(`{"type":"hello","cols":80,"rows":24,"mode":"root"}`), 1008, "mode"},
	{"watching nothing", says(`{"type":"hello","cols":80,"rows":24,"mode":"view"}`), 1008, "session"},
	{"a session that does not exist", says(`{"type":"hello","cols":80,"rows":24,"session":"AAAAAAAAAAAAAAAAAAAAAAAAAA"}`), 1008, "no such session"},
	{"a path for a session", says(`{"type":"hello","cols":80,"rows":24,"session":"../../etc/passwd"}`), 1008, "no such session"},
	{"text that is not UTF-8", says("{\"type\":\"\xff\xfe\"}"), 1007, "UTF-8"},
	{"a lone surrogate", says("{\"type\":\"\xed\xa0\x80\"}"), 1007, "UTF-8"},
	{"silence", func(*rawConn) {}, 1008, "no hello in time"},
}

// afterHello is what may come once a session runs.
var afterHello = []attack{
	{"a second hello", says(goodHello), 1008, "second hello"},
	{"an ack beyond what was sent", says(`{"type":"ack","offset":1000000}`), 1008, "ack beyond"},
	{"an ack beyond what was sent, spelled otherwise", says(`{"offset":1000000,"type":"ack"}`), 1008, "ack beyond"},
	{"a negative ack", says(`{"type":"ack","offset":-1}`), 1008, "offset"},
	{"an ack that overflows", says(`{"type":"ack","offset":9223372036854775808}`), 1008, ""},
	{"an ack of nothing", says(`{"type":"ack"}`), 1008, "offset"},
	{"an ack of null", says(`{"type":"ack","offset":null}`), 1008, "offset"},
	{"half an ack", says(`{"type":"ack","offset":1.5}`), 1008, ""},
	{"resize to nothing", says(`{"type":"resize","cols":0,"rows":0}`), 1008, "size"},
	{"resize to a billion", says(`{"type":"resize","cols":1000000000,"rows":1000000000}`), 1008, "size"},
	{"resize without rows", says(`{"type":"resize","cols":80}`), 1008, "size"},
	{"an unknown type", says(`{"type":"set_env","name":"LD_PRELOAD"}`), 1008, "unknown type"},
	{"an unknown field", says(`{"type":"take","user":"root"}`), 1008, "field"},
	{"text that is not UTF-8", says("ls \xc3\x28"), 1007, "UTF-8"},
	{"input beyond the credit", func(r *rawConn) {
		for range 100 {
			if !r.write(frame(fin|opBin, strings.Repeat("x", 16<<10))) {
				return
			}
		}
	}, 1008, "credit"},
	{"a flood of messages", flood(frame(fin|opText, `{"type":"resize","cols":80,"rows":24}`), 200_000), 1008, "too many messages"},
	{"a flood of empty input", flood(frame(fin|opBin, ""), 200_000), 1008, "too many messages"},
	{"a flood of ping messages", flood(frame(fin|opText, `{"type":"ping","t":1}`), 200_000), 1008, ""},
	{"a flood of pings", flood(frame(fin|opPing, ""), 200_000), 1008, "ping"},
	{"a flood of fragments", func(r *rawConn) {
		r.write(frame(opText, ""))
		flood(frame(opCont, ""), 2_000_000)(r)
	}, 1008, "frames"},
	{"65,537 bytes", func(r *rawConn) { r.binary(strings.Repeat("x", 64<<10+1)) }, 1009, ""},
	{"65,537 bytes in fragments", func(r *rawConn) {
		r.write(frame(opBin, strings.Repeat("x", 40<<10)))
		r.write(frame(fin|opCont, strings.Repeat("x", 40<<10)))
	}, 1009, ""},
}

// frames break the protocol itself; the numbers are sections of RFC 6455.
var frames = []attack{
	{"5.1 not masked", raw(0x81, 0x02, '{', '}'), 1002, ""},
	{"5.2 RSV1 without an extension", func(r *rawConn) { r.write(frame(fin|0x40|opText, "{}")) }, 1002, ""},
	{"5.2 RSV2", func(r *rawConn) { r.write(frame(fin|0x20|opText, "{}")) }, 1002, ""},
	{"5.2 RSV3", func(r *rawConn) { r.write(frame(fin|0x10|opText, "{}")) }, 1002, ""},
	{"5.2 reserved data opcode", func(r *rawConn) { r.write(frame(fin|0x3, "{}")) }, 1002, ""},
	{"5.2 reserved control opcode", func(r *rawConn) { r.write(frame(fin|0xb, "")) }, 1002, ""},
	{"5.2 a length of 2^62", func(r *rawConn) { r.write(frameOf(fin|opBin, 1<<62, strings.Repeat("x", 65<<10))) }, 1009, ""},
	{"5.2 a length with the highest bit", func(r *rawConn) { r.write(frameOf(fin|opBin, -1, "x")) }, 1002, ""},
	{"5.4 continuation of nothing", func(r *rawConn) { r.write(frame(fin|opCont, "x")) }, 1002, ""},
	{"5.4 a message within a message", func(r *rawConn) { r.write(append(frame(opText, "{"), frame(fin|opText, "}")...)) }, 1002, ""},
	{"5.5 ping of 126 bytes", func(r *rawConn) { r.write(frame(fin|opPing, strings.Repeat("x", 126))) }, 1002, ""},
	{"5.5 close of 126 bytes", func(r *rawConn) { r.write(frame(fin|opEnd, "\x03\xe8"+strings.Repeat("x", 124))) }, 1002, ""},
	{"5.5 ping in fragments", func(r *rawConn) { r.write(frame(opPing, "")) }, 1002, ""},
	{"5.5.1 close of one byte", func(r *rawConn) { r.write(frame(fin|opEnd, "x")) }, 1002, ""},
	{"7.4.1 close with 1005", closes(1005, ""), 1002, ""},
	{"7.4.1 close with 1006", closes(1006, ""), 1002, ""},
	{"7.4.2 close with 999", closes(999, ""), 1002, ""},
	{"7.4.2 close with 5000", closes(5000, ""), 1002, ""},
	{"no frame at all", func(r *rawConn) { r.write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")) }, 1002, ""},
}

func flood(f []byte, n int) func(*rawConn) {
	many := []byte(strings.Repeat(string(f), 1000))
	return func(r *rawConn) {
		for range n / 1000 {
			if !r.write(many) {
				return
			}
		}
	}
}

func raw(b ...byte) func(*rawConn) { return func(r *rawConn) { r.write(b) } }

func closes(code int, reason string) func(*rawConn) {
	return func(r *rawConn) {
		r.write(frame(fin|opEnd, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason))
	}
}

// Whatever one client sends, its connection ends with a code and a reason, and
// the session beside it does not notice.
func TestHostileClients(t *testing.T) {
	s := serve(t, shell(`stty raw -echo; printf ready; exec cat`), func(c *terminal.Config) {
		c.DetachGrace, c.HelloTimeout = -1, 500*time.Millisecond
	})
	witness := s.open("")
	witness.shows("ready")
	beats := 0
	alive := func(t *testing.T) {
		t.Helper()
		beats++
		beat := fmt.Sprintf("beat %d;", beats)
		witness.typed(beat)
		witness.shows(beat)
	}
	run := func(t *testing.T, a attack, hello bool) {
		r := s.rawDial(t, "mallory")
		if hello {
			r.text(goodHello)
			r.shows("ready")
		}
		a.do(r)
		code, why := r.closed()
		require.Equal(t, a.code, code, "%q", why)
		require.Contains(t, why, a.why)
		require.NotEmpty(t, why)
		alive(t)
	}
	for _, a := range beforeHello {
		t.Run("before hello/"+a.name, func(t *testing.T) { run(t, a, false) })
	}
	for _, a := range afterHello {
		t.Run("after hello/"+a.name, func(t *testing.T) { run(t, a, true) })
	}
	for _, a := range frames {
		t.Run("frames/"+a.name, func(t *testing.T) { run(t, a, true) })
	}
	t.Run("a session of somebody else", func(t *testing.T) {
		run(t, attack{
			do:   says(fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"session":%q}`, witness.ready.Session)),
			code: 1008, why: "no such session",
		}, false)
	})
	t.Run("an offset beyond the stream", func(t *testing.T) {
		r := s.rawDial(t, "ann")
		r.text(fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"session":%q,"offset":99999999}`, witness.ready.Session))
		code, why := r.closed()
		require.Equal(t, 1008, code)
		require.Contains(t, why, "beyond the stream")
		alive(t)
	})
	t.Run("half a frame and a reset", func(t *testing.T) {
		r := s.rawDial(t, "mallory")
		r.write(frameOf(fin|opText, 1000, "{"))
		require.NoError(t, r.nc.SetLinger(0))
		require.NoError(t, r.nc.Close())
		alive(t)
	})
	eventually(t, "the attackers' sessions are gone", func() bool { return len(sessions(s.Handler)) == 1 })
}
