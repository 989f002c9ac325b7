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
}

// helpStream writes OUT pseudo-random bytes while it reads IN bytes, then the
// checksum of what it has read.
func helpStream(args []string) {
	out, _ := strconv.ParseInt(args[0], 10, 64)
	in, _ := strconv.ParseInt(args[1], 10, 64)
	sum := sha256.New()
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.CopyN(sum, os.Stdin, in) })
	both.Go(func() {
		w := bufio.NewWriterSize(os.Stdout, 32<<10)
		_, _ = io.CopyN(w, rand.NewChaCha8([32]byte{1}), out)
		_ = w.Flush()
	})
	both.Wait()
	fmt.Printf("IN %x\r\n", sum.Sum(nil))
}
