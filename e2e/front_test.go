package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

func TestStrangersAreRefusedAtNginx(t *testing.T) {
	s := shared(t)
	stranger := run.Client(s.nginx.Addr, harness.Stranger)
	for _, path := range []string{"/", "/terminals/shell", "/logs/app", "/imports/", "/healthz", "/metrics"} {
		if answer := stranger.Get(t, path); answer.Status != http.StatusForbidden || !strings.Contains(answer.Header.Get("Server"), "nginx") {
			t.Errorf("%s: %d from %q, want nginx's 403", path, answer.Status, answer.Header.Get("Server"))
		}
	}
	if _, answer, err := harness.DialURL(t, stranger.HTTP, harness.Origin+"/terminals/shell", "pruvon.terminal.v1", "Origin: "+harness.Origin); err == nil || answer.Status != http.StatusForbidden {
		t.Errorf("a stranger's WebSocket: %v, status %d, want 403", err, answer.Status)
	}
}

// The second lock: nginx lets everybody through, the same file read by Pruvon does not.
func TestStrangersAreRefusedAtPruvonWhenNginxLetsThemThrough(t *testing.T) {
	list := run.Sub(t) + "/allowlist.conf"
	if err := os.WriteFile(list, []byte(harness.Operators), 0o644); err != nil {
		t.Fatal(err)
	}
	s := start(t, origins+"allowlist: "+list+"\n", targets, harness.NginxConfig{Allowlist: "allow all;\n"})
	operator, stranger := s.client(), run.Client(s.nginx.Addr, harness.Stranger)
	if answer := operator.Get(t, "/whoami"); answer.Status != http.StatusOK {
		t.Errorf("the operator gets %d %s", answer.Status, answer.Body)
	}
	refused := func(what string, answer harness.Answer) {
		t.Helper()
		if answer.Status != http.StatusForbidden || answer.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s %s, want Pruvon's 403", what, answer.Status, answer.Header.Get("Content-Type"), answer.Body)
		}
		if strings.Contains(answer.Body, harness.Operator) {
			t.Errorf("%s: the answer gives the list away: %s", what, answer.Body)
		}
	}
	for _, path := range []string{"/", "/whoami", "/logs/app", "/imports/", "/terminals"} {
		refused(path, stranger.Get(t, path))
		refused(path+" with a faked header", stranger.Get(t, path, "X-Forwarded-For: "+harness.Operator, "X-Real-IP: "+harness.Operator, "Forwarded: for="+harness.Operator))
	}
	_, answer, err := harness.DialURL(t, stranger.HTTP, harness.Origin+"/terminals/shell", "pruvon.terminal.v1", "Origin: "+harness.Origin)
	if err == nil {
		t.Error("a stranger has a terminal")
	}
	refused("WebSocket", answer)

	// The file is read again when it changes, by both sides.
	if err := os.WriteFile(list, []byte("allow "+harness.Stranger+";\n"+harness.Operators), 0o644); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, 5*time.Second, func() error {
		if answer := stranger.Get(t, "/whoami"); answer.Status != http.StatusOK {
			return statusError(answer)
		}
		return nil
	})
}

// whoami is what the tests read of /whoami.
type whoami struct{ Addr, Peer string }

// The operator of this test comes from an address that is no trusted proxy: a client at 127.0.0.1 itself
// could not be told from nginx.
func TestForwardedHeadersOfAClientChangeNothing(t *testing.T) {
	client := shared(t).client()
	ask := func(headers ...string) (answer harness.Answer, who whoami) {
		t.Helper()
		answer = client.Get(t, "/whoami", append(headers, "Accept: application/json")...)
		_ = json.Unmarshal([]byte(answer.Body), &who)
		return answer, who
	}
	plain, who := ask()
	if plain.Status != http.StatusOK || who.Addr != harness.Operator {
		t.Fatalf("/whoami without tricks: %d %s", plain.Status, plain.Body)
	}
	for name, headers := range map[string][]string{
		"one address":               {"X-Forwarded-For: 203.0.113.10"},
		"a trusted address":         {"X-Forwarded-For: 127.0.0.1, ::1"},
		"two lines":                 {"X-Forwarded-For: 203.0.113.10", "X-Forwarded-For: 10.20.30.1"},
		"the other headers":         {"Forwarded: for=203.0.113.10", "X-Real-IP: 203.0.113.10", "True-Client-IP: 203.0.113.10", "CF-Connecting-IP: 203.0.113.10"},
		"underscores":               {"X_Forwarded_For: 203.0.113.10"},
		"a host and a protocol":     {"X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http"},
		"garbage left of us":        {"X-Forwarded-For: unknown, <script>, 999.1.1.1"},
		"a client with a port":      {"X-Forwarded-For: 203.0.113.10:80"},
		"an IPv6 client":            {"X-Forwarded-For: [2001:db8::1]:80"},
		"an empty element":          {"X-Forwarded-For: ,,"},
		"an address in mapped form": {"X-Forwarded-For: ::ffff:203.0.113.10"},
	} {
		t.Run(name, func(t *testing.T) {
			if answer, got := ask(headers...); answer.Status != http.StatusOK || got.Addr != harness.Operator {
				t.Errorf("%d %s, want the address %s", answer.Status, answer.Body, harness.Operator)
			}
		})
	}
}

func TestPlainHTTPIsRedirected(t *testing.T) {
	s := shared(t)
	answer := harness.Send(t, harness.Plain(), http.MethodGet, "http://"+s.nginx.PlainAddr+"/logs/app?tail=5&grep=a%20b", "", "Host: "+harness.ServerName)
	if want := harness.Origin + "/logs/app?tail=5&grep=a%20b"; answer.Status != http.StatusMovedPermanently || answer.Header.Get("Location") != want {
		t.Errorf("%d to %q, want 301 to %q", answer.Status, answer.Header.Get("Location"), want)
	}
}

func statusError(answer harness.Answer) error {
	return &unexpected{answer}
}

// unexpected is an answer with a status that a test did not want.
type unexpected struct{ harness.Answer }

func (u *unexpected) Error() string { return http.StatusText(u.Status) + ": " + u.Body }
