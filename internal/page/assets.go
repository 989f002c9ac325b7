package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed assets
var embedded embed.FS

func own() fs.FS {
	f, err := fs.Sub(embedded, "assets")
	if err != nil {
		panic(err) // only a wrong go:embed line can cause it
	}
	return f
}

// styles returns our style sheets as one. They stand in the document itself: the
// first paint then waits for nothing else, and compressed they are a few
// kilobytes.
func styles() (template.CSS, error) {
	var all strings.Builder
	for _, name := range []string{"theme.css", "page.css", "views.css"} {
		b, err := fs.ReadFile(own(), name)
		if err != nil {
			return "", fmt.Errorf("page: %w", err)
		}
		all.Write(b)
	}
	return template.CSS(all.String()), nil
}

// asset is one file as it is sent: plain, and compressed where that is smaller.
type asset struct {
	contentType string
	plain, zip  []byte
	tag         string // hex of the content's hash, without quotes
}

func newAsset(name string, b []byte) asset {
	sum := sha256.Sum256(b)
	a := asset{contentType: contentType(name), plain: b, tag: hex.EncodeToString(sum[:16])}
	var z bytes.Buffer
	// Neither call can fail: the level is valid and a Buffer takes everything.
	w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression)
	_, _ = w.Write(b)
	_ = w.Close()
	if z.Len() < len(b) {
		a.zip = z.Bytes()
	}
	return a
}

// contentType does not ask the mime package: its answer depends on the host's
// files, which often know no .mjs and take .ts for a video.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return "text/plain; charset=utf-8"
	}
}

func (a asset) serve(w http.ResponseWriter, r *http.Request, cache string) {
	body, tag := a.plain, a.tag
	h := w.Header()
	h.Set("Cache-Control", cache)
	h.Set("Vary", "Accept-Encoding")
	zipped := a.zip != nil && acceptsGzip(r.Header)
	if zipped {
		body, tag = a.zip, a.tag+"-gz"
	}
	h.Set("ETag", `"`+tag+`"`)
	if cache != "no-store" && matches(r.Header, tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if zipped {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", a.contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // an error means that the client has gone
}

// acceptsGzip reads Accept-Encoding as RFC 9110, section 12.5.3 has it, for gzip alone.
func acceptsGzip(h http.Header) bool {
	for _, element := range strings.Split(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(element, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(weight), " ", ""), "q=")
		if !ok {
			return true
		}
		v, err := strconv.ParseFloat(q, 64)
		return err == nil && v > 0
	}
	return false
}

// matches compares weakly, as If-None-Match asks for (RFC 9110, section 13.1.2).
// nginx makes a strong tag weak when it compresses by itself.
func matches(h http.Header, tag string) bool {
	for _, element := range strings.Split(strings.Join(h.Values("If-None-Match"), ","), ",") {
		element = strings.TrimPrefix(strings.TrimSpace(element), "W/")
		if element == "*" || element == `"`+tag+`"` {
			return true
		}
	}
	return false
}

// addDir takes in every file of f but what becomes part of the document.
func (p *Page) addDir(f fs.FS, prefix string) error {
	return fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("page: %w", err)
		}
		if d.IsDir() || path.Ext(name) == ".html" || path.Ext(name) == ".css" {
			return nil
		}
		b, err := fs.ReadFile(f, name)
		if err != nil {
			return fmt.Errorf("page: %w", err)
		}
		p.assets[prefix+name] = newAsset(name, b)
		return nil
	})
}

// preload lists our scripts, so that a browser asks for all of them at once and
// not one import after the other. The views of a part that is not mounted are
// left out: they import a module that is not there.
func (p *Page) preload(parts []string) []string {
	var names []string
	for name := range p.assets {
		view, _, _ := strings.Cut(strings.TrimPrefix(name, "page/"), "-")
		of := map[string]string{"terminal": "terminals", "log": "logs", "import": "imports"}[view]
		if path.Ext(name) == ".js" && (of == "" || slices.Contains(parts, of)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// xtermFiles says where npm packages keep what is needed, by the name under
// which it is served. The ES module comes first: lib/xterm.js of the package is
// a script of the older kind, while a host that copies xterm.mjs may have named
// it .js.
var xtermFiles = []struct {
	served string
	names  []string
}{
	{"xterm/xterm.js", []string{"xterm.mjs", "lib/xterm.mjs", "@xterm/xterm/lib/xterm.mjs", "node_modules/@xterm/xterm/lib/xterm.mjs", "xterm.js"}},
	{"xterm/xterm.css", []string{"xterm.css", "css/xterm.css", "@xterm/xterm/css/xterm.css", "node_modules/@xterm/xterm/css/xterm.css"}},
	{"xterm/addon-fit.js", []string{"addon-fit.mjs", "lib/addon-fit.mjs", "@xterm/addon-fit/lib/addon-fit.mjs", "node_modules/@xterm/addon-fit/lib/addon-fit.mjs", "addon-fit.js"}},
}

// addXterm takes in the host's xterm.js and says whether all of it is there.
func (p *Page) addXterm(f fs.FS) (bool, error) {
	if f == nil {
		return false, nil
	}
	for _, file := range xtermFiles {
		b, err := firstOf(f, file.names)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("page: xterm.js: %w", err)
		}
		p.assets[file.served] = newAsset(file.served, b)
	}
	return true, nil
}

func firstOf(f fs.FS, names []string) ([]byte, error) {
	for _, name := range names {
		b, err := fs.ReadFile(f, name)
		if !errors.Is(err, fs.ErrNotExist) {
			return b, err
		}
	}
	return nil, fs.ErrNotExist
}
