package imports

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// Compression is how stored bytes are packed, told by their first bytes and
// never by a file's name.
type Compression string

// The compressions.
const (
	CompressionNone  Compression = "none"
	CompressionGzip  Compression = "gzip"
	CompressionZstd  Compression = "zstd"
	CompressionBzip2 Compression = "bzip2"
	CompressionXZ    Compression = "xz"
)

// Format is what is inside the compression. A host may have formats of its
// own; see [Target].
type Format string

// The formats that are recognised.
const (
	// FormatPgDumpCustom is pg_dump's custom format, for pg_restore.
	FormatPgDumpCustom Format = "pgdump-custom"
	// FormatSQL is plain SQL text, for psql and its like.
	FormatSQL Format = "sql"
	// FormatTar is a tar archive (POSIX.1-1988 or later), pg_dump's tar
	// format among them.
	FormatTar Format = "tar"
	// FormatUnknown is anything else.
	FormatUnknown Format = "unknown"
)

// headSize is how much of the decompressed input is looked at.
const headSize = 4 << 10

// detectCompression looks at the first bytes as stored: RFC 1952 section
// 2.3.1, RFC 8878 section 3.1 (skippable frames included), the bzip2 and xz
// file headers.
func detectCompression(head []byte) Compression {
	switch {
	case len(head) >= 3 && head[0] == 0x1f && head[1] == 0x8b && head[2] == 8:
		return CompressionGzip
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}),
		len(head) >= 4 && head[0]&0xf0 == 0x50 && head[1] == 0x2a && head[2] == 0x4d && head[3] == 0x18:
		return CompressionZstd
	case len(head) >= 10 && bytes.HasPrefix(head, []byte("BZh")) && head[3] >= '1' && head[3] <= '9' &&
		(bytes.Equal(head[4:10], []byte{0x31, 0x41, 0x59, 0x26, 0x53, 0x59}) || bytes.Equal(head[4:10], []byte{0x17, 0x72, 0x45, 0x38, 0x50, 0x90})):
		return CompressionBzip2
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		return CompressionXZ
	default:
		return CompressionNone
	}
}

// detectFormat looks at the first bytes after decompression.
func detectFormat(head []byte) Format {
	switch {
	case bytes.HasPrefix(head, []byte("PGDMP")):
		return FormatPgDumpCustom
	case len(head) >= 265 && bytes.Equal(head[257:262], []byte("ustar")):
		return FormatTar
	case isSQL(head):
		return FormatSQL
	default:
		return FormatUnknown
	}
}

// isSQL reports whether text starts the way SQL scripts do: with a comment, a
// psql command or a statement.
func isSQL(head []byte) bool {
	text := bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	if bytes.IndexByte(text, 0) >= 0 || !validText(text) {
		return false
	}
	text = bytes.TrimLeft(text, " \t\r\n")
	if bytes.HasPrefix(text, []byte("--")) || bytes.HasPrefix(text, []byte("/*")) || bytes.HasPrefix(text, []byte(`\`)) {
		return true
	}
	end := bytes.IndexFunc(text, func(r rune) bool { return r < 'A' || r > 'Z' && r < 'a' || r > 'z' })
	if end <= 0 {
		return false
	}
	return slices.Contains(sqlWords(), string(bytes.ToUpper(text[:end])))
}

func sqlWords() []string {
	return []string{
		"ALTER", "ANALYZE", "BEGIN", "COMMENT", "COMMIT", "COPY", "CREATE", "DELETE", "DO", "DROP", "GRANT", "INSERT",
		"LOCK", "PRAGMA", "REPLACE", "REVOKE", "SELECT", "SET", "START", "TRUNCATE", "UPDATE", "USE", "WITH",
	}
}

// validText reports whether b is UTF-8 but for a character cut at its end, or
// at least free of control characters (a dump in LATIN1 is text too).
func validText(b []byte) bool {
	if utf8.Valid(b[:len(b)-unfinished(b)]) {
		return true
	}
	for _, c := range b {
		if c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' {
			return false
		}
	}
	return true
}

// accepts reports whether the target takes a format.
func (t Target) accepts(f Format) bool {
	return len(t.Accept) == 0 || slices.Contains(t.Accept, f)
}

// formatName is a format in words.
func formatName(f Format) string {
	switch f {
	case FormatPgDumpCustom:
		return "a pg_dump archive in custom format"
	case FormatSQL:
		return "plain SQL"
	case FormatTar:
		return "a tar archive"
	case FormatUnknown:
		return "an unknown format"
	default:
		return string(f)
	}
}

// isUTF16 reports whether text was saved as UTF-16, which no importer reads.
func isUTF16(head []byte) bool {
	return bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff})
}
