package logs_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// crashState is set in the server that TestCommandOfACrashedServer kills.
const crashState = "LOGS_TEST_CRASH_STATE"

// What a command has started does not die with the server as the command
// itself does; the next one ends it.
func TestCommandOfACrashedServer(t *testing.T) {
	t.Parallel()
	if state := os.Getenv(crashState); state != "" {
		s := serve(t, logs.Config{
			Sources:  map[string]logs.Source{"app": shell(`setsid sleep 1000 & echo $! ; wait`)},
			StateDir: state,
		})
		fmt.Printf("\nchild %s\n", s.dial("").lines(1)[0])
		select {} // until it is killed
	}
	state := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), crashState+"="+state)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var child string
	for lines := bufio.NewScanner(out); child == "" && lines.Scan(); {
		child, _ = strings.CutPrefix(lines.Text(), "child ")
		if child == lines.Text() {
			child = ""
		}
	}
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.NotEmpty(t, child)
	require.True(t, running(child), "the crash ends it: nothing to see here")

	serve(t, logs.Config{Sources: map[string]logs.Source{"app": shell("true")}, StateDir: state})
	require.False(t, running(child))
}
