package terminal

import (
	"bytes"
	"strconv"
)

const (
	// maxPicture bounds a picture, whatever is asked for.
	maxPicture = 256 << 10
	// pictureSpare is what modes, title and an unfinished sequence may add to
	// the newest output, at most.
	pictureSpare = 2 << 10
	// maxTail is how much of an unfinished sequence is repeated; of a longer
	// one only the kind is.
	maxTail = 512
	// pictureReset resets the terminal in the stream itself (RIS): one that is
	// told to beside it may still have older output waiting to be drawn, or be
	// in the middle of a sequence, which CAN ends without effect. A visible
	// cursor and plain line feeds outlive the reset of xterm.js.
	pictureReset = "\x18\x1bc\x1b[?25h\x1b[20l"
	// lineSearch is how far a picture looks for the start of a line.
	lineSearch = 8 << 10
)

// Picture returns at most max bytes (256 KiB if max is more) that bring a
// terminal of the current size, whatever it has shown before, to the current
// modes and show the newest output. newest holds the last bytes that were written, up to the very last
// one; max must be at least 4 KiB.
//
// The output starts where a stream may be cut: at the last erase of the whole
// screen, else at the start of a line, else between two characters or
// sequences. It ends exactly where the stream goes
// on, be it within a sequence.
//
// What would make a terminal answer is left out, so that no answer is typed
// into the program a second time; so is what acts on the world outside the
// screen (bell, clipboard, notifications, printing, window operations). Only
// sequences known to do neither are kept.
func (t *tracker) Picture(newest []byte, max int) []byte {
	base := t.off - int64(len(newest)) // offset of newest[0]
	start := t.start(base, min(max, maxPicture)-pictureSpare)

	f := filter{src: newest, base: base}
	f.t.rows, f.t.modes = t.rows, start.modes
	f.t.off = start.at
	if start.set && start.at != 0 && !start.exact {
		f.toLine()
	}
	f.out = append(make([]byte, 0, pictureSpare+int(t.off-f.t.off)), pictureReset...)
	f.out = f.t.modes.append(f.out)
	f.run()
	f.out = t.modes.mend(f.out, f.t.modes)
	f.out = t.appendTitle(f.out)
	return f.tail(t)
}

// from is where a picture starts.
type from struct {
	checkpoint
	exact bool // not to be moved to the start of a line
}

// start chooses the place. Nothing before an erase of the main screen is
// worth showing; what comes after it is all shown, also from under the
// alternate screen, so that leaving that finds the main screen as it was and
// entering it finds the cursor where it was.
func (t *tracker) start(base int64, reach int) from {
	least := t.off - int64(min(reach, int(t.off-base)))
	if c := t.cleared[0]; c.set && c.at >= least {
		return from{c, true}
	}
	best := from{checkpoint: checkpoint{at: t.off, modes: t.modes}}
	for _, n := range t.notes {
		if n.set && n.at >= least && n.at <= best.at {
			best.checkpoint = n
		}
	}
	if c := t.cleared[1]; t.modes.alt() && c.set && c.at >= least && c.at <= best.at {
		best = from{c, true}
	}
	return best
}

// unfinished is where the sequence or character under way starts.
func (t *tracker) unfinished() int64 {
	switch {
	case t.state != stGround:
		return t.seqAt
	case t.need > 0:
		return t.runAt
	}
	return t.off
}

// filter copies output, leaving out what must not be shown again. Its tracker
// follows what the terminal that shows the copy will have done.
type filter struct {
	t    tracker
	src  []byte
	base int64
	out  []byte
}

// toLine moves the start past the next line feed, if one is near.
func (f *filter) toLine() {
	at := f.t
	end := min(int64(lineSearch)+f.t.off, f.base+int64(len(f.src)))
	for f.t.off < end {
		ev := f.t.take(f.src[f.t.off-f.base])
		if ev == evExec && f.t.code == '\n' && f.t.atRest() {
			return
		}
	}
	f.t = at
}

func (f *filter) run() {
	for end := f.base + int64(len(f.src)); f.t.off < end; {
		if f.t.atRest() {
			rest := f.span(f.t.off, end)
			if n := printable(rest); n > 0 {
				f.out = append(f.out, rest[:n]...)
				f.t.off += int64(n)
				continue
			}
			if f.t.quickCSI(rest) > 0 {
				f.control()
				continue
			}
		}
		switch f.t.take(f.src[f.t.off-f.base]) {
		case evPrint:
			f.out = append(f.out, f.span(f.t.runAt, f.t.off)...)
		case evExec:
			// One inside a sequence acts before it, so it is put before it.
			if keepControl(f.t.code) {
				f.out = append(f.out, f.span(f.t.runAt, f.t.off)...)
			}
		case evEscape:
			if f.t.keepEscape() {
				f.sequence()
			}
		case evCSI:
			f.control()
		case evOSC:
			if f.t.keepOSC() {
				f.out = append(f.out, "\x1b]"...)
				f.out = append(f.out, f.t.osc[:f.t.nosc]...)
				f.out = append(f.out, 0x07)
			}
		}
	}
}

// printable is how many printable ASCII characters p starts with.
func printable(p []byte) int {
	for i, c := range p {
		if c < 0x20 || c > 0x7e {
			return i
		}
	}
	return len(p)
}

