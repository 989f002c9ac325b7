package pruvon_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func documents(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	top, err := filepath.Glob("*.md")
	require.NoError(t, err)
	return append(files, top...)
}

// squeeze makes code comparable: gofmt's columns depend on what stands around.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// Every Go block of the documents stands in a file that the compiler reads.
func TestGoInTheDocsIsCompiled(t *testing.T) {
	var compiled strings.Builder
	for _, root := range []string{"examples", "example_test.go"} {
		require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			data, err := os.ReadFile(path)
			compiled.WriteString(squeeze(string(data)) + "\n")
			return err
		}))
	}
	code := compiled.String()
	for _, doc := range documents(t) {
		data, err := os.ReadFile(doc)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(data), -1) {
			assert.True(t, strings.Contains(code, squeeze(m[1])), "%s has Go that no example compiles:\n%s", doc, m[1])
		}
	}
}

// Every relative link of the documents leads to a file, and to a heading of it
// where it names one.
func TestNoDeadLinksInTheDocs(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]*)(#[^)\s]*)?\)`)
	for _, doc := range documents(t) {
		data, err := os.ReadFile(doc)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			target := doc
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(doc), m[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which there is not", doc, m[1])
				continue
			}
			if m[2] != "" {
				assert.Contains(t, anchors(t, target), m[2], "%s links to %s%s", doc, m[1], m[2])
			}
		}
	}
}

// anchors are the headings of a document as GitHub links them.
func anchors(t *testing.T, doc string) []string {
	t.Helper()
	data, err := os.ReadFile(doc)
	require.NoError(t, err)
	var out []string
	drop := regexp.MustCompile(`[^a-z0-9 _-]`)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(data), -1) {
		out = append(out, "#"+strings.ReplaceAll(drop.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return out
}

// docs/security.md names a test for each threat: each must exist.
func TestTheTestsOfTheThreatsExist(t *testing.T) {
	have := map[string]bool{}
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)`).FindAllStringSubmatch(string(data), -1) {
			have[m[1]] = true
		}
		return err
	}))
	data, err := os.ReadFile("docs/security.md")
	require.NoError(t, err)
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(string(data), -1)
	require.NotEmpty(t, named)
	for _, m := range named {
		assert.True(t, have[m[1]], "docs/security.md names %s, which there is not", m[1])
	}
}
