package wsconn

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFrameLen(t *testing.T) {
	for _, c := range []struct {
		name  string
		begin []byte
		want  uint64
	}{
		{"nothing", nil, 0},
		{"one byte", []byte{0x81}, 0},
		{"empty", []byte{0x81, 0}, 2},
		{"short", []byte{0x81, 125}, 127},
		{"sixteen bits", []byte{0x82, 126, 0x01, 0x02}, 4 + 0x102},
		{"sixteen bits, cut", []byte{0x82, 126, 0x01}, 0},
		{"sixty-four bits", []byte{0x82, 127, 0, 0, 0, 0, 0, 1, 0, 2}, 10 + 0x10002},
		{"sixty-four bits, cut", []byte{0x82, 127, 0, 0, 0, 0, 0, 1, 0}, 0},
	} {
		assert.Equal(t, c.want, frameLen(c.begin), c.name)
	}
}

func TestOnlyTheBeginningOfAFrameIsHeld(t *testing.T) {
	var j joiner
	assert.False(t, j.hold([]byte{0x81, 2, 'a', 'b'}), "a whole frame")
	assert.False(t, j.hold([]byte{0x81, 2, 'a', 'b', 0x89, 0}), "more than a frame")
	assert.False(t, j.hold(make([]byte, joinBuffer+1)), "more than fits")
	assert.True(t, j.hold([]byte{0x81, 3, 'a', 'b'}))
	assert.False(t, j.hold([]byte{0x81, 3, 'a', 'b'}), "what follows a beginning is its rest")
}
