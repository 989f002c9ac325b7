package terminal

// parseState is a state of the DEC parser that Paul Williams described
// (https://vt100.net/emu/dec_ansi_parser). The states in which a device
// control string is introduced are one here: nothing in it is acted upon.
type parseState uint8

const (
	stGround parseState = iota
	stEscape
	stEscapeInter
	stCSIEntry
	stCSIParam
	stCSIInter
	stCSIIgnore
	stOSC
	stString // DCS, SOS, PM and APC
)

// event is what one byte completed.
type event uint8

const (
	evNone  event = iota
	evPrint       // a printable character
	evExec        // a control character; code says which
	evEscape
	evCSI
	evOSC
)

const (
	c0ESC = 0x1b
	c0SO  = 0x0e
	c0SI  = 0x0f
	// c1Lead is the first byte of U+0080 to U+00BF in UTF-8, the C1 controls
	// among them.
	c1Lead = 0xc2
	// nonASCII stands for every printable character beyond ASCII.
	nonASCII = 0xa0

	maxParams = 32
	maxParam  = 1 << 24
	maxOSC    = 512
)

// params are the parameters of a control sequence; one left out is 0, as a
// sub-parameter -1.
type params struct {
	v    [maxParams]int32
	subs uint32 // bit i: v[i] followed a colon
	n    int
}

func (p *params) reset() { p.n, p.subs, p.v[0] = 0, 0, 0 }

// at is parameter i or 0.
func (p *params) at(i int) int32 {
	if i < p.n {
		return p.v[i]
	}
	return 0
}

// sub tells whether there is a parameter i and it is a sub-parameter.
func (p *params) sub(i int) bool { return i < p.n && p.subs&(1<<i) != 0 }

// put adds one byte of 0…9, colon and semicolon.
func (p *params) put(c byte) {
	if p.n == 0 {
		p.n = 1
	}
	switch c {
	case ';', ':':
		if p.n == maxParams {
			return
		}
		p.v[p.n] = 0
		if c == ':' {
			p.v[p.n] = -1
			p.subs |= 1 << p.n
		}
		p.n++
	default:
		v := &p.v[p.n-1]
		*v = min(max(*v, 0)*10+int32(c-'0'), maxParam)
	}
}

// parser cuts a byte stream into characters and sequences, across any
// splitting of it. Bytes are decoded as UTF-8 first: a C1 control is the
// character U+0080 to U+009F, as in xterm.js, never a bare byte.
type parser struct {
	off int64 // of the next byte in the stream

	state parseState
	need  uint8 // continuation bytes the current character still lacks
	lo    uint8 // range of the next of them
	hi    uint8
	c1    bool // the current character is U+0080 to U+00BF

	code  byte  // of evExec and evEscape and evCSI
	runAt int64 // where the current or last character starts
	seqAt int64 // where the current or last sequence starts
	oscAt int64 // where the last OSC starts

	prefix byte
	inter  [2]byte
	ninter int
	p      params
	osc    [maxOSC]byte
	nosc   int
	oscCut bool // the string was longer than osc holds
}

// atRest: between two characters or sequences, where a stream may be cut.
func (q *parser) atRest() bool { return q.state == stGround && q.need == 0 }

// feed takes one byte and says what it completed.
func (q *parser) feed(b byte) event {
	ev := q.decode(b)
	q.off++
	return ev
}

func (q *parser) decode(b byte) event {
	if b < 0x80 {
		q.need = 0
		q.runAt = q.off
		return q.control(b)
	}
	if q.need > 0 && b >= q.lo && b <= q.hi {
		q.need--
		q.lo, q.hi = 0x80, 0xbf
		if q.c1 && b < nonASCII {
			return q.control(b)
		}
		if q.state == stOSC {
			q.putOSC(b)
		}
		if q.need > 0 {
			return evNone
		}
		return q.control(nonASCII)
	}
	q.lead(b)
	q.runAt = q.off
	if q.state == stOSC && q.need > 0 {
		q.putOSC(b)
	}
	return evNone
}

// lead starts a character of several bytes (RFC 3629, section 4). A byte that
// starts none is dropped.
func (q *parser) lead(b byte) {
	q.need, q.lo, q.hi, q.c1 = 0, 0x80, 0xbf, b == c1Lead
	switch {
	case b >= 0xc2 && b <= 0xdf:
		q.need = 1
	case b >= 0xe0 && b <= 0xef:
		q.need = 2
		if b == 0xe0 {
			q.lo = 0xa0
		} else if b == 0xed {
			q.hi = 0x9f
		}
	case b >= 0xf0 && b <= 0xf4:
		q.need = 3
		if b == 0xf0 {
			q.lo = 0x90
		} else if b == 0xf4 {
			q.hi = 0x8f
		}
	}
}

