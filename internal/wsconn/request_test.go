package wsconn_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/wsconn"
)

func TestRefusalsBeforeTheUpgrade(t *testing.T) {
	good := map[string]string{
		"Upgrade": "websocket", "Connection": "keep-alive, Upgrade",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key,
	}
	tests := []struct {
		name   string
		method string
		change map[string]string // "" removes the header
		want   int
		text   string
	}{
		{"good, no subprotocol", "GET", nil, 101, ""},
		{"good, subprotocol", "GET", map[string]string{"Sec-WebSocket-Protocol": "zzz, a.v1"}, 101, ""},
		{"nginx without the upgrade lines", "GET", map[string]string{"Upgrade": "", "Connection": "close"}, 426, "proxy_set_header Upgrade $http_upgrade"},
		{"plain GET with nginx's constant Connection", "GET", map[string]string{"Upgrade": "", "Sec-WebSocket-Key": ""}, 426, "WebSocket client"},
		{"Connection without Upgrade", "GET", map[string]string{"Connection": "close"}, 426, "Connection"},
		{"wrong version", "GET", map[string]string{"Sec-WebSocket-Version": "8"}, 426, "13"},
		{"short key", "GET", map[string]string{"Sec-WebSocket-Key": "YQ=="}, 400, "Sec-WebSocket-Key"},
		{"unknown subprotocol", "GET", map[string]string{"Sec-WebSocket-Protocol": "b.v1"}, 400, "a.v1"},
		{"POST", "POST", nil, 405, "GET"},
	}
	url, _ := serve(t, opts, echo)
	addr := strings.TrimPrefix(url, "http://")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nc, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			defer nc.Close()
			fmt.Fprintf(nc, "%s / HTTP/1.1\r\nHost: %s\r\n", tt.method, addr)
			for k, v := range good {
				if c, ok := tt.change[k]; ok {
					v = c
				}
				if v != "" {
					fmt.Fprintf(nc, "%s: %s\r\n", k, v)
				}
			}
			if v := tt.change["Sec-WebSocket-Protocol"]; v != "" {
				fmt.Fprintf(nc, "Sec-WebSocket-Protocol: %s\r\n", v)
			}
			fmt.Fprint(nc, "Content-Length: 0\r\n\r\n")
			res, err := http.ReadResponse(bufio.NewReader(nc), nil)
			require.NoError(t, err)
			assert.Equal(t, tt.want, res.StatusCode)
			if tt.want == 101 {
				return
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			assert.Contains(t, string(body), tt.text)
			assert.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
			if tt.want == 426 {
				assert.Equal(t, "websocket", res.Header.Get("Upgrade"))
			}
		})
	}
}

// A wrapper that hides the connection gets a clear answer, not a bare 501.
func TestMiddlewareThatHidesTheConnection(t *testing.T) {
	h := http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := wsconn.CheckRequest(w, r, opts); p != nil {
			p.Write(w, r)
		}
	}), time.Minute, "")
	r := httptest.NewRequest("GET", "/", nil)
	for k, v := range map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key} {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	assert.Equal(t, 500, w.Code)
	assert.Contains(t, w.Body.String(), "TimeoutHandler")
}

// What HTTP/2 and HTTP/1.0 cannot carry, and what a part speaks to nobody
// without a subprotocol.
func TestHandshakesThatNoPartCanServe(t *testing.T) {
	handshake := func(major, minor int, protocol string, o wsconn.Options) int {
		r := httptest.NewRequest("GET", "/", nil)
		r.ProtoMajor, r.ProtoMinor = major, minor
		for k, v := range map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key} {
			r.Header.Set(k, v)
		}
		if protocol != "" {
			r.Header.Set("Sec-WebSocket-Protocol", protocol)
		}
		return wsconn.CheckRequest(httptest.NewRecorder(), r, o).Status
	}
	const reached = 500 // the recorder has no connection to take over
	strict := opts
	strict.AllowNone = false
	assert.Equal(t, reached, handshake(1, 1, "", opts))
	assert.Equal(t, 426, handshake(1, 0, "", opts))
	assert.Equal(t, 426, handshake(2, 0, "", opts))
	assert.Equal(t, reached, handshake(1, 1, "a.v1", strict))
	assert.Equal(t, 400, handshake(1, 1, "", strict))
	assert.Equal(t, 400, handshake(1, 1, ",", strict))
}

// lazyWriter notes a status and writes it late, as gin's writer does.
type lazyWriter struct {
	http.ResponseWriter
	status int
}

func (l *lazyWriter) WriteHeader(status int)      { l.status = status }
func (l *lazyWriter) WriteHeaderNow()             { l.ResponseWriter.WriteHeader(l.status) }
func (l *lazyWriter) Unwrap() http.ResponseWriter { return l.ResponseWriter }

func TestWriterThatSendsItsHeaderLate(t *testing.T) {
	done := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		c, err := wsconn.Accept(&lazyWriter{ResponseWriter: w}, r, opts)
		if err != nil {
			t.Error(err)
			return
		}
		echo(c)
		c.Wait()
	}))
	defer srv.Close()
	c := dial(t, srv.URL)
	_ = c.CloseNow()
	wait(t, done)
}
