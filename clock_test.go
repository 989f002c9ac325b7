package pruvon_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// wallClock are the places where a time loses its monotonic reading (package
// time, "Monotonic Clocks") or is made without one, and why that is no
// deadline. Everywhere else a step of the wall clock, by NTP or by hand, moves
// no timeout.
var wallClock = map[string]string{
	"terminal/asciicast.go":               "the date in a recording's header",
	"logs/segment.go":                     "the time of a line, for people",
	"logs/hub.go":                         "the time in a cursor, used when the file it names is gone",
	"logs/history.go":                     "file times are wall times",
	"logs/fileid.go":                      "compared with file times",
	"logs/inotify_linux.go":               "a deadline in the past wakes a reader",
	"imports/receive.go":                  "a deadline in the past wakes a reader",
	"imports/serverfile.go":               "part of a file's identity",
	"internal/procgroup/orphans_linux.go": "the zero of a file time",
}

// A timeout is a difference of two times. It stands when the wall clock jumps
// only as long as both have their monotonic reading, which these calls take
// away or lack.
func TestNoDeadlineIsMadeOfTheWallClock(t *testing.T) {
	strips := map[string]bool{"Unix": true, "UnixMilli": true, "UnixMicro": true, "UnixNano": true, "Round": true, "Truncate": true}
	makes := map[string]bool{"Unix": true, "UnixMilli": true, "UnixMicro": true, "Date": true}
	found := map[string]bool{}
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (path == "e2e" || path == "bench" || path == "examples" || d.Name() == "node_modules" || d.Name() == ".git"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, _ := f.X.(*ast.Ident)
			ofPackage := pkg != nil && pkg.Name == "time"
			if !(ofPackage && makes[f.Sel.Name] || !ofPackage && strips[f.Sel.Name] && isOfTime(f, call)) {
				return true
			}
			found[path] = true
			if _, ok := wallClock[path]; !ok {
				t.Errorf("%v: %s: keep the monotonic reading, or say in wallClock why this is no deadline", fset.Position(call.Pos()), f.Sel.Name)
			}
			return true
		})
		return nil
	}))
	for path := range wallClock {
		require.True(t, found[path], "%s is clean: take it out of wallClock", path)
	}
}

// isOfTime tells the methods of time.Time from those of other types: the Unix
// methods have no argument; Round and Truncate of a duration are for text.
func isOfTime(f *ast.SelectorExpr, call *ast.CallExpr) bool {
	if strings.HasPrefix(f.Sel.Name, "Unix") {
		return len(call.Args) == 0
	}
	if len(call.Args) != 1 {
		return false
	}
	zero, ok := call.Args[0].(*ast.BasicLit)
	return ok && zero.Value == "0"
}
