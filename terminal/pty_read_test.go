package terminal

import (
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Readers that keep the scheduler in the dark hold a processor each: one must
// be left, and what a reader took it gives back.
func TestQuickReadersLeaveAProcessor(t *testing.T) {
	require.Zero(t, cap(newReadSlots(1).quick))
	require.Equal(t, 3, cap(newReadSlots(4).quick))
}

func TestPtyReaderGivesItsSlotsBack(t *testing.T) {
	const size = 256 << 10
	for _, procs := range []int{1, 2} {
		slots := newReadSlots(procs)
		pair, err := openPty(Size{Cols: 80, Rows: 24})
		require.NoError(t, err)
		var r ptyReader
		r.init(pair.raw, slots)
		var writer sync.WaitGroup
		writer.Go(func() {
			_, _ = io.WriteString(pair.slave, strings.Repeat("x", size))
			_ = pair.slave.Close()
		})
		got, quick := 0, 0
		buf := make([]byte, readMax)
		for {
			n, err := r.Read(buf)
			got += n
			require.Empty(t, slots.quick)
			require.Empty(t, slots.pause)
			if n >= 2*busyRead {
				quick++
			}
			if err != nil {
				break
			}
		}
		writer.Wait()
		require.Equal(t, size, got)
		require.Positive(t, quick, "nothing was gathered")
		_ = pair.master.Close()
	}
}
