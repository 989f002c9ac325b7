package proxyhdr_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/proxyhdr"
	"github.com/stretchr/testify/require"
)

// vector is one line of testdata/clientip.jsonl.
type vector struct {
	ID          string      `json:"id"`
	RemoteAddr  string      `json:"remote_addr"`
	Trusted     []string    `json:"trusted"`
	Headers     [][2]string `json:"headers"`
	Host        string      `json:"host"`
	Strategy    string      `json:"strategy"`
	WantIP      string      `json:"want_ip"`
	WantTrusted bool        `json:"want_trusted"`
	Alt         []string    `json:"alt"`
	WantProto   string      `json:"want_proto"`
	WantHost    string      `json:"want_host"`
	Why         string      `json:"why"`
	Gen         *struct {
		Prefix, Repeat, Suffix string
		Count                  int
	} `json:"gen"`
}

func readVectors(t testing.TB) []vector {
	f, err := os.Open("testdata/clientip.jsonl")
	require.NoError(t, err)
	defer f.Close()
	var vectors []vector
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var v vector
		require.NoError(t, json.Unmarshal(lines.Bytes(), &v))
		vectors = append(vectors, v)
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, vectors)
	return vectors
}

func (v *vector) config(t testing.TB) proxyhdr.Config {
	cfg := proxyhdr.Config{Logger: quiet}
	addrs := slices.DeleteFunc(slices.Clone(v.Trusted), func(s string) bool { return s == "unix:" })
	cfg.TrustUnix = len(addrs) < len(v.Trusted)
	var err error
	cfg.Trusted, err = proxyhdr.ParsePrefixes(addrs...)
	require.NoError(t, err)
	switch v.Strategy {
	case "xff":
	case "forwarded":
		cfg.Header = proxyhdr.Forwarded
	case "x-real-ip":
		cfg.Header = proxyhdr.XRealIP
	default:
		t.Fatalf("unknown strategy %q", v.Strategy)
	}
	return cfg
}

func (v *vector) request() *http.Request {
	r := &http.Request{Method: http.MethodGet, RemoteAddr: v.RemoteAddr, Host: v.Host, Header: http.Header{}}
	for _, h := range v.Headers {
		value := h[1]
		if value == "@gen" {
			value = v.Gen.Prefix + strings.Repeat(v.Gen.Repeat, v.Gen.Count) + v.Gen.Suffix
		}
		r.Header.Add(h[0], value)
	}
	return r
}

// Each vector has one answer that this package gives. The alternatives of the list are answers
// that other designs may give for good reasons; they are not accepted here.
func TestVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			rs, err := proxyhdr.New(v.config(t))
			require.NoError(t, err)
			c, err := rs.Resolve(v.request())
			got := ""
			if err == nil {
				got = c.Addr.String()
			} else {
				require.False(t, c.Addr.IsValid())
			}
			want := v.WantIP
			if alt, ok := chosenAlternative[v.ID]; ok {
				require.Contains(t, v.Alt, alt)
				want = alt
			}
			require.Equal(t, want, got, "%s (%v)", v.Why, err)
			require.Equal(t, v.WantTrusted, c.PeerTrusted, v.Why)
			if v.WantProto != "" && err == nil {
				require.Equal(t, v.WantProto, c.Scheme, v.Why)
			}
			if v.WantHost != "" && err == nil {
				require.Equal(t, v.WantHost, c.Host, v.Why)
			}
			if want != "" {
				require.Equal(t, netip.MustParseAddr(want), c.Addr, "canonical form")
			}
		})
	}
}

// chosenAlternative lists where an alternative answer is ours, and why.
var chosenAlternative = map[string]string{
	"hostile-02-10k-commas-right": "",             // more padding than any proxy writes
	"hostile-07-10k-trusted-hops": "",             // more than MaxHops
	"fwd-24-quote-swallow":        "198.51.100.9", // read from the right, the proxy's element is whole
	"fwd-58-quote-in-token":       "198.51.100.9", // likewise
}
