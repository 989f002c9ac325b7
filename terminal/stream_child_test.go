package terminal_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/pruvon/pruvon/terminal"
)

const (
	streamEnv = "PRUVON_TEST_STREAM"
	// inputEnd is the last of the input that the child reads.
	inputEnd = "\x04END\x04"
)

// full says whether the long tests run at their full length.
func full() bool { return os.Getenv("PRUVON_FULL") == "1" }

// TestStreamChild is not a test but the program in some terminals: it writes
// as many bytes as the environment says, hashes what it reads up to inputEnd,
// and reports the hash as its last line. The terminal is in raw mode.
func TestStreamChild(*testing.T) {
	n, err := strconv.ParseInt(os.Getenv(streamEnv), 10, 64)
	if err != nil {
		return
	}
	report := make(chan string)
	go func() { report <- hashInput(os.Stdin) }()
	if _, err := io.CopyN(os.Stdout, streamBytes(), n); err != nil {
		os.Exit(1)
	}
	fmt.Print(<-report)
	os.Exit(0)
}

// hashInput reads up to inputEnd, byte by byte, so that it stops at the first
// one that is whole; what is typed twice or not at all changes the hash.
func hashInput(r io.Reader) string {
	b := bufio.NewReader(r)
	h := sha256.New()
	n, match := 0, 0
	for match < len(inputEnd) {
		c, err := b.ReadByte()
		if err != nil {
			return err.Error()
		}
		n++
		_, _ = h.Write([]byte{c})
		if c == inputEnd[match] {
			match++
		} else {
			match = 0
		}
	}
	return inputReport(n, h.Sum(nil))
}

func inputReport(n int, sum []byte) string { return fmt.Sprintf("%d %x", n, sum) }

// streamBytes is an endless stream that is the same each time.
func streamBytes() io.Reader { return rand.NewChaCha8([32]byte{'s'}) }

// streamer is a terminal that runs the child.
func streamer(n int64) terminal.Terminal {
	return terminal.Terminal{Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
		cmd := exec.Command("/bin/sh", "-c", `stty raw -echo; exec "$0" -test.run='^TestStreamChild$'`, os.Args[0])
		cmd.Env = append(os.Environ(), streamEnv+"="+strconv.FormatInt(n, 10))
		return cmd, nil
	}}
}
