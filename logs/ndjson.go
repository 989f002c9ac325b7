package logs

// ndjsonTransport writes one JSON object a line.
type ndjsonTransport struct{ *httpWriter }

func (t *ndjsonTransport) contentType() string { return "application/x-ndjson; charset=utf-8" }

func (t *ndjsonTransport) open() error { return t.begin("") }

func (t *ndjsonTransport) send(s *segment) error { return t.write(s.ndjson()) }

func (t *ndjsonTransport) close(e ending) error { return t.send(endEvent(e)) }
