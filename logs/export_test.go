package logs

// What the external tests fuzz.
var (
	SanitizeText = sanitizeText
	SanitizeJSON = sanitizeJSON
	Unescape     = unescape
	ParseQuery   = parseQuery
	Timestamp    = timestamp
	LevelOf      = levelOf
)

// EncodeSSE is the event that carries lines.
func EncodeSSE(lines [][]byte, cursor string) []byte {
	var b builder
	for _, l := range lines {
		b.add(l, b.at, Stdout, int64(len(l)), false)
	}
	return b.seal(1, cursor, nil).sse()
}

// OpenCursor reports whether a text is a cursor of a log.
func OpenCursor(key []byte, name, text string) bool {
	_, err := newSealer(key, name).open(text)
	return err == nil
}

// SealCursor makes a cursor.
func SealCursor(key []byte, name string, epoch uint64, seq, at int64, pos []byte) string {
	return newSealer(key, name).seal(cursor{epoch: epoch, seq: seq, at: at, pos: pos})
}

// Split cuts chunks into lines and returns their texts and true lengths.
func Split(limit int, chunks ...[]byte) (texts []string, lengths []int64) {
	sp := splitter{max: limit}
	take := func(p piece) error {
		texts = append(texts, string(p.text))
		lengths = append(lengths, p.length)
		return nil
	}
	for _, c := range chunks {
		_ = sp.split(c, take)
	}
	if p, ok := sp.unfinished(true); ok {
		_ = take(p)
	}
	return texts, lengths
}
