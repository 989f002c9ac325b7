package wsconn_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/wsconn"
)

// Opcodes and bits of a frame (RFC 6455 section 5.2).
const (
	fin                 = 0x80
	rsv1, rsv2, rsv3    = 0x40, 0x20, 0x10
	cont, text, bin     = 0x0, 0x1, 0x2
	closing, ping, pong = 0x8, 0x9, 0xa
	mask, in16, in64    = 0x80, 126, 127
	kib                 = 1 << 10
	limit               = 64 * kib // the default ReadLimit
	minimal             = -1       // the shortest form of a length
)

// masked is a frame as a client must send it, its key not zero, with its
// length in the shortest form.
func masked(first byte, payload string) []byte { return framed(first, payload, minimal) }

// framed writes the length in a given form.
func framed(first byte, payload string, form int) []byte {
	n := len(payload)
	b := []byte{first}
	switch {
	case form == in16, form == minimal && n > 125 && n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, mask|in16), uint16(n))
	case form == in64, form == minimal && n >= 1<<16:
		b = binary.BigEndian.AppendUint64(append(b, mask|in64), uint64(n))
	default:
		b = append(b, mask|byte(n))
	}
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	b = append(b, key[:]...)
	for i := range n {
		b = append(b, payload[i]^key[i%4])
	}
	return b
}

func closeWith(code uint16, reason string) []byte {
	return masked(fin|closing, string(binary.BigEndian.AppendUint16(nil, code))+reason)
}

func frames(all ...[]byte) (joined []byte) {
	for _, f := range all {
		joined = append(joined, f...)
	}
	return joined
}

