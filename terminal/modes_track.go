package terminal

import (
	"bytes"
	"unicode/utf8"
)

const (
	// checkpointEvery is how far apart, in bytes, the tracker notes its modes,
	// and checkpoints how many notes it keeps: together more than a picture
	// may be long.
	checkpointEvery = 16 << 10
	checkpoints     = 20

	maxTitle = 256 // bytes of a title that are kept
)

// checkpoint is the modes at a place where the stream may be cut.
type checkpoint struct {
	at    int64
	modes modes
	set   bool
}

// tracker follows a program's output without drawing it: it knows the modes
// the program has set and the places from which its output can be shown to a
// terminal that has not seen the rest. One goroutine writes; the owner's lock
// guards all of it.
//
// The same stream leads to the same state however it is split over calls.
type tracker struct {
	parser
	modes modes
	rows  int

	title  [maxTitle]byte
	ntitle int

	homeFrom, homeTo int64 // the last sequence that put the cursor home
	cleared          [2]checkpoint
	notes            [checkpoints]checkpoint // by at / checkpointEvery
	due              int64
}

func newTracker(rows int) *tracker {
	return &tracker{rows: rows}
}

// Resize says how many rows the terminal has now; it has no scroll region
// then, as xterm.js drops it too.
func (t *tracker) Resize(rows int) {
	t.rows = rows
	for i := range t.modes.screens {
		t.modes.screens[i].top, t.modes.screens[i].bottom = 0, 0
	}
}

// Title is the window title the program has set: valid UTF-8 of at most 256
// bytes without control or direction characters.
func (t *tracker) Title() string { return string(t.title[:t.ntitle]) }

// Write takes the next bytes of the stream. It never fails and does not
// allocate.
func (t *tracker) Write(p []byte) (int, error) {
	rare := newRare(p)
	for i := 0; i < len(p); {
		if !t.atRest() {
			t.take(p[i])
			i++
			continue
		}
		if t.off >= t.due {
			t.note()
		}
		if n := t.quickCSI(p[i:]); n > 0 {
			i += n
			continue
		}
		end := min(rare.next(i), i+int(t.due-t.off))
		if n := bytes.IndexByte(p[i:end], c0ESC); n >= 0 {
			end = i + n
		}
		if end == i {
			t.take(p[i])
			i++
			continue
		}
		t.skip(p[i:end])
		i = end
	}
	return len(p), nil
}

// rareBytes finds, beside ESC, the bytes that plain text must stop at. Each
// is looked for once in all of p, however often ESC comes between.
type rareBytes struct {
	p  []byte
	at [3]int
	to int
}

func newRare(p []byte) rareBytes { return rareBytes{p: p, at: [3]int{-1, -1, -1}, to: -1} }

func (r *rareBytes) next(i int) int {
	if r.to < i {
		r.seek(i)
	}
	return r.to
}

func (r *rareBytes) seek(i int) {
	r.to = len(r.p)
	for k, c := range [...]byte{c0SO, c0SI, c1Lead} {
		if r.at[k] < i {
			r.at[k] = len(r.p)
			if n := bytes.IndexByte(r.p[i:], c); n >= 0 {
				r.at[k] = i + n
			}
		}
		r.to = min(r.to, r.at[k])
	}
}

// quickCSI takes a control sequence of the usual kind that p starts with and
// holds whole: a prefix at most, numbers, semicolons, a final byte. It returns
// its length, or 0 if p starts with anything else.
func (t *tracker) quickCSI(p []byte) int {
	if p[0] != c0ESC || len(p) < 3 || p[1] != '[' {
		return 0
	}
	i, n := 2, 0
	prefix := byte(0)
	if p[2] >= 0x3c && p[2] <= 0x3f {
		prefix, i = p[2], 3
	}
	v := int32(0)
	for ; i < len(p); i++ {
		c := p[i]
		if d := c - '0'; d <= 9 {
			if v > maxParam/10 {
				return 0
			}
			v = v*10 + int32(d)
			continue
		}
		if c == ';' {
			if n == maxParams-1 {
				return 0
			}
			t.p.v[n] = v
			n, v = n+1, 0
			continue
		}
		if c < 0x40 || c == 0x7f || c >= 0x80 {
			return 0
		}
		t.seqAt, t.runAt = t.off, t.off+int64(i)
		t.off += int64(i) + 1
		t.p.v[n], t.p.n, t.p.subs = v, n+1, 0
		t.prefix, t.ninter, t.code = prefix, 0, c
		if c == 'm' && n == 0 && prefix == 0 {
			t.modes.pen.sgr.simple(v) // what coloured text is full of
		} else {
			t.doCSI()
		}
		return i + 1
	}
	return 0
}

// skip passes over plain text: only an unfinished character at its end
// matters.
func (t *tracker) skip(p []byte) {
	t.off += int64(len(p))
	for k := len(p) - 1; k >= 0 && k >= len(p)-utf8.UTFMax+1; k-- {
		if p[k] < 0x80 {
			return
		}
		if p[k] >= 0xc0 {
			t.off -= int64(len(p) - k)
			for _, b := range p[k:] {
				t.feed(b)
			}
			return
		}
	}
}

