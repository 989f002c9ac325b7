package terminal

import "strconv"

// append writes what brings a fresh terminal to m. The order matters: what
// belongs to a screen is set while that screen is shown, and what moves the
// cursor comes while it is still at home.
func (m *modes) append(b []byte) []byte {
	b = m.screens[0].append(b)
	if m.alt() {
		// 1047, as 1049 would save the cursor over the one just saved.
		b = append(b, "\x1b[?1047h"...)
		b = m.screens[1].append(b)
	}
	for _, p := range privateModes {
		if m.flags&p.flag != 0 {
			b = appendPrivate(b, p.mode, !p.inverted)
		}
	}
	if m.mouse != 0 {
		b = appendPrivate(b, int32(m.mouse), true)
	}
	if m.encoding != 0 {
		b = appendPrivate(b, int32(m.encoding), true)
	}
	if m.flags&flagInsert != 0 {
		b = append(b, "\x1b[4h"...)
	}
	if m.flags&flagNewline != 0 {
		b = append(b, "\x1b[20h"...)
	}
	if m.cursorStyle != 0 {
		b = append(b, "\x1b["...)
		b = append(b, '0'+m.cursorStyle)
		b = append(b, " q"...)
	}
	return m.pen.append(b)
}

// mend writes what takes a terminal in the modes have to m where they differ.
// Only the scroll region can: Resize clears it beside the stream.
func (m *modes) mend(b []byte, have modes) []byte {
	want, is := m.active(), have.active()
	if want.top == is.top && want.bottom == is.bottom {
		return b
	}
	b = append(b, "\x1b7"...) // DECSTBM moves the cursor
	b = want.appendMargins(b, true)
	b = append(b, "\x1b8"...)
	if want.saved != m.pen {
		b = want.saved.append(m.pen.appendReset(b))
		b = append(b, "\x1b7"...)
		b = m.pen.append(want.saved.appendReset(b))
	}
	return b
}

func appendPrivate(b []byte, mode int32, on bool) []byte {
	b = strconv.AppendInt(append(b, "\x1b[?"...), int64(mode), 10)
	if on {
		return append(b, 'h')
	}
	return append(b, 'l')
}

// append writes the screen's region and saved pen, and resets the pen again.
func (s *screen) append(b []byte) []byte {
	b = s.appendMargins(b, false)
	if s.saved == (pen{}) {
		return b
	}
	b = s.saved.append(b)
	b = append(b, "\x1b7"...)
	return s.saved.appendReset(b)
}

func (s *screen) appendMargins(b []byte, always bool) []byte {
	switch {
	case s.bottom != 0:
		b = strconv.AppendInt(append(b, "\x1b["...), int64(s.top), 10)
		b = strconv.AppendInt(append(b, ';'), int64(s.bottom), 10)
		return append(b, 'r')
	case always:
		return append(b, "\x1b[r"...)
	}
	return b
}

// append writes the pen onto a reset one.
func (p pen) append(b []byte) []byte {
	b = p.sgr.append(b)
	for g, set := range p.sets {
		if set != 0 {
			b = append(b, c0ESC, "()*+"[g], set)
		}
	}
	switch p.gl {
	case 1:
		b = append(b, c0SO)
	case 2:
		b = append(b, "\x1bn"...)
	case 3:
		b = append(b, "\x1bo"...)
	}
	return b
}

// appendReset resets the pen p.
func (p pen) appendReset(b []byte) []byte {
	b = append(b, "\x1b[m"...)
	for g, set := range p.sets {
		if set != 0 {
			b = append(b, c0ESC, "()*+"[g], 'B')
		}
	}
	if p.gl != 0 {
		b = append(b, c0SI)
	}
	return b
}

func (t *tracker) appendTitle(b []byte) []byte {
	if t.ntitle == 0 {
		return b
	}
	b = append(b, "\x1b]2;"...)
	b = append(b, t.title[:t.ntitle]...)
	return append(b, "\x1b\\"...)
}