// conformance is what a peer sends, what comes back before the close frame,
// and that frame's code. Code 0 means that the connection lives on. The
// numbers are sections of RFC 6455. The server echoes data.
var conformance = []struct {
	name string
	send []byte
	want []string
	code uint16
}{
	{"5.2 empty text", masked(fin|text, ""), []string{"text "}, 0},
	{"5.2 text of 125 bytes", masked(fin|text, strings.Repeat("x", 125)), []string{"text " + strings.Repeat("x", 125)}, 0},
	{"5.2 text of 126 bytes", masked(fin|text, strings.Repeat("x", 126)), []string{"text " + strings.Repeat("x", 126)}, 0},
	{"5.2 binary of 65,535 bytes", masked(fin|bin, strings.Repeat("x", 65535)), []string{"bin " + strings.Repeat("x", 65535)}, 0},
	{"5.2 binary of 65,536 bytes", masked(fin|bin, strings.Repeat("x", limit)), []string{"bin " + strings.Repeat("x", limit)}, 0},
	{"5.2 binary that is not UTF-8", masked(fin|bin, "\xff\x00\xfe"), []string{"bin \xff\x00\xfe"}, 0},
	{"5.2 two messages in one segment", frames(masked(fin|text, "a"), masked(fin|bin, "b")), []string{"text a", "bin b"}, 0},
	{"5.2 a length of 125 in 16 bits is read", framed(fin|text, "x", in16), []string{"text x"}, 0},
	{"5.2 a length of 1 in 64 bits is read", framed(fin|text, "x", in64), []string{"text x"}, 0},
	{"5.2 RSV1 without an extension", masked(fin|rsv1|text, "x"), nil, 1002},
	{"5.2 RSV2", masked(fin|rsv2|text, "x"), nil, 1002},
	{"5.2 RSV3", masked(fin|rsv3|text, "x"), nil, 1002},
	{"5.2 RSV1 on a ping", masked(fin|rsv1|ping, ""), nil, 1002},
	{"5.2 RSV1 on a continuation", frames(masked(text, "a"), masked(fin|rsv1|cont, "b")), nil, 1002},
	{"5.2 opcode 3", masked(fin|3, "x"), nil, 1002},
	{"5.2 opcode 7", masked(fin|7, "x"), nil, 1002},
	{"5.2 opcode 11", masked(fin|11, ""), nil, 1002},
	{"5.2 opcode 15", masked(fin|15, ""), nil, 1002},
	{"5.2 a length with the highest bit", append([]byte{fin | bin, mask | in64, 0x80}, make([]byte, 11)...), nil, 1002},
	{"5.1 text without a mask", []byte{fin | text, 1, 'x'}, nil, 1002},
	{"5.1 ping without a mask", []byte{fin | ping, 0}, nil, 1002},
	{"5.1 close without a mask", []byte{fin | closing, 2, 0x03, 0xe8}, nil, 1002},

	{"5.4 text in two fragments", frames(masked(text, "a"), masked(fin|cont, "b")), []string{"text ab"}, 0},
	{"5.4 fragments, empty ones too", frames(masked(bin, ""), masked(cont, "a"), masked(cont, ""), masked(fin|cont, "")), []string{"bin a"}, 0},
	{"5.4 ping between fragments", frames(masked(text, "a"), masked(fin|ping, "p"), masked(fin|cont, "b")), []string{"pong p", "text ab"}, 0},
	{"5.4 pong between fragments", frames(masked(text, "a"), masked(fin|pong, "p"), masked(fin|cont, "b")), []string{"text ab"}, 0},
	{"5.4 continuation of nothing", masked(fin|cont, "x"), nil, 1002},
	{"5.4 continuation after a whole message", frames(masked(fin|text, "a"), masked(fin|cont, "b")), []string{"text a"}, 1002},
	{"5.4 text within a message", frames(masked(text, "a"), masked(fin|text, "b")), nil, 1002},
	{"5.4 binary within a message", frames(masked(text, "a"), masked(fin|bin, "b")), nil, 1002},
	{"5.4 over the limit in fragments", frames(masked(bin, strings.Repeat("x", limit)), masked(fin|cont, "x")), nil, 1009},
	{"5.4 over the limit in one", masked(fin|bin, strings.Repeat("x", limit+1)), nil, 1009},
	{"5.4 close between fragments", frames(masked(text, "a"), closeWith(1000, "")), nil, 1000},

	{"5.5 ping of 125 bytes", masked(fin|ping, strings.Repeat("p", 125)), []string{"pong " + strings.Repeat("p", 125)}, 0},
	{"5.5 ping of 126 bytes", masked(fin|ping, strings.Repeat("p", 126)), nil, 1002},
	{"5.5 pong of 126 bytes", masked(fin|pong, strings.Repeat("p", 126)), nil, 1002},
	{"5.5 close of 126 bytes", closeWith(1000, strings.Repeat("x", 124)), nil, 1002},
	{"5.5 ping in fragments", masked(ping, "p"), nil, 1002},
	{"5.5 close in fragments", masked(closing, "\x03\xe8"), nil, 1002},
	{"5.5.2 empty ping", masked(fin|ping, ""), []string{"pong "}, 0},
	{"5.5.2 pings keep their order", frames(masked(fin|ping, "1"), masked(fin|ping, "2")), []string{"pong 1", "pong 2"}, 0},
	{"5.5.3 unsolicited pong", masked(fin|pong, "x"), nil, 0},

	{"5.5.1 close 1000", closeWith(1000, "bye"), nil, 1000},
	{"5.5.1 close of one byte", masked(fin|closing, "x"), nil, 1002},
	{"5.5.1 data after close is not read", frames(closeWith(1001, ""), masked(fin|text, "late")), nil, 1001},
	{"7.4.1 close 1001", closeWith(1001, ""), nil, 1001},
	{"7.4.1 close 1004", closeWith(1004, ""), nil, 1002},
	{"7.4.1 close 1005", closeWith(1005, ""), nil, 1002},
	{"7.4.1 close 1006", closeWith(1006, ""), nil, 1002},
	{"7.4.1 close 1011", closeWith(1011, ""), nil, 1011},
	{"7.4.1 close 1015", closeWith(1015, ""), nil, 1002},
	{"7.4.2 close 0", closeWith(0, ""), nil, 1002},
	{"7.4.2 close 999", closeWith(999, ""), nil, 1002},
	{"7.4.2 close 1016", closeWith(1016, ""), nil, 1002},
	{"7.4.2 close 2999", closeWith(2999, ""), nil, 1002},
	{"7.4.2 close 3000", closeWith(3000, ""), nil, 3000},
	{"7.4.2 close 4999", closeWith(4999, ""), nil, 4999},
	{"7.4.2 close 5000", closeWith(5000, ""), nil, 1002},
	{"7.4.2 close 65535", closeWith(65535, ""), nil, 1002},

	{"8.1 a rune across fragments", frames(masked(text, "\xc3"), masked(fin|cont, "\xa9")), []string{"text é"}, 0},
	{"8.1 not UTF-8", masked(fin|text, "\xff"), nil, 1007},
	{"8.1 not UTF-8 across fragments", frames(masked(text, "\xc3"), masked(fin|cont, "x")), nil, 1007},
	{"8.1 half a rune at the end", masked(fin|text, "a\xc3"), nil, 1007},
	{"8.1 a surrogate", masked(fin|text, "\xed\xa0\x80"), nil, 1007},
	{"8.1 an overlong slash", masked(fin|text, "\xc0\xaf"), nil, 1007},
	{"8.1 beyond U+10FFFF", masked(fin|text, "\xf4\x90\x80\x80"), nil, 1007},
	{"8.1 a NUL is text", masked(fin|text, "\x00"), []string{"text \x00"}, 0},
	{"no frame at all", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), nil, 1002},
}

