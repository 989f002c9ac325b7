package proxyhdr_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/proxyhdr"
	"github.com/stretchr/testify/require"
)

// serve runs a real server on ln whose answer is the client's address.
func serve(t *testing.T, cfg proxyhdr.Config, ln net.Listener) net.Addr {
	cfg.Logger = quiet
	srv := httptest.NewUnstartedServer(newResolver(t, cfg).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := proxyhdr.FromContext(r.Context())
		fmt.Fprint(w, c.Addr)
	})))
	srv.Config.ErrorLog = discardLog
	require.NoError(t, srv.Listener.Close())
	srv.Listener = ln
	srv.Start()
	t.Cleanup(srv.Close)
	return ln.Addr()
}

// send writes the header lines as they are and returns the answer.
func send(t *testing.T, addr net.Addr, lines string) (status int, body string) {
	conn, err := net.Dial(addr.Network(), addr.String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	// The server may answer and close before it has read everything.
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n"+lines+"\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

// What arrives over a real connection, with the bytes that net/http lets through.
func TestOnTheWire(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := serve(t, proxyhdr.Nginx(), ln)
	for _, tt := range []struct {
		name, lines string
		status      int
		body        string
	}{
		{"nginx", "X-Forwarded-For: 10.20.30.5, 198.51.100.9\r\nX-Real-IP: 198.51.100.9\r\n", 200, "198.51.100.9"},
		{"nothing", "", 200, "127.0.0.1"},
		{"lower case, two lines", "x-forwarded-for: 10.20.30.5\r\nx-forwarded-for:198.51.100.9\r\n", 200, "198.51.100.9"},
		{"folded line", "X-Forwarded-For: 10.20.30.5,\r\n 198.51.100.9\r\n", 200, "198.51.100.9"},
		{"an alias is not the field", "X_Forwarded_For: 10.20.30.5\r\nX-Forwarded-For: 198.51.100.9\r\n", 200, "198.51.100.9"},
		{"no-break space", "X-Forwarded-For: \u00a0198.51.100.9\r\n", 400, ""},
		{"Latin-1", "X-Forwarded-For: \xff\r\n", 400, ""},
		{"NUL", "X-Forwarded-For: 198.51.100.9\x00\r\n", 400, ""},
		{"bare CR", "X-Forwarded-For: 198.51.100.9\rX: y\r\n", 400, ""},
		{"1 MiB of forged hops", "X-Forwarded-For: " + strings.Repeat("1.1.1.1,", 1<<17-100) + "198.51.100.9\r\n", 200, "198.51.100.9"},
		{"1 MiB of one word", "X-Forwarded-For: " + strings.Repeat("a", 1<<20-100) + "\r\n", 400, ""},
		{"10,000 commas", "X-Forwarded-For: 10.20.30.5" + strings.Repeat(",", 10_000) + "198.51.100.9\r\n", 200, "198.51.100.9"},
		{"10,000 lines", strings.Repeat("X-Forwarded-For: 1.1.1.1\r\n", 10_000) + "X-Forwarded-For: 198.51.100.9\r\n", 200, "198.51.100.9"},
		{"2 MiB", "X-Forwarded-For: " + strings.Repeat("a", 2<<20) + "\r\n", 431, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := send(t, addr, tt.lines)
			require.Equal(t, tt.status, status)
			if tt.status == http.StatusOK {
				require.Equal(t, tt.body, body)
			} else {
				require.NotContains(t, body, "198.51.100.9")
				require.NotContains(t, body, "aaaa")
			}
		})
	}
}

func TestOverAUnixSocket(t *testing.T) {
	for _, trust := range []bool{false, true} {
		ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "app.sock"))
		require.NoError(t, err)
		addr := serve(t, proxyhdr.Config{TrustUnix: trust}, ln)
		status, body := send(t, addr, "X-Forwarded-For: 198.51.100.9\r\n")
		if trust {
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, "198.51.100.9", body)
		} else {
			require.Equal(t, http.StatusBadRequest, status)
		}
		status, _ = send(t, addr, "")
		require.Equal(t, http.StatusBadRequest, status, "a Unix peer has no address of its own")
	}
}
