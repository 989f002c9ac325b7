package proxyhdr_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/pruvon/pruvon/proxyhdr"
)

// A service behind an nginx on the same host.
func Example() {
	rs, err := proxyhdr.New(proxyhdr.Nginx())
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := rs.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _ := proxyhdr.FromContext(r.Context())
		fmt.Println(client.Addr, client.Scheme)
	}))

	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "127.0.0.1:40000"                            // nginx
	r.Header.Set("X-Forwarded-For", "10.20.30.5, 198.51.100.9") // the client wrote 10.20.30.5
	r.Header.Set("X-Real-IP", "198.51.100.9")
	r.Header.Set("X-Forwarded-Proto", "https")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	// Output: 198.51.100.9 https
}

// The wrong way: the first element of the first line. It is the client's own text, so that anybody
// on the internet is let in by an allowlist that holds 10.20.30.0/24. The last element would be
// right behind one proxy, but a request that does not come through the proxy at all can say what
// it likes there too; only the TCP peer tells them apart.
func Example_wrongWay() {
	leftmost := func(r *http.Request) string {
		first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), ",")
		return first
	}

	throughNginx := httptest.NewRequest("GET", "/", nil)
	throughNginx.RemoteAddr = "127.0.0.1:40000"
	throughNginx.Header.Set("X-Forwarded-For", "10.20.30.5, 198.51.100.9")

	direct := httptest.NewRequest("GET", "/", nil)
	direct.RemoteAddr = "203.0.113.50:4711"
	direct.Header.Set("X-Forwarded-For", "10.20.30.5")

	rs, err := proxyhdr.New(proxyhdr.Nginx())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range []*http.Request{throughNginx, direct} {
		addr, err := rs.ClientIP(r)
		fmt.Println("wrong:", leftmost(r), "right:", addr, err)
	}
	// Output:
	// wrong: 10.20.30.5 right: 198.51.100.9 <nil>
	// wrong: 10.20.30.5 right: 203.0.113.50 <nil>
}

// An address that must be read and cannot be is an error. The proxy's address is no substitute.
func ExampleResolver_Resolve() {
	rs, _ := proxyhdr.New(proxyhdr.Nginx())
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "127.0.0.1:40000"
	r.Header.Set("X-Forwarded-For", "198.51.100.9, unknown")
	client, err := rs.Resolve(r)
	fmt.Println(client.Addr.IsValid(), err)
	// Output: false proxyhdr: no address in X-Forwarded-For, element 1 from the right
}

func ExampleResolver_Explain() {
	rs, _ := proxyhdr.New(proxyhdr.Nginx())
	r := httptest.NewRequest("GET", "http://app.example/whoami", nil)
	r.RemoteAddr = "127.0.0.1:40000"
	r.Header.Set("X-Forwarded-For", "10.20.30.5, 198.51.100.9")
	r.Header.Set("X-Forwarded-Host", "evil.example")
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	_ = enc.Encode(rs.Explain(r))
	// Output:
	// {
	//   "addr": "198.51.100.9",
	//   "peer": "127.0.0.1",
	//   "peer_trusted": true,
	//   "from_header": true,
	//   "forwarded": true,
	//   "scheme": "http",
	//   "host": "app.example",
	//   "header": "X-Forwarded-For",
	//   "hops": [
	//     {
	//       "text": "198.51.100.9",
	//       "addr": "198.51.100.9",
	//       "trusted": false,
	//       "decision": "client"
	//     }
	//   ],
	//   "ignored": [
	//     "X-Forwarded-Host"
	//   ],
	//   "reason": "walked"
	// }
}

// A trusted range that clients are in as well lets each of them choose an address.
func ExampleConfig_Warnings() {
	trusted, _ := proxyhdr.ParsePrefixes("127.0.0.1", "10.0.0.0/8")
	offices, _ := proxyhdr.ParsePrefixes("10.20.30.0/24")
	for _, w := range (proxyhdr.Config{Trusted: trusted}).Warnings(offices...) {
		fmt.Println(w)
	}
	// Output:
	// Trusted: 10.0.0.0/8 takes in all of 10.0.0.0/8, where clients are as likely as proxies; list the proxies' own addresses
	// Trusted: 10.0.0.0/8 overlaps with 10.20.30.0/24, where clients come from: such a client chooses its own address
}
