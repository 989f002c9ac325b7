package page_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/page"
)

// xterm stands for the host's files, of the real size: four letters at random
// compress to a quarter, as minified script does.
func xterm() fstest.MapFS {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 345_000)
	for i := range noise {
		noise[i] = "abcd"[random.IntN(4)]
	}
	return fstest.MapFS{
		"xterm.mjs":     {Data: append([]byte("export class Terminal {}\n//"), noise...)},
		"xterm.css":     {Data: []byte(".xterm{}")},
		"addon-fit.mjs": {Data: []byte("export class FitAddon {}")},
	}
}

func newPage(t *testing.T, o page.Options) *page.Page {
	t.Helper()
	p, err := page.New(o)
	require.NoError(t, err)
	return p
}

func get(h http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestDocument(t *testing.T) {
	o := options()
	o.Title = `Ops <prod> & "co"`
	o.Xterm = xterm()
	w := get(newPage(t, o), "/")
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	body := w.Body.String()
	assert.Contains(t, body, `data-parts="terminals logs imports"`)
	assert.Contains(t, body, `data-xterm="true"`)
	assert.Contains(t, body, "Ops &lt;prod&gt; &amp;")
	assert.NotContains(t, body, "<prod>")
}

func TestSecurityHeaders(t *testing.T) {
	p := newPage(t, options())
	for _, target := range []string{"/", "/assets/page/main.js", "/assets/none.js"} {
		h := get(p, target).Header()
		csp := h.Get("Content-Security-Policy")
		for _, directive := range []string{
			"default-src 'none'", "script-src 'self'", "connect-src 'self'", "style-src 'self' 'unsafe-inline'",
			"img-src 'self' data:", "font-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
		} {
			assert.Contains(t, csp, directive, target)
		}
		assert.Equal(t, "same-origin", h.Get("Cross-Origin-Opener-Policy"))
		assert.Equal(t, "same-origin", h.Get("Cross-Origin-Resource-Policy"))
		assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		assert.Equal(t, "DENY", h.Get("X-Frame-Options"))
		assert.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
	}
}

func TestContentTypes(t *testing.T) {
	o := options()
	o.Xterm = xterm()
	p := newPage(t, o)
	for target, want := range map[string]string{
		"/assets/terminal.js":     "text/javascript; charset=utf-8",
		"/assets/connect.js":      "text/javascript; charset=utf-8",
		"/assets/terminal.d.ts":   "text/plain; charset=utf-8",
		"/assets/xterm/xterm.js":  "text/javascript; charset=utf-8",
		"/assets/xterm/xterm.css": "text/css; charset=utf-8",
		"/assets/page/icon.svg":   "image/svg+xml",
	} {
		w := get(p, target)
		assert.Equal(t, http.StatusOK, w.Code, target)
		assert.Equal(t, want, w.Header().Get("Content-Type"), target)
	}
}

func TestRevalidation(t *testing.T) {
	p := newPage(t, options())
	for _, encoding := range []string{"", "gzip"} {
		first := get(p, "/assets/terminal.js", "Accept-Encoding", encoding)
		tag := first.Header().Get("ETag")
		require.Regexp(t, `^"[0-9a-f]{32}(-gz)?"$`, tag)
		assert.Equal(t, "no-cache", first.Header().Get("Cache-Control"))
		assert.Equal(t, "Accept-Encoding", first.Header().Get("Vary"))
		for _, sent := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
			again := get(p, "/assets/terminal.js", "Accept-Encoding", encoding, "If-None-Match", sent)
			assert.Equal(t, http.StatusNotModified, again.Code, sent)
			assert.Zero(t, again.Body.Len())
			assert.Equal(t, tag, again.Header().Get("ETag"))
		}
		assert.Equal(t, http.StatusOK, get(p, "/assets/terminal.js", "Accept-Encoding", encoding, "If-None-Match", `"other"`).Code)
	}
	// What names the parts of this very process is never taken from a cache.
	tag := get(p, "/").Header().Get("ETag")
	assert.Equal(t, http.StatusOK, get(p, "/", "If-None-Match", tag).Code)
}

func TestCompression(t *testing.T) {
	p := newPage(t, options())
	plain := get(p, "/assets/terminal.js")
	assert.Empty(t, plain.Header().Get("Content-Encoding"))
	zipped := get(p, "/assets/terminal.js", "Accept-Encoding", "br, gzip")
	require.Equal(t, "gzip", zipped.Header().Get("Content-Encoding"))
	r, err := gzip.NewReader(bytes.NewReader(zipped.Body.Bytes()))
	require.NoError(t, err)
	body, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Equal(t, plain.Body.String(), string(body))
	assert.NotEqual(t, plain.Header().Get("ETag"), zipped.Header().Get("ETag"))
	for header, want := range map[string]string{
		"gzip": "gzip", "GZIP;q=0.5": "gzip", "gzip; q=0": "", "gzip;q=0.0": "", "br": "", "gzipped": "", "identity, gzip;q=x": "",
	} {
		assert.Equal(t, want, get(p, "/assets/terminal.js", "Accept-Encoding", header).Header().Get("Content-Encoding"), header)
	}
}

