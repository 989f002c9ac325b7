package wsclient

import (
	"encoding/binary"
	"errors"
)

// Opcodes (RFC 6455, section 5.2).
const (
	OpText   = 0x1
	OpBinary = 0x2
	OpClose  = 0x8
	OpPing   = 0x9
	OpPong   = 0xa
)

// appendFrame adds one whole masked frame. The mask is zero, so that masking costs nothing; a mask that
// nobody can guess protects proxies from hostile pages, and here is neither.
func appendFrame(b []byte, op byte, payload []byte) []byte {
	const fin, masked = 0x80, 0x80
	b = append(b, fin|op)
	switch n := len(payload); {
	case n < 126:
		b = append(b, masked|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, masked|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, masked|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

var errMasked = errors.New("a server does not mask its frames")

// header reads the head of a frame. size is 0 if b does not hold all of it yet.
func header(b []byte) (op byte, size, length int, err error) {
	if len(b) < 2 {
		return 0, 0, 0, nil
	}
	op, length = b[0]&0xf, int(b[1]&0x7f)
	if b[1]&0x80 != 0 {
		return 0, 0, 0, errMasked
	}
	switch {
	case length < 126:
		return op, 2, length, nil
	case length == 126 && len(b) >= 4:
		return op, 4, int(binary.BigEndian.Uint16(b[2:])), nil
	case length == 127 && len(b) >= 10:
		return op, 10, int(binary.BigEndian.Uint64(b[2:])), nil
	}
	return 0, 0, 0, nil
}
