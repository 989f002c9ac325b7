package page

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"

	"github.com/pruvon/pruvon/internal/browser"
	"github.com/pruvon/pruvon/internal/gate"
)

// Options say what the page shows. It is copied by [New].
type Options struct {
	_ [0]func()

	// Title is shown in the page's corner and in the browser's tab.
	// Default "Pruvon".
	Title string

	// Terminal, Logs and Imports hold the browser module of each part, as its
	// Assets function returns it. Nil leaves the part out of the page.
	Terminal, Logs, Imports fs.FS

	// Xterm holds xterm.js: an ES module (xterm.mjs or xterm.js), xterm.css and
	// the fit addon, flat or as npm lays them out. Nil, or one without these
	// files, gives a page that says what is missing and how to get it.
	Xterm fs.FS
}

// Page answers GET and HEAD for "/" and for everything below "/assets/". It is
// an [http.Handler] that is safe for concurrent use and holds nothing but memory.
type Page struct {
	html   asset
	assets map[string]asset // by path below "/assets/"
}

//go:embed assets/index.html
var indexHTML string

// New reads and compresses everything that the page will ever send.
func New(o Options) (*Page, error) {
	if o.Title == "" {
		o.Title = "Pruvon"
	}
	p := &Page{assets: make(map[string]asset)}
	for _, files := range []fs.FS{browser.Files(), o.Terminal, o.Logs, o.Imports} {
		if files == nil {
			continue
		}
		if err := p.addDir(files, ""); err != nil {
			return nil, err
		}
	}
	if err := p.addDir(own(), "page/"); err != nil {
		return nil, err
	}
	xterm, err := p.addXterm(o.Xterm)
	if err != nil {
		return nil, err
	}
	style, err := styles()
	if err != nil {
		return nil, err
	}
	t, err := template.New("index.html").Parse(indexHTML)
	if err != nil {
		return nil, fmt.Errorf("page: index.html: %w", err)
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{
		"Title":   o.Title,
		"Parts":   strings.Join(parts(o), " "),
		"Xterm":   xterm,
		"Style":   style,
		"Preload": p.preload(parts(o)),
	})
	if err != nil {
		return nil, fmt.Errorf("page: index.html: %w", err)
	}
	p.html = newAsset("index.html", b.Bytes())
	return p, nil
}

func parts(o Options) []string {
	var names []string
	if o.Terminal != nil {
		names = append(names, "terminals")
	}
	if o.Logs != nil {
		names = append(names, "logs")
	}
	if o.Imports != nil {
		names = append(names, "imports")
	}
	return names
}

// ServeHTTP implements [http.Handler].
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		gate.MethodNotAllowed(w, http.MethodGet, http.MethodHead).Write(w, r)
		return
	}
	if r.URL.Path == "/" || r.URL.Path == "" {
		// The document names the parts and the xterm.js of this very process.
		p.html.serve(w, r, "no-store")
		return
	}
	a, ok := p.assets[strings.TrimPrefix(r.URL.Path, "/assets/")]
	if !ok || !strings.HasPrefix(r.URL.Path, "/assets/") {
		gate.NotFound("there is no such file").Write(w, r)
		return
	}
	// Always asked for, never sent twice: a restart with a new version is seen at once.
	a.serve(w, r, "no-cache")
}
