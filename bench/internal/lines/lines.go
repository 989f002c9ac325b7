// Package lines is the load of the log scenarios: numbered, stamped lines of a
// fixed size, who writes them, and who counts them at the other end.
//
// A line has one '@', and nothing of it is changed by any of the protocols, so
// whoever reads can count lines in the raw bytes of a connection without
// knowing what frames stand around them. What a viewer costs is then the same
// for every server that is compared.
package lines

import (
	"bytes"
	"strconv"
	"time"
)

// Size is the length of a line in bytes, its line end included.
const Size = 150

// Mark begins each line and stands nowhere else in it.
const Mark = '@'

const (
	numberDigits = 12
	stampDigits  = 19
	headLength   = 1 + numberDigits + stampDigits
)

// tail fills a line up to Size.
var tail = string(bytes.Repeat([]byte{'x'}, Size-headLength-1)) + "\n"

// Append adds line n, written at the given time, to dst.
func Append(dst []byte, n uint64, at time.Time) []byte {
	dst = append(dst, Mark)
	dst = appendPadded(dst, n, numberDigits)
	dst = appendPadded(dst, uint64(at.UnixNano()), stampDigits)
	return append(dst, tail...)
}

func appendPadded(dst []byte, n uint64, width int) []byte {
	var digits [20]byte
	text := strconv.AppendUint(digits[:0], n, 10)
	for range width - len(text) {
		dst = append(dst, '0')
	}
	return append(dst, text...)
}

// Number reads the number of a line that begins with its Mark.
func Number(line []byte) (n uint64, ok bool) {
	if len(line) < headLength || line[0] != Mark {
		return 0, false
	}
	n, _, ok = parse(line[1:])
	return n, ok
}

// parse reads what follows a Mark: the line's number and when it was written.
// It reports false for what is not a line of ours.
func parse(head []byte) (n uint64, at int64, ok bool) {
	number, ok1 := digits(head[:numberDigits])
	stamp, ok2 := digits(head[numberDigits : numberDigits+stampDigits])
	return number, int64(stamp), ok1 && ok2
}

func digits(b []byte) (n uint64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}
