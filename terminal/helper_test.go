package terminal

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// The test binary is also the program that some terminals run.
const helperVar = "PRUVON_TEST_HELPER"

func TestMain(m *testing.M) {
	if h := os.Getenv(helperVar); h != "" {
		runHelper(strings.Fields(h))
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func runHelper(args []string) {
	if f := helpers[args[0]]; f != nil {
		f(args[1:])
		return
	}
	fmt.Fprintln(os.Stderr, "no such helper")
	os.Exit(2)
}

var helpers = map[string]func([]string){
	"stream": helpStream,
	"server": helpServer,
}

// helpStream writes OUT pseudo-random bytes while it reads its input, then how
// much it has read and the checksum of it.
func helpStream(args []string) {
	out, _ := strconv.ParseInt(args[0], 10, 64)
	var report string
	var both sync.WaitGroup
	both.Go(func() { report = hashInput(os.Stdin) })
	both.Go(func() {
		w := bufio.NewWriterSize(os.Stdout, 32<<10)
		_, _ = io.CopyN(w, rand.NewChaCha8([32]byte{1}), out)
		_ = w.Flush()
	})
	both.Wait()
	fmt.Printf("IN %s\r\n", report)
}

// hashInput reads up to an end mark that does not occur before, so that a byte
// that is typed twice or never shows, wherever it is.
func hashInput(r io.Reader) string {
	const end = "\x04END\x04"
	b := bufio.NewReader(r)
	sum := sha256.New()
	n, match := 0, 0
	for match < len(end) {
		c, err := b.ReadByte()
		if err != nil {
			return err.Error()
		}
		n++
		_, _ = sum.Write([]byte{c})
		if c == end[match] {
			match++
		} else {
			match = 0
		}
	}
	return fmt.Sprintf("%d %x", n, sum.Sum(nil))
}
