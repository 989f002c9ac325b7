// Package browser holds connect.js, the reconnecting socket that the browser
// modules of terminal, logs and imports share, and lays it beside each of them.
//
// The parts may not import each other, and a front end that uses only one of
// them should get everything that one needs from a single file system.
package browser

import (
	"embed"
	"errors"
	"io/fs"
)

//go:embed assets/connect.js assets/connect.d.ts
var embedded embed.FS

// With returns the file system of one part's browser module: what own holds in
// its folder assets, and connect.js beside it. It panics when own has no such
// folder, which only a wrong go:embed line can cause.
func With(own fs.FS) fs.FS {
	return layers{sub(own), sub(embedded)}
}

func sub(f fs.FS) fs.FS {
	s, err := fs.Sub(f, "assets")
	if err != nil {
		panic(err)
	}
	return s
}

// Files returns connect.js and its declarations alone.
func Files() fs.FS { return sub(embedded) }

// layers is several flat file systems seen as one; the first that has a name
// answers for it.
type layers []fs.FS

// Open implements [fs.FS].
func (l layers) Open(name string) (fs.File, error) {
	for _, f := range l {
		file, err := f.Open(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// ReadDir implements [fs.ReadDirFS], so that a walk sees the files of every layer.
func (l layers) ReadDir(name string) ([]fs.DirEntry, error) {
	var all []fs.DirEntry
	seen := make(map[string]bool)
	for _, f := range l {
		entries, err := fs.ReadDir(f, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if !seen[e.Name()] {
				seen[e.Name()] = true
				all = append(all, e)
			}
		}
	}
	if all == nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	return all, nil
}
