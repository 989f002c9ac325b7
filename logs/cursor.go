package logs

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"sync"
)

const (
	cursorVersion = 1
	cursorMAC     = 12 // bytes of the MAC that are kept: 2^96 guesses
	keyBytes      = 32

	// maxCursor bounds the text of a cursor.
	maxCursor = (1 + 4*binary.MaxVarintLen64 + MaxPosition + cursorMAC) * 4 / 3
)

// errCursor is why a cursor was refused. Which of the reasons it was is nobody's
// business: a client cannot make one anyway.
var errCursor = errors.New("not a cursor of this log")

// cursor is what a client holds to go on from where it was. It is strictly
// "after": the line before it has been seen.
type cursor struct {
	epoch uint64 // which life of the hub numbered the lines
	seq   int64  // number of the next line
	sub   int64  // events since the line before it that have been seen
	at    int64  // Unix milliseconds
	pos   Position
}

// sealer writes and reads cursors of one log. They are authenticated with a
// key of the server's and bound to the log's name, so one that is forged or
// comes from another log is refused instead of read.
type sealer struct {
	name string

	mu  sync.Mutex
	mac hash.Hash
	buf []byte
}

func newSealer(key []byte, name string) *sealer {
	return &sealer{name: name, mac: hmac.New(sha256.New, key)}
}

// seal returns the cursor's text: URL-safe, without padding.
func (s *sealer) seal(c cursor) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := append(s.buf[:0], cursorVersion)
	b = binary.BigEndian.AppendUint64(b, c.epoch)
	b = binary.AppendVarint(b, c.seq)
	b = binary.AppendVarint(b, c.sub)
	b = binary.AppendVarint(b, c.at)
	b = append(b, c.pos...)
	b = s.appendMAC(b)
	s.buf = b
	return base64.RawURLEncoding.EncodeToString(b)
}

// open reads a cursor's text, or returns errCursor.
func (s *sealer) open(text string) (cursor, error) {
	if len(text) > maxCursor {
		return cursor{}, errCursor
	}
	// Strict refuses trailing bits, so that each cursor has one spelling.
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 1+8+cursorMAC || b[0] != cursorVersion {
		return cursor{}, errCursor
	}
	body := b[:len(b)-cursorMAC]
	s.mu.Lock()
	want := s.appendMAC(append(s.buf[:0], body...))
	s.buf = want
	ok := hmac.Equal(want[len(body):], b[len(body):])
	s.mu.Unlock()
	if !ok {
		return cursor{}, errCursor
	}
	c := cursor{epoch: binary.BigEndian.Uint64(body[1:])}
	rest := body[9:]
	for _, v := range []*int64{&c.seq, &c.sub, &c.at} {
		n := 0
		if *v, n = binary.Varint(rest); n <= 0 {
			return cursor{}, errCursor
		}
		rest = rest[n:]
	}
	if len(rest) > 0 {
		c.pos = append(Position(nil), rest...)
	}
	return c, nil
}

func (s *sealer) appendMAC(b []byte) []byte {
	s.mac.Reset()
	s.mac.Write(b)
	// The name goes last, after a byte that no name holds, so that no other
	// pair of body and name gives the same input.
	s.mac.Write([]byte{0})
	s.mac.Write([]byte(s.name))
	var sum [sha256.Size]byte
	return append(b, s.mac.Sum(sum[:0])[:cursorMAC]...)
}

// newEpoch names one life of a hub.
func newEpoch() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand since Go 1.24)
	return binary.BigEndian.Uint64(b[:])
}

// loadKey returns the key kept in dir, making both if need be. With an empty
// dir the key lives as long as the process.
func loadKey(dir string) ([]byte, error) {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key)
	if dir == "" {
		return key, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("StateDir: %w", err)
	}
	path := filepath.Join(dir, "logs-cursor.key")
	// A key that another instance is writing is never seen half: it is
	// linked into place, and the first one wins.
	tmp, err := os.CreateTemp(dir, ".logs-cursor-*")
	if err != nil {
		return nil, fmt.Errorf("StateDir: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(key)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return nil, fmt.Errorf("StateDir: %w", err)
	}
	if err := os.Link(tmp.Name(), path); err == nil {
		return key, nil
	} else if !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("StateDir: %w", err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("StateDir: %w", err)
	}
	if len(b) != keyBytes {
		return nil, fmt.Errorf("StateDir: %s holds %d bytes instead of %d; remove it, and old cursors are refused", path, len(b), keyBytes)
	}
	return b, nil
}
