package logs

// sseTransport writes server-sent events (WHATWG HTML section 9.2). Log text
// is inside a JSON string, where no CR or LF can stand, so no line of a log can
// end a field or forge an event.
type sseTransport struct{ *httpWriter }

func (t *sseTransport) contentType() string { return "text/event-stream; charset=utf-8" }

// open writes a comment, so that the first bytes go out at once: over HTTP/2
// nginx holds the headers back until the body begins.
func (t *sseTransport) open() error { return t.begin(": pruvon\nretry: 3000\n\n") }

func (t *sseTransport) send(s *segment) error { return t.write(s.sse()) }

func (t *sseTransport) close(e ending) error { return t.send(endEvent(e)) }
