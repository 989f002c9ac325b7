package terminal

import (
	"embed"
	"io/fs"

	"github.com/pruvon/pruvon/internal/browser"
)

//go:embed assets/terminal.js assets/terminal.d.ts
var assets embed.FS

// Assets returns the browser module that speaks the other end of this
// package's protocol: terminal.js, the connect.js that it imports from the
// same folder, and their type declarations. They are plain ES modules without
// dependencies; serve them as text/javascript from any one path.
func Assets() fs.FS { return browser.With(assets) }
