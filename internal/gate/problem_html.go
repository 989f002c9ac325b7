package gate

import (
	"bytes"
	"html/template"
	"net/http"
	"strings"
)

// problemPage is what a person sees who typed the address: a browser shows
// application/problem+json as text.
var problemPage = template.Must(template.New("problem").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Status}} {{.Title}}</title>
<style>
:root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }
body { max-width: 40rem; margin: 15vh auto 0; padding: 0 1.5rem; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; }
p { margin: .5rem 0; }
.hint { border-left: 3px solid #0f766e; padding-left: .8rem; overflow-wrap: anywhere; }
.status { opacity: .6; font-variant-numeric: tabular-nums; }
</style>
<main>
<p class="status">{{.Status}}</p>
<h1>{{.Title}}</h1>
{{with .Detail}}<p>{{.}}</p>{{end}}
{{with .Hint}}<p class="hint">{{.}}</p>{{end}}
</main>
</html>
`))

// HTMLPolicy is the Content-Security-Policy of the pages that are no
// applications: they load and run nothing.
const HTMLPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// WantsHTML reports whether a person navigated here with a browser. Scripts and
// command-line clients get JSON.
func WantsHTML(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		strings.HasPrefix(r.Header.Get("Accept"), "text/html")
}

func (p *Problem) html() ([]byte, error) {
	var b bytes.Buffer
	err := problemPage.Execute(&b, p)
	return b.Bytes(), err
}
