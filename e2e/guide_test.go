package e2e_test

import (
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

// place says where the operator's guide is followed: on its own ports with its own addresses in a
// network namespace, or on what loopback offers.
type place struct {
	listen, plain, service   string
	allowed, minimal, denied []string
	rename                   *strings.Replacer // puts loopback addresses in the allow lines
}

var isolatedPlace = place{
	listen: "443", plain: "80", service: "127.0.0.1:8080",
	allowed: []string{"100.64.12.7", "10.20.30.99", "203.0.113.10"},
	minimal: []string{"10.20.30.99", "100.90.10.5"},
	denied:  []string{"203.0.113.11", "127.0.0.1"},
	rename:  strings.NewReplacer(),
}

// The guide's configuration is followed to the letter: pruvon.yml with nothing but the address, nginx
// with nothing but other certificates, clients from the guide's own address ranges.
func TestOperatorGuideToTheLetter(t *testing.T) {
	where := isolatedPlace
	switch {
	case harness.Isolated():
		var addresses []netip.Addr
		for _, list := range [][]string{where.allowed, where.minimal[1:], where.denied[:1]} {
			for _, text := range list {
				addresses = append(addresses, netip.MustParseAddr(text))
			}
		}
		harness.LoopbackUp(t, addresses...)
	case harness.Isolate(t):
		return
	default:
		where = place{
			allowed: []string{"127.64.12.7", "127.20.30.99", "127.0.113.10"},
			minimal: []string{"127.20.30.99", "127.90.10.5"},
			denied:  []string{"127.0.113.11", "127.0.0.1"},
			rename:  strings.NewReplacer("100.64.12.0", "127.64.12.0", "10.20.30.0", "127.20.30.0", "203.0.113.10", "127.0.113.10", "100.90.10.5", "127.90.10.5"),
		}
	}
	dir := run.Sub(t)
	service := run.StartPlainService(t, dir, where.service, targets)
	nginx := run.StartNginx(t, harness.NginxConfig{
		Upstream: service.Addr, Listen: where.listen, Plain: where.plain, KeepAccess: true,
		Edit: func(site string) string { return where.rename.Replace(site) },
	})
	run.Watch(t)

	check := func(allowed, denied []string) {
		t.Helper()
		for _, address := range allowed {
			client := run.Client(nginx.Reach(address), address)
			if answer := client.Get(t, "/"); answer.Status != http.StatusOK || !strings.Contains(answer.Body, "<html") {
				t.Errorf("%s: the page is %d %s", address, answer.Status, answer.Body)
			}
			socket := client.Dial(t, "/terminals/shell", "pruvon.terminal.v1")
			socket.SendText(hello)
			if _, first, err := socket.Next(); err != nil || !strings.Contains(string(first), `"ready"`) {
				t.Errorf("%s: the terminal answers %s (%v)", address, first, err)
			}
			_ = socket.CloseNow()
		}
		for _, address := range denied {
			if answer := run.Client(nginx.Reach(address), address).Get(t, "/"); answer.Status != http.StatusForbidden {
				t.Errorf("%s: %d, want 403", address, answer.Status)
			}
		}
	}
	check(where.allowed, where.denied)

	operator := where.allowed[len(where.allowed)-1]
	answer := harness.Send(t, harness.Plain(), http.MethodGet, "http://"+nginx.ReachPlain(operator)+"/x?y=z", "", "Host: "+harness.ServerName)
	if answer.Status != http.StatusMovedPermanently || answer.Header.Get("Location") != harness.Origin+"/x?y=z" {
		t.Errorf("port 80 answers %d to %q", answer.Status, answer.Header.Get("Location"))
	}

	tab := run.StartBrowser(t, "MAP "+harness.ServerName+":443 "+nginx.Reach(operator)).Tab(t)
	if harness.Isolated() {
		openTerminal(t, tab, "shell")
		tab.Type("echo typed-$((20+3))\n")
		tab.Until(10*time.Second, screen+`.includes("typed-23")`)
	}

	// The guide's second block in place of the first one's addresses, applied as the guide says.
	minimal, err := os.ReadFile("../examples/nginx/allowlist.conf")
	if err != nil {
		t.Fatal(err)
	}
	site := filepath.Join(nginx.Dir, "pruvon.conf")
	text, err := os.ReadFile(site)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), "allow ")
	_, after, _ := strings.Cut(rest, "deny all;")
	if err := os.WriteFile(site, []byte(before+where.rename.Replace(string(minimal))+after), 0o644); err != nil {
		t.Fatal(err)
	}
	nginx.Reload(t)
	harness.Eventually(t, 5*time.Second, func() error {
		if answer := run.Client(nginx.Reach(operator), operator).Get(t, "/"); answer.Status != http.StatusForbidden {
			return statusError(answer)
		}
		return nil
	})
	check(where.minimal, append(where.denied, operator))
}
