package pruvon

import (
	"bytes"
	"html/template"
	"net/http"

	"github.com/pruvon/pruvon/internal/gate"
)

// whoamiPage is /whoami for a person who typed the address, perhaps because
// the page itself does not come up.
var whoamiPage = template.Must(template.New("whoami").Funcs(template.FuncMap{"what": decisionText}).Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your connection</title>
<style>
:root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }
body { max-width: 44rem; margin: 8vh auto; padding: 0 1.5rem; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.5rem; margin: 1rem 0; }
dt { opacity: .65; }
dd { margin: 0; overflow-wrap: anywhere; }
li { margin: .3rem 0; overflow-wrap: anywhere; }
code { font: .95em ui-monospace, monospace; }
.why { border-left: 3px solid #0f766e; padding-left: .8rem; }
</style>
<main>
<h1>Your connection</h1>
<p>How this service sees you, and how it came to that.</p>
<dl>
{{with .User}}<dt>User</dt><dd>{{.}}</dd>{{end}}
<dt>Address</dt><dd><code>{{.Addr}}</code></dd>
<dt>Host</dt><dd><code>{{.Host}}</code></dd>
<dt>Scheme</dt><dd><code>{{.Scheme}}</code></dd>
<dt>Allowlist</dt><dd>{{if eq .Filter "off"}}off here; nginx decides{{else}}your address is allowed{{end}}</dd>
{{with .Ignored}}<dt>Not believed</dt><dd>{{range $i, $h := .}}{{if $i}}, {{end}}<code>{{$h}}</code>{{end}}</dd>{{end}}
</dl>
<h2>The way here</h2>
<ol>
<li><code>{{.Peer}}</code>: the other end of the connection, {{if .PeerTrusted}}a trusted proxy{{else}}no trusted proxy{{end}}</li>
{{range .Hops}}<li><code>{{if .Addr.IsValid}}{{.Addr}}{{else}}{{.Text}}{{end}}</code>: {{what .Decision}}, read from {{$.Header}}</li>
{{end}}</ol>
<p class="why">{{.Why}}</p>
</main>
</html>
`))

func decisionText(decision string) string {
	switch decision {
	case "client":
		return "you"
	case "skipped":
		return "a trusted proxy"
	}
	return decision
}

func writeWhoamiPage(w http.ResponseWriter, r *http.Request, answer whoami) {
	var page bytes.Buffer
	if err := whoamiPage.Execute(&page, answer); err != nil {
		gate.AsProblem(err).Write(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", gate.HTMLPolicy)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodHead {
		_, _ = w.Write(page.Bytes())
	}
}
