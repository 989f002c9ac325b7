package proxyhdr_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/proxyhdr"
	"github.com/stretchr/testify/require"
)

// The grammar of RFC 7239 section 4 and 6, rule by rule.
func TestForwardedGrammar(t *testing.T) {
	rs := newResolver(t, proxyhdr.Config{Trusted: prefixes(t, "127.0.0.1", "::1"), Header: proxyhdr.Forwarded})
	for value, want := range map[string]any{
		`for=192.0.2.43`:                                           "192.0.2.43",
		`For="[2001:db8:cafe::17]:4711"`:                           "2001:db8:cafe::17",
		`for=192.0.2.60;proto=http;by=203.0.11`:                    "192.0.2.60",
		`for="192.0.2.43:47011"`:                                   "192.0.2.43",
		`for="192.0.2.43:0"`:                                       "192.0.2.43",
		`for="192.0.2.43:_p.-"`:                                    "192.0.2.43",
		`for="\1\92.0.2.43"`:                                       "192.0.2.43",
		`;;for=192.0.2.43;`:                                        "192.0.2.43",
		`for=192.0.2.43;ext="a\"b,;c"`:                             "192.0.2.43",
		`for=192.0.2.43;secret="` + strings.Repeat("x", 900) + `"`: "192.0.2.43",
		`for=192.0.2.43;secret="ÿé"`:                               "192.0.2.43",
		"for=192.0.2.43;secret=\"\t \"":                            "192.0.2.43",
		`proto="a, for=1.1.1.1";for=192.0.2.43`:                    "192.0.2.43",
		`for=1.1.1.1 , for=192.0.2.43 `:                            "192.0.2.43",

		`for=unknown`:           proxyhdr.ErrNoAddress,
		`for="unknown:80"`:      proxyhdr.ErrNoAddress,
		`for=_hidden`:           proxyhdr.ErrNoAddress,
		`for="_SEVKISEK:_port"`: proxyhdr.ErrNoAddress,
		`by=192.0.2.43`:         proxyhdr.ErrNoAddress,
		`;`:                     proxyhdr.ErrNoAddress,

		`for=192.0.2.43:80`:                 proxyhdr.ErrMalformed, // ":" is not in a token
		`for=[2001:db8::1]`:                 proxyhdr.ErrMalformed,
		`for="[192.0.2.43]"`:                proxyhdr.ErrMalformed,
		`for="2001:db8::1"`:                 proxyhdr.ErrMalformed,
		`for="[2001:db8::1"`:                proxyhdr.ErrMalformed,
		`for="[2001:db8::1%eth0]"`:          proxyhdr.ErrMalformed,
		`for="[2001:db8::1]80"`:             proxyhdr.ErrMalformed,
		`for="192.0.2.43:"`:                 proxyhdr.ErrMalformed,
		`for="192.0.2.43:123456"`:           proxyhdr.ErrMalformed,
		`for="192.0.2.43:8o"`:               proxyhdr.ErrMalformed,
		`for="192.0.2.43:_"`:                proxyhdr.ErrMalformed,
		`for="_"`:                           proxyhdr.ErrMalformed,
		`for="_a b"`:                        proxyhdr.ErrMalformed,
		`for=""`:                            proxyhdr.ErrMalformed,
		`for=`:                              proxyhdr.ErrMalformed,
		`for`:                               proxyhdr.ErrMalformed,
		`=192.0.2.43`:                       proxyhdr.ErrMalformed,
		`for =192.0.2.43`:                   proxyhdr.ErrMalformed,
		`for= 192.0.2.43`:                   proxyhdr.ErrMalformed,
		`for=192.0.2.43; proto=http`:        proxyhdr.ErrMalformed,
		`for=192.0.2.43;FOR=1.1.1.1`:        proxyhdr.ErrMalformed,
		`for=192.0.2.43;x=1;X=2`:            proxyhdr.ErrMalformed,
		`for="192.0.2.43`:                   proxyhdr.ErrMalformed,
		`for=192.0.2.43"`:                   proxyhdr.ErrMalformed,
		`for="192.0.2.43\"`:                 proxyhdr.ErrMalformed,
		`for="192.0.2.43"x`:                 proxyhdr.ErrMalformed,
		`for=192.0.2.43;x="` + "\x01":       proxyhdr.ErrMalformed,
		`for=192.0.2.43;x="` + "\x7f" + `"`: proxyhdr.ErrMalformed,
		`for=192.0.2.43;x="` + strings.Repeat("x", 2000) + `"`: proxyhdr.ErrMalformed,
		`for=192.0.2.43` + strings.Repeat(";x=1", 2):           proxyhdr.ErrMalformed,
		"for=192.0.2.43;x=\"\\\x01\"":                          proxyhdr.ErrMalformed,
		`for=0.0.0.0`:                                          proxyhdr.ErrMalformed,
		`for="[::]"`:                                           proxyhdr.ErrMalformed,
		`for=192.0.2.43;a=;b=1`:                                proxyhdr.ErrMalformed,
		`for=192.0.2.43;a=1;b=1;c=1;d=1;e=1;f=1;g=1;h=1;i=1;j=1;k=1;l=1;m=1;n=1;o=1;p=1`: proxyhdr.ErrMalformed,
	} {
		c, err := rs.Resolve(&http.Request{RemoteAddr: "127.0.0.1:1", Header: http.Header{"Forwarded": {value}}})
		if wantErr, ok := want.(error); ok {
			require.ErrorIs(t, err, wantErr, "%s", value)
			continue
		}
		require.NoError(t, err, "%s", value)
		require.Equal(t, want, c.Addr.String(), "%s", value)
	}
}
