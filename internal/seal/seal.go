// Package seal puts a checksum into the lines of a journal, so that a line
// that a crash cut short or a disk has changed is known for what it is. A
// sealed line is still JSON: an operator can read the journal with any tool.
//
// The checksum is against accidents. Whoever can write the file can make one.
package seal

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
)

// tail is the length of what Line adds: the checksum's member and the end of
// the line, the object's brace counted once.
const tail = len(`,"crc":"00000000"}`) + len("\n")

// ErrDamaged is a line that is not what was written.
var ErrDamaged = errors.New("the journal is damaged")

// Line adds a CRC-32C to a JSON object, as its last member, and ends the line.
// The object must have a member.
func Line(object []byte) []byte {
	body := object[:len(object)-1]
	return fmt.Appendf(bytes.Clone(body), ",\"crc\":\"%08x\"}\n", sum(body))
}

// Open checks a line, its end included, and returns the object without the
// checksum, or ErrDamaged.
func Open(line []byte) ([]byte, error) {
	if len(line) < tail+1 || line[0] != '{' {
		return nil, ErrDamaged
	}
	body := line[:len(line)-tail]
	if string(line[len(body):]) != fmt.Sprintf(",\"crc\":\"%08x\"}\n", sum(body)) {
		return nil, ErrDamaged
	}
	return append(bytes.Clone(body), '}'), nil
}

func sum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
