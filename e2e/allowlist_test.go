package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
	"github.com/pruvon/pruvon/ipfilter"
)

// One allowlist serves nginx, which includes it, and Pruvon, which reads it: for any address the two
// must agree. nginx is told the address in a header that it believes from loopback.
func TestNginxAndPruvonAgreeOnOneAllowlist(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	rules, bases := randomRules(random, 400)
	file := filepath.Join(run.Sub(t), "allowlist.conf")
	if err := os.WriteFile(file, []byte(rules), 0o644); err != nil {
		t.Fatal(err)
	}
	filter, err := ipfilter.New(ipfilter.Config{File: file})
	if err != nil {
		t.Fatal(err)
	}
	port := harness.FreePort(t)
	run.StartNginx(t, harness.NginxConfig{Upstream: "127.0.0.1:1", HTTP: fmt.Sprintf(`
    server {
        listen 127.0.0.1:%d;
        set_real_ip_from 127.0.0.0/8;
        real_ip_header X-Test-Address;
        keepalive_requests 1000000;
        location / { include %s; empty_gif; }
    }`, port, file)})
	run.Watch(t)
	harness.WaitForPort(t, fmt.Sprintf("127.0.0.1:%d", port))

	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	allowed := 0
	for range 10_000 {
		address := randomAddress(random, bases)
		req, err := http.NewRequest(http.MethodHead, fmt.Sprintf("http://127.0.0.1:%d/", port), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Test-Address", address.String())
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		nginx, pruvon := resp.StatusCode == http.StatusOK, filter.Decide(address)
		if nginx != pruvon.Allowed {
			t.Fatalf("%s: nginx says %d, Pruvon %+v", address, resp.StatusCode, pruvon)
		}
		if nginx {
			allowed++
		}
	}
	if allowed < 1000 || allowed > 9000 {
		t.Errorf("%d of 10,000 addresses were allowed: the rules test nothing", allowed)
	}
}

// randomRules writes overlapping rules of both families in nginx's syntax, and returns the prefixes in
// them.
func randomRules(random *rand.Rand, n int) (string, []netip.Prefix) {
	var text strings.Builder
	var bases []netip.Prefix
	for i := range n {
		var prefix netip.Prefix
		if i > 0 && random.IntN(2) == 0 {
			// Inside another rule: the order of the two matters then.
			outer := bases[random.IntN(len(bases))]
			longer := outer.Bits() + random.IntN(outer.Addr().BitLen()-outer.Bits()+1)
			prefix = netip.PrefixFrom(within(random, outer), longer).Masked()
		} else if random.IntN(3) == 0 {
			prefix = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(random.IntN(4)), byte(random.IntN(256))}), 32+random.IntN(17)).Masked()
		} else {
			prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(1 + random.IntN(20)), byte(random.IntN(256)), 0, 0}), 6+random.IntN(15)).Masked()
		}
		bases = append(bases, prefix)
		verb := []string{"allow", "deny"}[random.IntN(2)]
		if prefix.IsSingleIP() && random.IntN(2) == 0 {
			fmt.Fprintf(&text, "%s %s;\n", verb, prefix.Addr())
		} else {
			fmt.Fprintf(&text, "%s %s; # rule %d\n", verb, prefix, i)
		}
	}
	return text.String() + "deny all;\n", bases
}

// randomAddress is mostly an address that some rule is about, or its neighbour.
func randomAddress(random *rand.Rand, bases []netip.Prefix) netip.Addr {
	if random.IntN(10) == 0 {
		return netip.AddrFrom4([4]byte{byte(1 + random.IntN(222)), byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(256))})
	}
	base := bases[random.IntN(len(bases))]
	switch address := within(random, base); random.IntN(4) {
	case 0:
		return base.Addr()
	case 1:
		if next := address.Next(); next.IsValid() {
			return next
		}
		return address
	default:
		return address
	}
}

// within returns a random address of a prefix.
func within(random *rand.Rand, prefix netip.Prefix) netip.Addr {
	bytes := prefix.Addr().AsSlice()
	for bit := prefix.Bits(); bit < len(bytes)*8; bit++ {
		if random.IntN(2) == 0 {
			bytes[bit/8] |= 0x80 >> (bit % 8)
		}
	}
	address, _ := netip.AddrFromSlice(bytes)
	return address
}