// control takes one character: ASCII, a C1 control or nonASCII.
func (q *parser) control(c byte) event {
	switch {
	case c == 0x18, c == 0x1a: // CAN and SUB end whatever it is
		q.state = stGround
		return evNone
	case c == c0ESC:
		return q.escape()
	case c >= 0x80 && c < nonASCII:
		return q.c1control(c)
	}
	switch q.state {
	case stGround:
		if c < 0x20 {
			q.code = c
			return evExec
		}
		if c == 0x7f {
			return evNone
		}
		return evPrint
	case stOSC:
		switch {
		case c == 0x07:
			q.state, q.oscAt = stGround, q.seqAt
			return evOSC
		case c >= 0x20 && c < 0x80:
			q.putOSC(c)
		}
		return evNone
	case stString:
		return evNone
	}
	if c < 0x20 { // a control inside a sequence acts at once
		q.code = c
		return evExec
	}
	if c == 0x7f {
		return evNone
	}
	if c == nonASCII {
		if q.state != stCSIIgnore {
			q.state = stGround
		}
		return evNone
	}
	return q.sequence(c)
}

// escape starts a new sequence, whatever was under way; an OSC it ends.
func (q *parser) escape() event {
	ev := evNone
	if q.state == stOSC {
		ev, q.oscAt = evOSC, q.seqAt
	}
	q.begin(stEscape)
	return ev
}

func (q *parser) begin(s parseState) {
	q.state, q.seqAt = s, q.runAt
	q.prefix, q.ninter = 0, 0
	q.p.reset()
}

func (q *parser) beginOSC() {
	q.state, q.nosc, q.oscCut = stOSC, 0, false
}

func (q *parser) putOSC(b byte) {
	if q.nosc == len(q.osc) {
		q.oscCut = true
		return
	}
	q.osc[q.nosc] = b
	q.nosc++
}

func (q *parser) c1control(c byte) event {
	switch c {
	case 0x90, 0x98, 0x9e, 0x9f: // DCS, SOS, PM, APC
		q.begin(stString)
	case 0x9b:
		q.begin(stCSIEntry)
	case 0x9d:
		q.begin(stOSC)
		q.beginOSC()
	case 0x9c: // ST
		was := q.state
		q.state = stGround
		if was == stOSC {
			q.oscAt = q.seqAt
			return evOSC
		}
	default:
		q.state = stGround
		q.code = c
		return evExec
	}
	return evNone
}

// sequence takes one character from 0x20 to 0x7e inside an escape or control
// sequence.
func (q *parser) sequence(c byte) event {
	switch {
	case c < 0x30:
		q.collect(c)
		return evNone
	case q.state == stEscape:
		return q.escapeFinal(c)
	case q.state == stEscapeInter:
		q.state, q.code = stGround, c
		return evEscape
	case c < 0x3c:
		switch q.state {
		case stCSIEntry, stCSIParam:
			q.state = stCSIParam
			q.p.put(c)
		default:
			q.state = stCSIIgnore
		}
		return evNone
	case c < 0x40:
		if q.state == stCSIEntry {
			q.state, q.prefix = stCSIParam, c
		} else {
			q.state = stCSIIgnore
		}
		return evNone
	}
	ignored := q.state == stCSIIgnore
	q.state, q.code = stGround, c
	if ignored || q.ninter > len(q.inter) {
		return evNone
	}
	if q.p.n == 0 {
		q.p.n = 1 // one parameter, left out
	}
	return evCSI
}

func (q *parser) collect(c byte) {
	if q.ninter < len(q.inter) {
		q.inter[q.ninter] = c
	}
	if q.ninter <= len(q.inter) {
		q.ninter++
	}
	switch q.state {
	case stEscape:
		q.state = stEscapeInter
	case stCSIEntry, stCSIParam:
		q.state = stCSIInter
	}
}

func (q *parser) escapeFinal(c byte) event {
	switch c {
	case '[':
		q.state = stCSIEntry
	case ']':
		q.beginOSC()
	case 'P', 'X', '^', '_':
		q.state = stString
	default:
		q.state, q.code = stGround, c
		return evEscape
	}
	return evNone
}