// TestConformance is our own table: the suite that everybody used, Autobahn's,
// runs on Python 2 only.
func TestConformance(t *testing.T) {
	require.GreaterOrEqual(t, len(conformance), 40)
	url, done := serve(t, opts, echo)
	for _, tt := range conformance {
		t.Run(tt.name, func(t *testing.T) {
			nc, br := rawDial(t, url)
			_, err := nc.Write(tt.send)
			require.NoError(t, err)
			for _, want := range tt.want {
				kind, payload, err := readFrame(br)
				require.NoError(t, err)
				assert.Equal(t, want, name(kind)+" "+payload)
			}
			code := tt.code
			if code == 0 {
				_, err := nc.Write(frames(masked(fin|ping, "alive?"), closeWith(1000, "")))
				require.NoError(t, err)
				kind, payload, err := readFrame(br)
				require.NoError(t, err)
				assert.Equal(t, "pong alive?", name(kind)+" "+payload)
				code = 1000
			}
			kind, payload, err := readFrame(br)
			require.NoError(t, err, "no close frame")
			require.Equal(t, "close", name(kind))
			require.GreaterOrEqual(t, len(payload), 2)
			assert.Equal(t, code, binary.BigEndian.Uint16([]byte(payload)))
			_ = nc.(*net.TCPConn).CloseWrite()
			_, err = io.Copy(io.Discard, br)
			assert.NoError(t, err, "the connection ends without a reset")
			wait(t, done)
		})
	}
}

func name(kind byte) string {
	return map[byte]string{text: "text", bin: "bin", closing: "close", ping: "ping", pong: "pong"}[kind]
}

// readFrame reads a frame of the server, which is whole and not masked.
func readFrame(br *bufio.Reader) (kind byte, payload string, err error) {
	var h [2]byte
	if _, err := io.ReadFull(br, h[:]); err != nil {
		return 0, "", err
	}
	n := uint64(h[1])
	switch h[1] {
	case in16:
		var b [2]byte
		_, err = io.ReadFull(br, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case in64:
		var b [8]byte
		_, err = io.ReadFull(br, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	if err != nil || h[0]&fin == 0 || h[1]&mask != 0 {
		return 0, "", io.ErrUnexpectedEOF
	}
	b := make([]byte, n)
	_, err = io.ReadFull(br, b)
	return h[0] & 0xf, string(b), err
}

// A peer may be silent for hours, but not in the middle of a message: it would
// hold a buffer for ever.
func TestMessageThatIsNotFinishedInTimeEndsIn1008(t *testing.T) {
	for name, begun := range map[string][]byte{
		"half a frame":           masked(fin|text, "abcdef")[:9],
		"a fragment":             masked(text, "abc"),
		"a fragment, then pings": frames(masked(text, "abc"), masked(fin|ping, "p")),
		"a long frame's header":  framed(fin|bin, strings.Repeat("x", 1000), in64)[:14],
	} {
		t.Run(name, func(t *testing.T) {
			o := opts
			o.WriteTimeout = 50 * time.Millisecond
			url, done := serve(t, o, echo)
			nc, br := rawDial(t, url)
			_, err := nc.Write(begun)
			require.NoError(t, err)
			assert.Equal(t, uint16(wsconn.CodePolicy), closeCode(t, br))
			wait(t, done)
		})
	}
}

// The bound holds for each message, not for all of them together, and silence
// between two of them is none of its business.
func TestMessagesInTimeNeverRunOutOfIt(t *testing.T) {
	o := opts
	o.WriteTimeout = 100 * time.Millisecond
	url, done := serve(t, o, echo)
	nc, br := rawDial(t, url)
	for range 5 {
		_, err := nc.Write(frames(masked(text, "a"), masked(fin|cont, "b")))
		require.NoError(t, err)
		kind, payload, err := readFrame(br)
		require.NoError(t, err)
		require.Equal(t, "text ab", name(kind)+" "+payload)
		<-time.After(60 * time.Millisecond) // the silence itself is what is tested
	}
	_, err := nc.Write(closeWith(1000, ""))
	require.NoError(t, err)
	assert.Equal(t, uint16(1000), closeCode(t, br))
	wait(t, done)
}
