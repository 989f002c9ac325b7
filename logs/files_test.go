package logs_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sameAsFiles checks that lines are exactly those of the file and its rotated
// siblings, each once, each file's in the order in which they stand in it.
func sameAsFiles(t *testing.T, path string, got []string) {
	t.Helper()
	at := make(map[string]int, len(got))
	for i, g := range got {
		if _, ok := at[g]; ok {
			require.Fail(t, "a line came twice", "%q", g)
		}
		at[g] = i
	}
	files, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	total := 0
	for _, f := range files {
		last := -1
		for _, line := range strings.Split(strings.TrimSuffix(readText(t, f), "\n"), "\n") {
			if line == "" {
				continue
			}
			i, ok := at[line]
			require.True(t, ok, "%s: %q was lost", filepath.Base(f), line)
			require.Greater(t, i, last, "%s: %q is out of order", filepath.Base(f), line)
			last = i
			total++
		}
	}
	require.Equal(t, total, len(got))
}

// readText reads a file, unpacked if it is packed.
func readText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	if strings.HasSuffix(path, ".gz") {
		cmd := exec.Command("gzip", "-dc")
		cmd.Stdin = bytes.NewReader(b)
		b, err = cmd.Output()
		require.NoError(t, err)
	}
	return string(b)
}
