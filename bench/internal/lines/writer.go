package lines

import (
	"io"
	"os"
	"syscall"
	"time"
)

// tick is how often a Writer appends what is due.
const tick = time.Millisecond

// Writer appends lines at a rate, in one write a millisecond, as a service
// under load does.
type Writer struct {
	Rate int    // lines a second
	Next uint64 // the number of the next line

	buf []byte
}

// Run writes to f for a while. What cannot be written in time is caught up
// with. each, if not nil, is called between two writes and may exchange the
// file; Run returns the one that is in use at the end.
func (w *Writer) Run(f *os.File, d time.Duration, each func(*os.File) (*os.File, error)) (*os.File, error) {
	begin, written := time.Now(), 0
	for {
		since := time.Since(begin)
		if since >= d {
			return f, nil
		}
		if due := int(since.Seconds() * float64(w.Rate)); due > written {
			if err := w.Write(f, due-written); err != nil {
				return f, err
			}
			written = due
		}
		if each != nil {
			var err error
			if f, err = each(f); err != nil {
				return f, err
			}
		}
		Pause(tick)
	}
}

// Write appends n lines in one write.
func (w *Writer) Write(f io.Writer, n int) error {
	w.buf = w.buf[:0]
	at := time.Now()
	for range n {
		w.buf = Append(w.buf, w.Next, at)
		w.Next++
	}
	_, err := f.Write(w.buf)
	return err
}

// Fill writes n lines in large blocks: history for those who come later.
func (w *Writer) Fill(f io.Writer, n int) error {
	for n > 0 {
		block := min(n, 4096)
		if err := w.Write(f, block); err != nil {
			return err
		}
		n -= block
	}
	return nil
}

// Pause waits in the kernel. A timer of the runtime would make the writer wait
// for the processors that the viewers in the same process keep busy.
func Pause(d time.Duration) {
	left := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&left, nil)
}
