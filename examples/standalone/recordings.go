package main

import (
	"io"
	"os"
	"path/filepath"

	"github.com/pruvon/pruvon/terminal"
)

// recordings returns a hook that keeps each session as an asciicast file.
func recordings(dir string) func(terminal.Info) (io.WriteCloser, error) {
	return func(info terminal.Info) (io.WriteCloser, error) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		name := info.Started.UTC().Format("20060102T150405Z") + "-" + info.Name + "-" + info.ID + ".cast"
		return os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
}
