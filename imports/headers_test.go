package imports

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"0", "17", "-1", "+1", "1.0", " 5 ", "999999999999999", "9999999999999999", "?1", "?0", "?2", "sha-256=:AAAA:", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:", "a=1, sha-256=:x:;p", `"key"`, "k\x00", "attachment; filename=x", "attachment; filename*=UTF-8''%2e%2e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, v string) {
		h := http.Header{}
		for _, name := range []string{hdrLength, hdrComplete, hdrDigest, hdrIdemKey} {
			h.Set(name, v)
		}
		if n, present, err := sfInt(h, hdrLength); err == nil {
			require.True(t, present)
			require.True(t, n >= 0 && n <= maxSFInteger)
			require.Equal(t, strings.TrimLeft(strings.Trim(v, " "), "0"), strings.TrimLeft(itoa(n), "0"))
		}
		if b, _, err := sfBool(h, hdrComplete); err == nil {
			require.Equal(t, sfBoolText(b), strings.Trim(v, " "))
		}
		if sum, err := reprDigest(h); err == nil && sum != "" {
			require.Len(t, sum, 64)
			require.Contains(t, v, "sha-256")
		}
		if k, err := idempotencyKey(h); err == nil {
			require.True(t, len(k) >= 1 && len(k) <= 255)
		}
		if name, err := fileName(v); err == nil && name != "" {
			require.NotContains(t, name, "/")
			require.NotContains(t, name, `\`)
			require.NotContains(t, []string{".", ".."}, name)
			require.Equal(t, name, oneLine(name, 255))
		}
	})
}