// note keeps the modes of this place. Its slot follows from the offset alone.
func (t *tracker) note() {
	slot := t.off / checkpointEvery
	t.notes[slot%checkpoints] = checkpoint{t.off, t.modes, true}
	t.due = (slot + 1) * checkpointEvery
}

// take feeds one byte and acts on what it completed.
func (t *tracker) take(b byte) event {
	ev := t.feed(b)
	switch ev {
	case evExec:
		switch t.code {
		case c0SO:
			t.modes.pen.gl = 1
		case c0SI:
			t.modes.pen.gl = 0
		}
	case evEscape:
		t.doEscape()
	case evCSI:
		t.doCSI()
	case evOSC:
		t.doOSC()
	}
	return ev
}

func (t *tracker) doEscape() {
	m := &t.modes
	switch t.ninter {
	case 0:
	case 1:
		if t.inter[0] == '%' && (t.code == '@' || t.code == 'G') {
			m.pen.gl, m.pen.sets[0] = 0, 0
			return
		}
		m.designate(t.inter[0], t.code)
		return
	default:
		return
	}
	switch t.code {
	case '7':
		m.active().saved = m.pen
	case '8':
		m.pen = m.active().saved
	case '=':
		m.set(flagAppKeypad, true)
	case '>':
		m.set(flagAppKeypad, false)
	case 'n', '}':
		m.pen.gl = 2
	case 'o', '|':
		m.pen.gl = 3
	case '~':
		m.pen.gl = 1
	case 'c':
		*m = modes{}
		t.cleared = [2]checkpoint{0: {t.seqAt, modes{}, true}}
	}
}

func (t *tracker) doCSI() {
	m := &t.modes
	on := t.code == 'h'
	switch t.id() {
	case csi(0, 0, 'm'):
		m.pen.sgr.apply(&t.p)
	case csi('?', 0, 'h'), csi('?', 0, 'l'):
		for i := range t.p.n {
			if !t.p.sub(i) {
				t.privateMode(t.p.v[i], on)
			}
		}
	case csi(0, 0, 'h'), csi(0, 0, 'l'):
		for i := range t.p.n {
			m.ansi(t.p.v[i], on)
		}
	case csi(0, 0, 'r'):
		m.margins(t.p.v[0], t.p.at(1), t.rows)
	case csi(0, 0, 's'):
		m.active().saved = m.pen
	case csi(0, 0, 'u'):
		m.pen = m.active().saved
	case csi(0, ' ', 'q'):
		if v := t.p.v[0]; v <= 6 {
			m.cursorStyle = uint8(v)
		}
	case csi(0, '!', 'p'):
		m.softReset()
	case csi(0, 0, 'H'), csi(0, 0, 'f'):
		if t.p.v[0] <= 1 && t.p.at(1) <= 1 {
			t.homeFrom, t.homeTo = t.seqAt, t.off
		}
	case csi(0, 0, 'J'):
		t.erase(t.p.v[0])
	}
}

func (t *tracker) privateMode(mode int32, on bool) {
	was := t.modes
	t.modes.private(mode, on)
	if t.modes.alt() && !was.alt() {
		t.cleared[1] = checkpoint{t.seqAt, was, true}
	}
}

// erase notes an erased screen: nothing before it can be seen any more. ED 0
// erases all of it only from the home position.
func (t *tracker) erase(mode int32) {
	from := t.seqAt
	home := t.homeTo == t.seqAt && t.homeTo > t.homeFrom
	if home {
		from = t.homeFrom
	}
	if mode == 2 || mode == 0 && home {
		i := 0
		if t.modes.alt() {
			i = 1
		}
		t.cleared[i] = checkpoint{from, t.modes, true}
	}
}

// id packs what distinguishes control sequences; one with two intermediates
// is none that is known here.
func (q *parser) id() uint32 {
	if q.ninter > 1 {
		return 0
	}
	var inter byte
	if q.ninter == 1 {
		inter = q.inter[0]
	}
	return csi(q.prefix, inter, q.code)
}

func csi(prefix, inter, final byte) uint32 {
	return uint32(prefix)<<16 | uint32(inter)<<8 | uint32(final)
}

// oscNumber is the number of the OSC that has ended, and what follows it.
func (q *parser) oscNumber() (n int, text []byte, ok bool) {
	s := q.osc[:q.nosc]
	i := 0
	for ; i < len(s) && i < 6 && s[i] >= '0' && s[i] <= '9'; i++ {
		n = n*10 + int(s[i]-'0')
	}
	switch {
	case i == 0:
		return 0, nil, false
	case i == len(s):
		return n, nil, true
	case s[i] != ';':
		return 0, nil, false
	}
	return n, s[i+1:], true
}

func (t *tracker) doOSC() {
	n, text, ok := t.oscNumber()
	if !ok || n != 0 && n != 2 {
		return
	}
	t.ntitle = 0
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r != utf8.RuneError && titleRune(r) {
			if t.ntitle+size > maxTitle {
				return
			}
			t.ntitle += copy(t.title[t.ntitle:], text[:size])
		}
		text = text[size:]
	}
}

// titleRune tells whether a title may hold r: controls, line separators and
// the characters that reorder text (Unicode Standard Annex 9) may not show in
// a tab or a log.
func titleRune(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0:
		return false
	case r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c:
		return false
	}
	return true
}