// control copies the control sequence that has just ended if it is to be
// kept.
func (f *filter) control() {
	switch {
	case f.t.id() == csi('?', 0, 'h'), f.t.id() == csi('?', 0, 'l'):
		f.out = f.t.p.appendPrivate(f.out, f.t.code)
	case f.t.keepCSI():
		f.sequence()
	}
}

func (f *filter) span(a, b int64) []byte { return f.src[a-f.base : b-f.base] }

// sequence copies the sequence that has just ended, without the controls that
// stood in it.
func (f *filter) sequence() {
	s := f.span(f.t.seqAt, f.t.off)
	if s[0] == c1Lead { // U+009B, CSI
		f.out = append(f.out, "\x1b["...)
		s = s[2:]
	}
	for _, c := range s {
		if c >= 0x20 && c < 0x7f || c == c0ESC {
			f.out = append(f.out, c)
		}
	}
}

// tail ends the picture with what the stream will go on with: the unfinished
// sequence or character, or, if that is long or gone, one that takes the rest
// in without showing it. Controls in it have acted already; NUL in their
// place keeps the bytes around them apart.
func (f *filter) tail(t *tracker) []byte {
	if t.atRest() {
		return f.out
	}
	at := t.unfinished()
	if at < f.base || t.off-at > maxTail {
		return append(f.out, t.state.swallow()...)
	}
	for _, c := range f.span(at, t.off) {
		if c < 0x20 && c != c0ESC {
			c = 0
		}
		f.out = append(f.out, c)
	}
	return f.out
}

// swallow opens something in which the rest of what is under way in state s
// is taken in without effect.
func (s parseState) swallow() string {
	switch s {
	case stEscape:
		return "\x1b"
	case stEscapeInter:
		return "\x1b "
	case stCSIEntry, stCSIParam, stCSIInter, stCSIIgnore:
		return "\x1b[0<"
	case stOSC:
		return "\x1b]9999;"
	case stString:
		return "\x1bX"
	}
	return "" // the rest of a character shows nothing by itself
}

// keepControl names the controls that move the cursor or shift character
// sets. ENQ asks and BEL rings; the rest does nothing in a terminal.
func keepControl(c byte) bool {
	switch c {
	case '\b', '\t', '\n', '\v', '\f', '\r', c0SO, c0SI,
		0x84, 0x85, 0x88, 0x8d: // IND, NEL, HTS, RI
		return true
	}
	return false
}

// keepEscape leaves out DECID (it asks) and what is unknown.
func (q *parser) keepEscape() bool {
	if q.ninter > 0 {
		return q.ninter == 1 && bytes.IndexByte([]byte("()*+-./#%"), q.inter[0]) >= 0
	}
	return bytes.IndexByte([]byte("78=>cDEHMNOno|}~"), q.code) >= 0
}

// keepCSI names the control sequences that only draw, move or set modes:
// whatever asks (DA, DSR, DECRQM, XTVERSION, DECREQTPARM, window reports, the
// kitty keyboard query and what will be invented yet) is not among them.
func (q *parser) keepCSI() bool {
	switch q.id() >> 8 {
	case csi(0, 0, 0) >> 8:
		return bytes.IndexByte([]byte("@ABCDEFGHIJKLMPSTXZ`abdefghlmrsu"), q.code) >= 0
	case csi('?', 0, 0) >> 8:
		return q.code == 'J' || q.code == 'K'
	case csi('>', 0, 0) >> 8:
		return q.code == 'u' // kitty keyboard: push
	case csi('<', 0, 0) >> 8, csi('=', 0, 0) >> 8:
		return q.code == 'u' // pop, set
	case csi(0, ' ', 0) >> 8:
		return q.code == 'q' || q.code == '@' || q.code == 'A'
	case csi(0, '!', 0) >> 8:
		return q.code == 'p'
	case csi(0, '"', 0) >> 8:
		return q.code == 'q'
	case csi(0, '$', 0) >> 8:
		return bytes.IndexByte([]byte("rtvxz{"), q.code) >= 0
	case csi(0, '\'', 0) >> 8:
		return q.code == '}' || q.code == '~'
	}
	return false
}

// appendPrivate writes the DECSET or DECRST again, without the modes that do
// more than set a mode: 3 resizes the terminal, 2048 has it report its size.
func (p *params) appendPrivate(b []byte, final byte) []byte {
	start := len(b)
	b = append(b, "\x1b[?"...)
	kept := false
	for i := range p.n {
		if p.v[i] == 0 || p.v[i] == 3 || p.v[i] == 2048 || p.sub(i) {
			continue
		}
		if kept {
			b = append(b, ';')
		}
		kept = true
		b = strconv.AppendInt(b, int64(p.v[i]), 10)
	}
	if !kept {
		return b[:start]
	}
	return append(b, final)
}

// keepOSC keeps hyperlinks and colours that are set; a colour given as "?" is
// a question. Titles are said once, at the end.
func (q *parser) keepOSC() bool {
	n, text, ok := q.oscNumber()
	if !ok || q.oscCut {
		return false
	}
	switch n {
	case 8:
		return true
	case 4, 10, 11, 12:
		return bytes.IndexByte(text, '?') < 0
	case 104, 110, 111, 112:
		return true
	}
	return false
}
