package logs

// textTransport writes the text of the lines and nothing else: what is said
// about the log never stands in the log.
type textTransport struct {
	*httpWriter
	buf []byte
}

func (t *textTransport) contentType() string { return "text/plain; charset=utf-8" }

func (t *textTransport) open() error { return t.begin("") }

func (t *textTransport) send(s *segment) error {
	if len(s.lines) == 0 {
		return nil
	}
	t.buf = t.buf[:0]
	for i, l := range s.lines {
		t.buf = s.text(t.buf, i)
		if l.flags&flagMore == 0 {
			t.buf = append(t.buf, '\n')
		}
	}
	return t.write(t.buf)
}

func (t *textTransport) close(ending) error { return nil }
