package pruvon_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/pruvon/pruvon"

// parts can be mounted by themselves, so each must stand alone.
var parts = []string{"terminal", "logs", "imports", "ipfilter", "proxyhdr"}

// direct are the modules that the library itself may import. The standalone
// may use yaml beside them, tests testify and goleak.
var direct = []string{
	"github.com/coder/websocket", "github.com/creack/pty", "github.com/gaissmai/bart",
	"github.com/klauspost/compress", "github.com/prometheus/client_golang", "golang.org/x/sys",
}

type goPackage struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Standard", "./...")
	out, err := cmd.Output()
	require.NoError(t, err)
	var list []goPackage
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(t, err)
		list = append(list, p)
	}
}

func TestWhoMayImportWhom(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		top, _, _ := strings.Cut(path, "/")
		for _, imp := range p.Imports {
			checkImport(t, path, top, imp)
		}
	}
}

func checkImport(t *testing.T, path, top, imp string) {
	t.Helper()
	inside, ours := strings.CutPrefix(imp, module)
	inside = strings.TrimPrefix(inside, "/")
	insideTop, _, _ := strings.Cut(inside, "/")
	switch {
	case ours && slices.Contains(parts, top) && insideTop != top && insideTop != "internal":
		t.Errorf("%s imports %s: a part can be mounted by itself, so it may use only internal packages; "+
			"what parts share belongs there, and what joins them belongs in the root", path, imp)
	case ours && top == "internal" && insideTop != "internal":
		t.Errorf("%s imports %s: internal packages serve the parts and must not know them", path, imp)
	case top == "proxyhdr" && (ours && insideTop != top || strings.Contains(firstElement(imp), ".") && !ours):
		t.Errorf("%s imports %s: proxyhdr uses the standard library only, so that a service can take it alone", path, imp)
	case ours || !strings.Contains(firstElement(imp), "."):
	case top == "examples" && strings.HasPrefix(imp, "go.yaml.in/yaml/"):
	case !slices.ContainsFunc(direct, func(m string) bool { return imp == m || strings.HasPrefix(imp, m+"/") }):
		t.Errorf("%s imports %s: every module of the library becomes a module of its users; "+
			"add it to the list here with the reason, or do without", path, imp)
	}
}

func firstElement(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}
