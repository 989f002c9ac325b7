package browser_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pruvon/pruvon/internal/browser"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func part() fstest.MapFS {
	return fstest.MapFS{"assets/part.js": {Data: []byte("import './connect.js'")}}
}

func names(t *testing.T, f fs.FS) (names []string) {
	t.Helper()
	require.NoError(t, fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	}))
	return names
}

// Whoever takes one part's files has everything that its module imports.
func TestSharedFilesStandBesideAPart(t *testing.T) {
	f := browser.With(part())
	assert.ElementsMatch(t, []string{"connect.js", "connect.d.ts", "part.js"}, names(t, f))
	b, err := fs.ReadFile(f, "part.js")
	require.NoError(t, err)
	assert.Equal(t, "import './connect.js'", string(b))
	_, err = fs.ReadFile(f, "connect.js")
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"connect.js", "connect.d.ts"}, names(t, browser.Files()))
}

func TestAPartsOwnFileComesFirst(t *testing.T) {
	own := part()
	own["assets/connect.js"] = &fstest.MapFile{Data: []byte("own")}
	f := browser.With(own)
	b, err := fs.ReadFile(f, "connect.js")
	require.NoError(t, err)
	assert.Equal(t, "own", string(b))
	assert.Len(t, names(t, f), 3)
}

func TestUnknownNames(t *testing.T) {
	f := browser.With(part())
	_, err := f.Open("none.js")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = fs.ReadDir(f, "none")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = f.Open("../assets/part.js")
	assert.ErrorIs(t, err, fs.ErrInvalid)
}
