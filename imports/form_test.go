package imports_test

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzForm sends forms to the handler itself. Whatever is in one, the answer is
// an import or a problem document, and a refused form leaves nothing.
func FuzzForm(f *testing.F) {
	good, _ := form("Content-Disposition: form-data; name=\"x\"\r\n\r\ny", filePart("a.sql", sqlText))
	f.Add([]byte(good), "b")
	f.Add([]byte(good[:len(good)-5]), "b")
	f.Add([]byte(good), "other")
	two, _ := form(filePart("a", "1"), filePart("b", "2"))
	f.Add([]byte(two), "b")
	f.Add([]byte("--b\r\nContent-Disposition: form-data; filename=\"../x\"\r\n\r\n\r\n--b--"), "b")
	f.Add([]byte("--b\r\nContent-Disposition: form-data; filename*=UTF-8''%2e\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--"), "b")
	s := start(f, target(hostileTarget()))
	f.Fuzz(func(t *testing.T, body []byte, boundary string) {
		before := dirs(s.dir)
		r := httptest.NewRequest("POST", "/db", bytes.NewReader(body))
		r.Host, r.RemoteAddr = "127.0.0.1", "127.0.0.1:1"
		r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
		w := httptest.NewRecorder()
		s.h.ServeHTTP(w, r)
		switch w.Code {
		case 202:
			id := parseSnapshot(t, w.Body.Bytes()).ID
			eventually(t, func() bool {
				w := httptest.NewRecorder()
				r := httptest.NewRequest("DELETE", "/db/"+id, nil)
				r.Host, r.RemoteAddr = "127.0.0.1", "127.0.0.1:1"
				s.h.ServeHTTP(w, r)
				return w.Code == 204
			})
		case 400, 413, 422:
			require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
		default:
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		require.Equal(t, before, dirs(s.dir))
	})
}

func dirs(dir string) int {
	entries, _ := os.ReadDir(filepath.Join(dir, "jobs"))
	return len(entries)
}
