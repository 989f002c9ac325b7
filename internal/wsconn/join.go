package wsconn

import (
	"encoding/binary"
	"net"
)

// joinBuffer holds the longest header of an unmasked frame (RFC 6455 section
// 5.2: ten bytes) and the shortest answers whole.
const joinBuffer = 16

// vectored tells whether several pieces go to nc in one system call.
func vectored(nc net.Conn) bool {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

// joiner puts the two pieces of a frame together again. The library's buffered
// writer hands over its buffer, which begins with the header, and then what is
// left of the payload straight from the caller. Written one by one, the first
// few bytes would be a segment of their own that wakes the peer for nothing.
type joiner struct {
	first  [joinBuffer]byte
	held   int
	pieces [2][]byte
	out    net.Buffers
}

// hold keeps p if it is the beginning of a frame whose rest is still to come.
// Only unmasked frames are known, the ones that a server sends.
func (j *joiner) hold(p []byte) bool {
	if j.held > 0 || len(p) > len(j.first) || frameLen(p) <= uint64(len(p)) {
		return false
	}
	j.held = copy(j.first[:], p)
	return true
}

// write sends what is held and p.
func (j *joiner) write(nc net.Conn, p []byte) (int, error) {
	if j.held == 0 {
		return nc.Write(p)
	}
	held := j.held
	j.held = 0
	j.pieces = [2][]byte{j.first[:held], p}
	j.out = j.pieces[:]
	n, err := j.out.WriteTo(nc)
	j.pieces = [2][]byte{}
	return max(int(n)-held, 0), err
}

// frameLen is how long the frame is that p begins with, header included, 0 if
// p does not tell.
func frameLen(p []byte) uint64 {
	if len(p) < 2 {
		return 0
	}
	switch n := p[1] & 0x7f; {
	case n < 126:
		return 2 + uint64(n)
	case n == 126 && len(p) >= 4:
		return 4 + uint64(binary.BigEndian.Uint16(p[2:]))
	case n == 127 && len(p) >= 10:
		return 10 + binary.BigEndian.Uint64(p[2:])
	}
	return 0
}