func TestMethodsAndUnknownNames(t *testing.T) {
	p := newPage(t, options())
	for _, target := range []string{"/", "/assets/page/main.js"} {
		r := httptest.NewRequest(http.MethodPost, target, nil)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
		assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))

		w = httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(http.MethodHead, target, nil))
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Zero(t, w.Body.Len())
		assert.NotEmpty(t, w.Header().Get("Content-Length"))
	}
	for _, target := range []string{"/x", "/assets/", "/assets", "/assets/../page.go", "/assets/page/index.html", "/terminal.js", "/assets//terminal.js"} {
		w := get(p, target)
		assert.Equal(t, http.StatusNotFound, w.Code, target)
		assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	}
}

func TestPartsThatAreNotMounted(t *testing.T) {
	o := options()
	o.Terminal, o.Imports = nil, nil
	p := newPage(t, o)
	body := get(p, "/").Body.String()
	assert.Contains(t, body, `data-parts="logs"`)
	assert.Contains(t, body, "assets/page/log-view.js")
	assert.NotContains(t, body, "terminal-view.js", "it would import a module that is not there")
	assert.NotContains(t, body, "import-view.js")
	assert.Equal(t, http.StatusNotFound, get(p, "/assets/terminal.js").Code)
	assert.Equal(t, http.StatusOK, get(p, "/assets/connect.js").Code)
}

func TestXtermLayouts(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	for name, c := range map[string]struct {
		fsys fstest.MapFS
		want string // of xterm.js; "" is missing
	}{
		"flat":         {fstest.MapFS{"xterm.mjs": file("esm"), "xterm.css": file("c"), "addon-fit.mjs": file("f")}, "esm"},
		"renamed":      {fstest.MapFS{"xterm.js": file("esm"), "xterm.css": file("c"), "addon-fit.js": file("f")}, "esm"},
		"both":         {fstest.MapFS{"xterm.js": file("umd"), "xterm.mjs": file("esm"), "xterm.css": file("c"), "addon-fit.mjs": file("f")}, "esm"},
		"node_modules": {fstest.MapFS{"@xterm/xterm/lib/xterm.mjs": file("esm"), "@xterm/xterm/css/xterm.css": file("c"), "@xterm/addon-fit/lib/addon-fit.mjs": file("f")}, "esm"},
		"no addon":     {fstest.MapFS{"xterm.mjs": file("esm"), "xterm.css": file("c")}, ""},
		"only README":  {fstest.MapFS{"README": file("r")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.Xterm = c.fsys
			p := newPage(t, o)
			assert.Contains(t, get(p, "/").Body.String(), map[bool]string{true: `data-xterm="true"`, false: `data-xterm="false"`}[c.want != ""])
			if c.want != "" {
				assert.Equal(t, c.want, get(p, "/assets/xterm/xterm.js").Body.String())
			}
		})
	}
}

// All that a first visit with a terminal loads must stay small.
func TestTransferBudget(t *testing.T) {
	o := options()
	o.Xterm = xterm()
	p := newPage(t, o)
	doc := get(p, "/", "Accept-Encoding", "gzip")
	total := doc.Body.Len()
	p.Each(func(name string, _ []byte) {
		if strings.HasSuffix(name, ".d.ts") {
			return
		}
		total += get(p, "/assets/"+name, "Accept-Encoding", "gzip").Body.Len()
	})
	t.Logf("%d bytes", total)
	assert.LessOrEqual(t, total, 350_000)
}

// Under StripPrefix and behind a proxy's sub-path only relative URLs are right.
func TestURLsAreRelativeAndLeadSomewhere(t *testing.T) {
	o := options()
	o.Xterm = xterm()
	p := newPage(t, o)
	link := regexp.MustCompile(`(?:href|src)="([^"#][^"]*)"`)
	for _, m := range link.FindAllStringSubmatch(get(p, "/").Body.String(), -1) {
		assert.NotRegexp(t, `^(/|[a-z]+:)`, m[1])
		assert.Equal(t, http.StatusOK, get(p, "/"+m[1]).Code, m[1])
	}
	imports := regexp.MustCompile(`(?:from|import\()\s*'([^']+)'`)
	p.Each(func(name string, body []byte) {
		if path.Ext(name) != ".js" || strings.HasPrefix(name, "xterm/") {
			return
		}
		for _, m := range imports.FindAllStringSubmatch(string(body), -1) {
			require.True(t, strings.HasPrefix(m[1], "."), "%s imports %s", name, m[1])
			assert.Equal(t, http.StatusOK, get(p, "/assets/"+path.Join(path.Dir(name), m[1])).Code, "%s imports %s", name, m[1])
		}
		assert.NotRegexp(t, `\.innerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function`, string(body), name)
	})
}

// The documentation of the test ids is the contract with the end-to-end suite.
func TestEveryTestIDIsDocumented(t *testing.T) {
	p := newPage(t, options())
	var doc string
	used := map[string]string{}
	id := regexp.MustCompile(`\btest: ['"` + "`" + `]([a-z]+(?:-[a-z]+)*)`)
	p.Each(func(name string, body []byte) {
		if name == "page/main.js" {
			doc = string(body)
		}
		for _, m := range id.FindAllStringSubmatch(string(body), -1) {
			used[m[1]] = name
		}
	})
	require.Greater(t, len(used), 30)
	for name, file := range used {
		assert.True(t, strings.Contains(doc, name), "%s, used in %s", name, file)
	}
}

func TestUnreadableFiles(t *testing.T) {
	o := options()
	o.Logs = os.DirFS(t.TempDir() + "/none")
	_, err := page.New(o)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "page: ")
}
