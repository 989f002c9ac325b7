package imports

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/pruvon/pruvon/internal/seal"
)

// eventLog is an import's durable events. The journal file holds them all; in
// memory they are kept, encoded once, only while somebody watches.
type eventLog struct {
	d    disk
	dir  string
	keep int64 // bytes of output kept

	mu       sync.Mutex
	epoch    string
	seq      uint64
	lastWord func(seq uint64) endMessage // makes an end that a crash kept out of the journal
	out      *outputStore
	file     *os.File
	lost     error         // why the journal file is not complete
	changed  chan struct{} // closed at the next change
	progress []byte        // the newest progress message
	version  uint64        // counts progress messages
	ended    bool          // the last entry is the end
	watchers int
	loaded   bool
	entries  []entry // in order of seq; valid while loaded
}

// entry is one durable event.
type entry struct {
	seq  uint64
	line []byte // as it is sent
	end  bool
	out  *outputRef // nil for all but output
}

func newEventLog(d disk, dir string, keep int64, epoch string, seq uint64) *eventLog {
	return &eventLog{d: d, dir: dir, keep: keep, epoch: epoch, seq: seq, changed: make(chan struct{})}
}

// wakeLocked tells the watchers that something is new.
func (l *eventLog) wakeLocked() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// add numbers an event, writes it to the journal and wakes the watchers.
// build gets the number.
func (l *eventLog) add(build func(seq uint64) any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	msg := build(l.seq)
	_, end := msg.(endMessage)
	e := entry{seq: l.seq, line: encode(msg), end: end}
	l.ended = end
	l.appendLocked(seal.Line(e.line))
	l.keepLocked(e)
}

// addOutput journals printed text: the bytes in output.log, a reference in
// the event file.
func (l *eventLog) addOutput(s Stream, text []byte, partial bool, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	ref := outputRef{Type: "output", Seq: l.seq, At: at, Stream: s, Partial: partial, N: len(text)}
	out, err := l.outputLocked()
	var dropped bool
	if err == nil {
		ref.Off, dropped, err = out.write(text)
	}
	if err != nil {
		l.lost = err
	} else {
		l.appendLocked(seal.Line(encode(ref)))
	}
	l.keepLocked(entry{seq: ref.Seq, line: ref.message(text), out: &ref})
	if dropped {
		l.compactLocked()
	}
}

func (o *outputRef) message(text []byte) []byte {
	return encode(outputMessage{Type: "output", Seq: o.Seq, At: o.At, Stream: o.Stream, Data: string(text), Partial: o.Partial})
}

func (l *eventLog) keepLocked(e entry) {
	if l.loaded {
		l.entries = append(l.entries, e)
	}
	l.wakeLocked()
}

func (l *eventLog) appendLocked(line []byte) {
	if l.file == nil {
		f, err := os.OpenFile(filepath.Join(l.dir, fileEvents), os.O_RDWR|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			l.lost = err
			return
		}
		l.d.did("create")
		l.file = f
		if err := endLine(f); err != nil {
			l.lost = err
		}
	}
	if err := l.d.append(l.file, line); err != nil {
		l.lost = err
		_ = endLine(l.file)
	}
}

// endLine ends a line that a crash or a full disk has torn, so that the next
// one stands by itself.
func endLine(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = f.Write([]byte("\n"))
	return err
}

func (l *eventLog) outputLocked() (*outputStore, error) {
	if l.out != nil {
		return l.out, nil
	}
	out, err := openOutput(l.d, l.dir, l.keep)
	if err == nil {
		l.out = out
	}
	return out, err
}

// number is the number of the last event.
func (l *eventLog) number() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seq
}

// outputSize is the length of all that was printed.
func (l *eventLog) outputSize() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	out, err := l.outputLocked()
	if err != nil {
		return 0
	}
	return out.size()
}

// printed is all that was printed and is kept.
func (l *eventLog) printed() (*outputReader, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out, err := l.outputLocked()
	if err != nil {
		return nil, err
	}
	return out.reader(), nil
}

// setProgress replaces the progress message.
func (l *eventLog) setProgress(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.progress = line
	l.version++
	l.wakeLocked()
}

