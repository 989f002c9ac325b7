package imports

import (
	"bytes"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// outputChunk is the largest output message before a flush is forced.
	outputChunk = 32 << 10
	// outputEvery is how long printed text waits for more of it.
	outputEvery = 50 * time.Millisecond
)

// collector turns what an importer prints into output messages: text that is
// valid UTF-8 and shows its control characters, whole lines where possible,
// both streams in the order in which they were read.
type collector struct {
	emit   func(s Stream, text []byte, partial bool)
	redact func([]byte) []byte

	mu      sync.Mutex
	pending []chunk
	size    int
	rest    map[Stream][]byte // an unfinished character or, with redact, line
	cr      map[Stream]bool   // a carriage return that may be half of CRLF
	timer   *time.Timer
	closed  bool
}

type chunk struct {
	stream Stream
	text   []byte
}

func newCollector(redact func([]byte) []byte, emit func(Stream, []byte, bool)) *collector {
	return &collector{emit: emit, redact: redact, rest: map[Stream][]byte{}, cr: map[Stream]bool{}}
}

// write takes raw bytes. They are not kept.
func (c *collector) write(s Stream, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	for len(b) > 0 {
		n := min(len(b), outputChunk/4)
		c.takeLocked(s, b[:n])
		b = b[n:]
	}
	if c.size > 0 && c.timer == nil {
		c.timer = time.AfterFunc(outputEvery, c.flush)
	}
}

func (c *collector) takeLocked(s Stream, b []byte) {
	raw := append(c.rest[s], b...)
	keep := unfinished(raw)
	if c.redact != nil {
		// A secret must not slip through because a read ended inside it, so
		// only whole lines go on, unless a line never ends.
		if keep = len(raw) - 1 - bytes.LastIndexByte(raw, '\n'); keep > outputChunk {
			keep = unfinished(raw)
		}
	}
	c.rest[s] = bytes.Clone(raw[len(raw)-keep:])
	c.addLocked(s, raw[:len(raw)-keep])
}

func (c *collector) addLocked(s Stream, raw []byte) {
	if len(raw) == 0 {
		return
	}
	if c.redact != nil {
		raw = c.redact(raw)
	}
	cr := c.cr[s]
	text := printable(nil, raw, &cr)
	c.cr[s] = cr
	if len(text) == 0 {
		return
	}
	if n := len(c.pending); n > 0 && c.pending[n-1].stream == s && len(c.pending[n-1].text) < outputChunk/2 {
		c.pending[n-1].text = append(c.pending[n-1].text, text...)
	} else {
		c.pending = append(c.pending, chunk{s, text})
	}
	c.size += len(text)
	if c.size >= outputChunk/2 {
		c.flushLocked()
	}
}

func (c *collector) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	c.flushLocked()
}

func (c *collector) flushLocked() {
	for _, p := range c.pending {
		for text := p.text; len(text) > 0; {
			n := min(len(text), outputChunk)
			for n < len(text) && !utf8.RuneStart(text[n]) {
				n--
			}
			c.emit(p.stream, text[:n], text[n-1] != '\n')
			text = text[n:]
		}
	}
	c.pending, c.size = nil, 0
}

// close emits what is left. Later writes are dropped.
func (c *collector) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range []Stream{Stdout, Stderr} {
		rest := c.rest[s]
		delete(c.rest, s)
		c.addLocked(s, rest)
		if c.cr[s] {
			c.cr[s] = false
			c.pending = append(c.pending, chunk{s, []byte("\n")})
		}
	}
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	c.flushLocked()
	c.closed = true
}

// unfinished is how many bytes at the end are the start of a character whose
// rest has not been read yet.
func unfinished(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		c := b[len(b)-n]
		if utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// printable appends text with nothing in it that a terminal would act upon:
// a restore prints names out of a dump that anybody may have written. Line
// ends and TAB stay, other controls become their pictures (U+2400), and what
// is not UTF-8, C1 and bidirectional controls become U+FFFD.
func printable(dst, src []byte, cr *bool) []byte {
	for len(src) > 0 {
		r, n := utf8.DecodeRune(src)
		src = src[n:]
		if *cr {
			*cr = false
			dst = append(dst, '\n') // also for a lone CR: the next line
			if r == '\n' {
				continue
			}
		}
		switch {
		case r == '\r':
			*cr = true
		case r == '\n', r == '\t':
			dst = append(dst, byte(r))
		case r < 0x20:
			dst = utf8.AppendRune(dst, 0x2400+r)
		case r == 0x7f:
			dst = utf8.AppendRune(dst, 0x2421)
		case r < 0xa0 && r >= 0x80, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x2028, r == 0x2029:
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
