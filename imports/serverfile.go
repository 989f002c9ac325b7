package imports

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
)

// ServerFile is a file in a target's Files directory.
type ServerFile struct {
	Name     string    `json:"name"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
}

// serverFilesMax bounds a listing.
const serverFilesMax = 1000

// listServerFiles lists the regular files directly in dir, newest first.
func listServerFiles(dir string) ([]ServerFile, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	d, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	files := []ServerFile{}
	for _, e := range entries {
		info, err := root.Lstat(e.Name())
		if err == nil && info.Mode().IsRegular() && checkServerName(e.Name()) == nil {
			files = append(files, ServerFile{Name: e.Name(), Size: info.Size(), Modified: info.ModTime()})
		}
	}
	slices.SortFunc(files, func(a, b ServerFile) int { return b.Modified.Compare(a.Modified) })
	return files[:min(len(files), serverFilesMax)], nil
}

func checkServerName(name string) error {
	if strings.HasPrefix(name, ".") || checkFileName(name) != nil {
		return gate.NotFound("there is no such file")
	}
	return nil
}

// openRegular opens a regular file directly in dir. It never blocks on a FIFO
// and follows no link: os.Root keeps a name inside the directory but follows
// links that stay in it, also with O_NOFOLLOW, so what was opened is compared
// with what the name itself is.
func openRegular(dir, name string) (*os.File, os.FileInfo, error) {
	if err := checkServerName(name); err != nil {
		return nil, nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	named, err := root.Lstat(name)
	if err != nil || !named.Mode().IsRegular() {
		return nil, nil, gate.NotFound("there is no such file")
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, gate.NotFound("there is no such file")
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || !os.SameFile(named, info) {
		_ = f.Close()
		return nil, nil, gate.NotFound("there is no such file")
	}
	return f, info, nil
}

// fileTag is a file's identity: what must be the same at a retry.
func fileTag(info os.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d.%d", st.Dev, st.Ino, info.Size(), info.ModTime().UnixNano())
}

// fromServer starts an import of a file that is on the server already.
func (h *Handler) fromServer(o order, name string) (*job, error) {
	if o.t.Files == "" {
		return nil, gate.NotFound("this target takes no files from the server")
	}
	f, info, err := openRegular(o.t.Files, name)
	if err != nil {
		return nil, err
	}
	_ = f.Close()
	o.file, o.name, o.length = name, name, info.Size()
	if o.length == 0 {
		return nil, errEmpty()
	}
	if err := h.admit(o, false); err != nil {
		return nil, err
	}
	j, replayed, err := h.create(o)
	if err != nil || replayed {
		return j, err
	}
	j.mu.Lock()
	j.rec.FileTag = fileTag(info)
	j.mu.Unlock()
	if err := h.complete(j); err != nil {
		h.abandon(j, err)
		return nil, err
	}
	return j, nil
}

// openServerFile opens it again for the importer.
func (h *Handler) openServerFile(rec record) (io.ReadCloser, error) {
	t, err := h.target(context.Background(), rec.Target)
	if err != nil {
		return nil, err
	}
	f, info, err := openRegular(t.Files, rec.File)
	if err == nil && fileTag(info) != rec.FileTag {
		_ = f.Close()
		err = &gate.Problem{Name: "changed", Title: "The file has changed", Status: http.StatusConflict}
	}
	if err != nil {
		return nil, &Failure{Title: "The file on the server cannot be read", Detail: "it is gone or has changed since it was chosen", Err: err}
	}
	return f, nil
}