// settle makes what was written durable and gives back the descriptors: the
// import has ended, or waits.
func (l *eventLog) settle() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.progress = nil
	err := l.lost
	if l.file != nil {
		err = errors.Join(err, l.d.sync(l.file), l.file.Close())
		l.file = nil
	}
	if l.out != nil {
		l.out.close()
	}
	return err
}

// watch keeps the events in memory until the returned function is called.
func (l *eventLog) watch() (done func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watchers++
	l.loadLocked()
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.watchers--; l.watchers == 0 {
			l.entries, l.loaded = nil, false
		}
	})
}

func (l *eventLog) loadLocked() {
	if l.loaded {
		return
	}
	l.entries = nil
	if out, err := l.outputLocked(); err == nil {
		l.entries = loadEvents(l.dir, out)
	}
	l.loaded = true
	n := len(l.entries)
	if n > 0 {
		l.seq = max(l.seq, l.entries[n-1].seq)
	}
	if l.ended && (n == 0 || !l.entries[n-1].end) && l.lastWord != nil {
		l.seq++
		l.entries = append(l.entries, entry{seq: l.seq, line: encode(l.lastWord(l.seq)), end: true})
	}
}

// loadEvents reads the journal file. A line that is damaged or torn is left
// out; watchers see a gap in its place.
func loadEvents(dir string, out *outputStore) []entry {
	f, err := os.Open(filepath.Join(dir, fileEvents))
	if err != nil {
		return nil
	}
	defer f.Close()
	return parseEvents(f, out.read)
}

// lineMax bounds a journal line: an output reference is short, a problem or a
// warning is cut to less.
const lineMax = 64 << 10

func parseEvents(r io.Reader, output func(off int64, n int) ([]byte, error)) []entry {
	var entries []entry
	br := bufio.NewReaderSize(r, lineMax)
	for {
		line, err := br.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = br.ReadSlice('\n')
			}
			line = nil
		}
		if err != nil {
			break
		}
		if e, ok := parseEvent(line, output); ok {
			entries = append(entries, e)
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		switch {
		case a.seq < b.seq:
			return -1
		case a.seq > b.seq:
			return 1
		}
		return 0
	})
	return slices.CompactFunc(entries, func(a, b entry) bool { return a.seq == b.seq })
}

func parseEvent(line []byte, output func(off int64, n int) ([]byte, error)) (entry, bool) {
	object, err := seal.Open(line)
	if err != nil {
		return entry{}, false
	}
	var ref outputRef
	if json.Unmarshal(object, &ref) != nil || ref.Seq == 0 {
		return entry{}, false
	}
	if ref.Type != "output" {
		return entry{seq: ref.Seq, line: object, end: ref.Type == "end"}, true
	}
	text, err := output(ref.Off, ref.N)
	if err != nil {
		return entry{}, false
	}
	return entry{seq: ref.Seq, line: ref.message(text), out: &ref}, true
}

// compactLocked rewrites the journal file without the references to output
// that was dropped.
func (l *eventLog) compactLocked() {
	from, to := l.out.hole()
	entries := l.entries
	if !l.loaded {
		entries = loadEvents(l.dir, l.out)
	}
	entries = slices.DeleteFunc(entries, func(e entry) bool { return e.out != nil && e.out.Off >= from && e.out.Off < to })
	if l.loaded {
		l.entries = entries
	}
	var b bytes.Buffer
	for _, e := range entries {
		if e.out != nil {
			b.Write(seal.Line(encode(e.out)))
		} else {
			b.Write(seal.Line(e.line))
		}
	}
	if err := l.d.writeFile(filepath.Join(l.dir, fileEvents), b.Bytes()); err != nil {
		l.lost = err
		return
	}
	if l.file != nil {
		_ = l.file.Close() // the old file has no name any more
		l.file = nil
	}
}

// restart opens the log for another attempt: the end of the earlier one is no
// longer the stream's.
func (l *eventLog) restart() { l.resume(false) }

// resume says whether the last end in the log is the stream's.
func (l *eventLog) resume(ended bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = ended
}
