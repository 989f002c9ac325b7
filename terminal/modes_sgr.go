package terminal

import "strconv"

// sgrAttr is one rendition attribute.
type sgrAttr uint16

const (
	attrBold sgrAttr = 1 << iota
	attrDim
	attrItalic
	attrBlink
	attrInverse
	attrInvisible
	attrStrike
	attrOverline
)

// color is a colour of the pen: 0 is the terminal's own, else its kind in the
// highest byte and its value below.
type color uint32

const (
	// colorBasic is one of the first sixteen by its own parameter, which, unlike
	// the same by index, may be drawn brighter where the text is bold.
	colorBasic   color = 1 << 24
	colorIndexed color = 2 << 24
	colorRGB     color = 3 << 24
	colorKind    color = 0xff << 24
)

// sgr is the rendition that SELECT GRAPHIC RENDITION leaves behind.
type sgr struct {
	fg, bg, line color
	attrs        sgrAttr
	underline    uint8 // 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed
}

// sgrOn is the attribute that a parameter switches on.
func sgrOn(v int32) sgrAttr {
	switch v {
	case 1:
		return attrBold
	case 2:
		return attrDim
	case 3:
		return attrItalic
	case 5, 6:
		return attrBlink
	case 7:
		return attrInverse
	case 8:
		return attrInvisible
	case 9:
		return attrStrike
	case 53:
		return attrOverline
	}
	return 0
}

// simple applies a parameter that stands for itself.
func (s *sgr) simple(v int32) {
	switch v {
	case 0:
		*s = sgr{}
	case 1, 2, 3, 5, 6, 7, 8, 9, 53:
		s.attrs |= sgrOn(v)
	case 4:
		s.underline = 1
	case 21:
		s.underline = 2
	case 22:
		s.attrs &^= attrBold | attrDim
	case 23:
		s.attrs &^= attrItalic
	case 24:
		s.underline = 0
	case 25:
		s.attrs &^= attrBlink
	case 27:
		s.attrs &^= attrInverse
	case 28:
		s.attrs &^= attrInvisible
	case 29:
		s.attrs &^= attrStrike
	case 30, 31, 32, 33, 34, 35, 36, 37:
		s.fg = colorBasic | color(v-30)
	case 39:
		s.fg = 0
	case 40, 41, 42, 43, 44, 45, 46, 47:
		s.bg = colorBasic | color(v-40)
	case 49:
		s.bg = 0
	case 55:
		s.attrs &^= attrOverline
	case 59:
		s.line = 0
	case 90, 91, 92, 93, 94, 95, 96, 97:
		s.fg = colorBasic | color(v-90+8)
	case 100, 101, 102, 103, 104, 105, 106, 107:
		s.bg = colorBasic | color(v-100+8)
	}
}

// apply reads the parameters of one SGR sequence. Both the semicolon and the
// colon form (ITU-T T.416) of extended colours are understood.
func (s *sgr) apply(p *params) {
	for i := 0; i < p.n; i++ {
		v := p.v[i]
		switch {
		case v == 4 && p.sub(i+1):
			s.underline = uint8(min(max(p.v[i+1], 0), 5))
		case v == 38:
			i += s.extended(&s.fg, p, i)
		case v == 48:
			i += s.extended(&s.bg, p, i)
		case v == 58:
			i += s.extended(&s.line, p, i)
		default:
			s.simple(v)
		}
		for p.sub(i + 1) {
			i++
		}
	}
}

// extended reads the colour that follows parameter i (38, 48 or 58) into c
// and returns how many parameters beside sub-parameters it took.
func (s *sgr) extended(c *color, p *params, i int) int {
	at := func(k int) color { return color(min(max(p.at(i+k), 0), 255)) }
	colon := p.sub(i + 1)
	switch p.at(i + 1) {
	case 5:
		if i+2 < p.n {
			*c = colorIndexed | at(2)
		}
		if !colon {
			return 2
		}
	case 2:
		first := 2
		if colon {
			subs := 0
			for p.sub(i + 1 + subs) {
				subs++
			}
			if subs > 4 { // 38:2:<colour space>:r:g:b
				first = 3
			}
		}
		if i+first+2 < p.n {
			*c = colorRGB | at(first)<<16 | at(first+1)<<8 | at(first+2)
		}
		if !colon {
			return first + 2
		}
	}
	return 0
}

// append writes the sequence that brings a reset pen to s.
func (s sgr) append(b []byte) []byte {
	if s == (sgr{}) {
		return b
	}
	b = append(b, "\x1b[0"...)
	for code := int32(1); code <= 9; code++ {
		if code != 6 && s.attrs&sgrOn(code) != 0 {
			b = append(b, ';', '0'+byte(code))
		}
	}
	if s.attrs&attrOverline != 0 {
		b = append(b, ";53"...)
	}
	if s.underline != 0 {
		b = append(b, ";4:"...)
		b = append(b, '0'+s.underline)
	}
	b = s.fg.append(b, 30)
	b = s.bg.append(b, 40)
	b = s.line.append(b, 50)
	return append(b, 'm')
}

// append writes the parameters that select c; base is 30 for the foreground,
// 40 for the background, 50 for the underline.
func (c color) append(b []byte, base uint64) []byte {
	if c == 0 {
		return b
	}
	b = append(b, ';')
	v := uint64(c & 0xff)
	switch c & colorKind {
	case colorBasic:
		if v >= 8 {
			v += 60 - 8
		}
		return strconv.AppendUint(b, base+v, 10)
	case colorIndexed:
		b = strconv.AppendUint(b, base+8, 10)
		return strconv.AppendUint(append(b, ";5;"...), v, 10)
	}
	b = strconv.AppendUint(b, base+8, 10)
	b = append(b, ";2"...)
	for shift := 16; shift >= 0; shift -= 8 {
		b = strconv.AppendUint(append(b, ';'), uint64(c>>shift&0xff), 10)
	}
	return b
}
