package pruvon

import "strconv"

// clip makes client text fit for a log line: quoted, so that no escape
// sequence or line break survives, and cut.
func clip(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.QuoteToASCII(s)
}
