package terminal

// modeFlag is one switch a program may have thrown. Every flag is a deviation
// from a fresh terminal, so that the zero value of modes is a fresh terminal.
type modeFlag uint32

const (
	flagAlt         modeFlag = 1 << iota // alternate screen: 47, 1047, 1049
	flagAppCursor                        // 1, DECCKM
	flagAppKeypad                        // ESC =, 66
	flagOrigin                           // 6, DECOM
	flagNoWrap                           // 7 reset, DECAWM
	flagBlink                            // 12
	flagHidden                           // 25 reset, DECTCEM
	flagReverseWrap                      // 45
	flagFocus                            // 1004
	flagPaste                            // 2004
	flagSync                             // 2026
	flagColorNotify                      // 2031
	flagInsert                           // ANSI 4, IRM
	flagNewline                          // ANSI 20, LNM
)

// privateModes maps the DEC private modes that are one switch to their flag.
// inverted: the fresh terminal has the mode on.
var privateModes = [...]struct {
	mode     int32
	flag     modeFlag
	inverted bool
}{
	{1, flagAppCursor, false},
	{6, flagOrigin, false},
	{7, flagNoWrap, true},
	{12, flagBlink, false},
	{25, flagHidden, true},
	{45, flagReverseWrap, false},
	{66, flagAppKeypad, false},
	{1004, flagFocus, false},
	{2004, flagPaste, false},
	{2026, flagSync, false},
	{2031, flagColorNotify, false},
}

// softFlags are what DECSTR clears in xterm.js, beside the cursor style: all
// but the screen, the mouse, the blinking and what a line feed does.
const softFlags = flagAppCursor | flagAppKeypad | flagOrigin | flagNoWrap | flagHidden |
	flagReverseWrap | flagFocus | flagPaste | flagSync | flagColorNotify | flagInsert

// pen is what a saved cursor carries beside its position: colours, attributes
// and character sets.
type pen struct {
	sgr  sgr
	sets [4]byte // designations of G0 to G3; 0 is ASCII
	gl   uint8   // which of them is shifted in
}

// screen is what each of the two screen buffers has for itself.
type screen struct {
	top, bottom uint16 // scroll region, 1-based; both 0 is the whole screen
	saved       pen    // by DECSC
}

// modes is everything a program has switched in the terminal that the newest
// output alone does not tell. It is comparable; its zero value is a fresh
// terminal. The semantics follow xterm.js where terminals differ, because
// that is what the page runs.
type modes struct {
	flags       modeFlag
	mouse       uint16 // 0, 9, 1000, 1002 or 1003: the last one set wins
	encoding    uint16 // 0, 1005, 1006, 1015 or 1016
	cursorStyle uint8  // DECSCUSR, 0 to 6
	pen         pen
	screens     [2]screen // main, alternate
}

func (m *modes) alt() bool { return m.flags&flagAlt != 0 }

// active is the screen that is shown.
func (m *modes) active() *screen {
	if m.alt() {
		return &m.screens[1]
	}
	return &m.screens[0]
}

func (m *modes) set(f modeFlag, on bool) {
	if on {
		m.flags |= f
	} else {
		m.flags &^= f
	}
}

// private sets or resets one DEC private mode.
func (m *modes) private(mode int32, on bool) {
	switch mode {
	case 47, 1047, 1049:
		m.switchScreen(on, mode == 1049)
		return
	case 1048:
		if on {
			m.active().saved = m.pen
		} else {
			m.pen = m.active().saved
		}
		return
	case 9, 1000, 1002, 1003:
		m.mouse = 0
		if on {
			m.mouse = uint16(mode)
		}
		return
	case 1005, 1006, 1015, 1016:
		m.encoding = 0
		if on {
			m.encoding = uint16(mode)
		}
		return
	}
	for _, p := range privateModes {
		if p.mode == mode {
			m.set(p.flag, on != p.inverted)
			return
		}
	}
}

func (m *modes) switchScreen(alt, withCursor bool) {
	if alt {
		if withCursor {
			m.active().saved = m.pen
		}
		m.flags |= flagAlt
		return
	}
	if m.alt() {
		m.flags &^= flagAlt
		m.screens[1] = screen{} // the alternate screen is new each time it is entered
	}
	if withCursor {
		m.pen = m.screens[0].saved
	}
}

// ansi sets or resets one ANSI mode.
func (m *modes) ansi(mode int32, on bool) {
	switch mode {
	case 4:
		m.set(flagInsert, on)
	case 20:
		m.set(flagNewline, on)
	}
}

// margins is DECSTBM for a terminal of so many rows; 0 stands for a parameter
// that was left out. What is no region changes nothing.
func (m *modes) margins(top, bottom int32, rows int) {
	top = max(top, 1)
	if bottom == 0 || int(bottom) > rows {
		bottom = int32(rows)
	}
	if bottom <= top {
		return
	}
	s := m.active()
	s.top, s.bottom = uint16(top), uint16(bottom)
	if top == 1 && int(bottom) == rows {
		s.top, s.bottom = 0, 0
	}
}

// softReset is DECSTR.
func (m *modes) softReset() {
	m.flags &^= softFlags
	m.cursorStyle = 0
	m.pen = pen{}
	*m.active() = screen{}
}

// designate is SCS: a character set becomes G0 to G3.
func (m *modes) designate(intermediate, final byte) {
	var g int
	switch intermediate {
	case '(':
	case ')', '-':
		g = 1
	case '*', '.':
		g = 2
	case '+':
		g = 3
	default:
		return
	}
	switch final {
	case 'B':
		m.pen.sets[g] = 0
	case '0', 'A', '4', 'C', '5', 'R', 'Q', 'K', 'Y', 'E', '6', 'Z', 'H', '7', '=':
		m.pen.sets[g] = final
	}
}
