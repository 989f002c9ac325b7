// Command vendorjs copies the few files of xterm.js that the page needs out of
// node_modules, with their licences, to where go:embed finds them. It is run by
// go generate after npm ci.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// files says what is copied and under which name: both packages have a LICENSE.
var files = []struct{ from, to string }{
	{"@xterm/xterm/lib/xterm.mjs", "xterm.mjs"},
	{"@xterm/xterm/css/xterm.css", "xterm.css"},
	{"@xterm/xterm/LICENSE", "LICENSE.xterm"},
	{"@xterm/addon-fit/lib/addon-fit.mjs", "addon-fit.mjs"},
	{"@xterm/addon-fit/LICENSE", "LICENSE.addon-fit"},
}

func main() {
	from := flag.String("from", "web/node_modules", "npm's folder")
	to := flag.String("to", "web/vendor", "where the copies go")
	flag.Parse()
	if err := run(*from, *to); err != nil {
		fmt.Fprintln(os.Stderr, "vendorjs:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	var errs []error
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(from, filepath.FromSlash(f.from)))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, f.to), b, 0o644)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
