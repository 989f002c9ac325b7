package ipfilter_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pruvon/pruvon/ipfilter"
	"github.com/stretchr/testify/require"
)

// nginx runs a real one, with a location /N/ for each list, and answers whether it admits an
// address at list N. The address comes in a header that its realip module believes, since the test
// cannot connect from everywhere. The zero Addr stands for a peer on a Unix domain socket.
func nginx(t *testing.T, lists []string) (admits func(n int, addr netip.Addr) bool) {
	dir, err := os.MkdirTemp("", "nginx") // a socket's path must be short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	var locations strings.Builder
	for i, list := range lists {
		fmt.Fprintf(&locations, "location /%d/ { include %s; try_files /ok =404; }\n", i, list)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ok"), nil, 0o600))
	conf := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, `
user root;
daemon off;
worker_processes 1;
pid %[1]s/pid;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	keepalive_requests 1000000;
	server {
		listen unix:%[1]s/sock;
		root %[1]s;
		set_real_ip_from unix:;
		real_ip_header X-Test;
		%[2]s
	}
}
`, dir, locations.String()), 0o600))

	var output safeBuffer
	cmd := exec.Command("nginx", "-c", conf, "-e", filepath.Join(dir, "error.log"))
	cmd.Stdout, cmd.Stderr = &output, &output
	require.NoError(t, cmd.Start(), "this test needs nginx")
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	socket := filepath.Join(dir, "sock")
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-exited; err != nil {
			t.Errorf("nginx: %v\n%s", err, output.String())
		}
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			err = conn.Close()
		}
		return err == nil
	}, 20*time.Second, 5*time.Millisecond, "nginx does not listen: %s", &output)

	return func(n int, addr netip.Addr) bool {
		req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://nginx/%d/", n), nil)
		require.NoError(t, err)
		if addr.IsValid() {
			req.Header.Set("X-Test", addr.String())
		}
		resp, err := transport.RoundTrip(req)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		switch resp.StatusCode {
		case http.StatusOK:
			return true
		case http.StatusForbidden:
			return false
		}
		t.Fatalf("nginx answered %s", resp.Status)
		return false
	}
}

// The same file, included by nginx and loaded here, gives the same verdict. The lists end in a
// rule for all, because what no rule matches is where the two differ on purpose.
func TestAgreesWithNginx(t *testing.T) {
	l := lists{rand.New(rand.NewPCG(7, 8))}
	const lists = 20
	var files []string
	var filters []*ipfilter.Filter
	for i := range lists {
		var text strings.Builder
		text.WriteString("# operators; generated\n")
		for range l.IntN(120) {
			r := l.rule()
			if r.Kind == ipfilter.Net && r.Prefix.Addr().Is4In6() || r.Kind == ipfilter.All && l.IntN(4) > 0 {
				continue // nginx reads a mapped prefix in another way: see TestRulesInMappedForm
			}
			fmt.Fprintf(&text, "%s%s\n", r, []string{"", " # office", "\t# until=2999-01-01", "#x"}[l.IntN(4)])
		}
		fmt.Fprintf(&text, "%s all;\n", []string{"deny", "allow"}[l.IntN(2)])
		files = append(files, filepath.Join(t.TempDir(), fmt.Sprintf("allow%d.conf", i)))
		require.NoError(t, os.WriteFile(files[i], []byte(text.String()), 0o600))
		rules, err := ipfilter.Load(files[i])
		require.NoError(t, err)
		f, err := ipfilter.New(ipfilter.Config{Rules: rules, Logger: quiet})
		require.NoError(t, err)
		filters = append(filters, f)
	}
	admits := nginx(t, files)
	allowed, denied := 0, 0
	for i, f := range filters {
		require.Equal(t, admits(i, netip.Addr{}), f.DecideUnix().Allowed, "a Unix peer, %s", files[i])
		for range count(10_000) / lists {
			addr := l.addr()
			d := f.Decide(addr)
			require.Equal(t, admits(i, addr), d.Allowed, "%v by rule %d (%s) of %s", addr, d.Index, d.Rule, files[i])
			if d.Allowed {
				allowed++
			} else {
				denied++
			}
		}
	}
	require.Greater(t, allowed, count(1000), "both verdicts are common")
	require.Greater(t, denied, count(1000))
}

// The vectors' verdicts of nginx are what this nginx says.
func TestVectorsOnNginx(t *testing.T) {
	var files []string
	vectors := readVectors(t)
	for i, v := range vectors {
		files = append(files, filepath.Join(t.TempDir(), fmt.Sprintf("v%d.conf", i)))
		require.NoError(t, os.WriteFile(files[i], []byte(strings.Join(v.Rules, ";\n")+";\n"), 0o600))
	}
	admits := nginx(t, files)
	for i, v := range vectors {
		addr, _ := netip.ParseAddr(v.IP) // zero for "unix:"
		want := v.Want == "allow"
		if v.ID == "default-07" {
			want = false // without any IPv4 rule nginx tries a mapped address on the IPv6 rules
		}
		require.Equal(t, want, admits(i, addr), "%s: %s", v.ID, v.Why)
	}
}
