package seal_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pruvon/pruvon/internal/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryChangeOfALineIsSeen(t *testing.T) {
	object := []byte(`{"id":"a","n":1}`)
	line := seal.Line(object)
	assert.True(t, json.Valid(line))
	got, err := seal.Open(line)
	require.NoError(t, err)
	assert.Equal(t, string(object), string(got))
	for i := range line {
		_, err := seal.Open(line[:i])
		require.ErrorIs(t, err, seal.ErrDamaged, "cut at %d", i)
		for bit := range 8 {
			bent := bytes.Clone(line)
			bent[i] ^= 1 << bit
			_, err := seal.Open(bent)
			require.ErrorIs(t, err, seal.ErrDamaged, "byte %d, bit %d", i, bit)
		}
	}
}

// FuzzOpen: what opens is what was sealed.
func FuzzOpen(f *testing.F) {
	f.Add(seal.Line([]byte(`{"id":"a"}`)))
	f.Add([]byte(`{,"crc":"00000000"}` + "\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		object, err := seal.Open(line)
		if err != nil {
			require.ErrorIs(t, err, seal.ErrDamaged)
			return
		}
		require.Equal(t, line, seal.Line(object))
	})
}
