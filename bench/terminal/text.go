package terminal

import (
	"bytes"
	"fmt"
	"os"
)

// text is like the output of a test run: lines of about a hundred bytes with colours in them.
func text(size int) []byte {
	var b bytes.Buffer
	b.Grow(size + 256)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "\x1b[3%dm%06d\x1b[0m \x1b[1mok\x1b[22m  package/of/some/module/number_%d\t\x1b[32m0.%03ds\x1b[39m coverage\n",
			i%8, i, i%97, i%1000)
	}
	return b.Bytes()
}

// writeText writes text into a file. shown is its length with a carriage return before each newline, as
// a terminal shows it.
func writeText(name string, size int) (length, shown int, err error) {
	b := text(size)
	return len(b), len(b) + bytes.Count(b, []byte("\n")), os.WriteFile(name, b, 0o600)
}
