package main

import (
	"embed"
	"io/fs"
)

//go:generate npm ci --prefix web --ignore-scripts --no-audit --no-fund
//go:generate go run ./internal/vendorjs

// xterm.js is not ours and not in this repository: go generate fetches it into
// web/vendor, which is empty but for a README until then.
//
//go:embed web/vendor
var vendored embed.FS

// xtermFiles returns the files of xterm.js, or nil when go generate has not
// brought them.
func xtermFiles() fs.FS {
	files, err := fs.Sub(vendored, "web/vendor")
	if err != nil {
		return nil
	}
	if _, err := fs.Stat(files, "xterm.mjs"); err != nil {
		return nil
	}
	return files
}
