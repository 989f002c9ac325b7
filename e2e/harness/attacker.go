package harness

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

// Attacker serves one page, by HTTP and by HTTPS, under whatever name the browser was told to find
// here.
type Attacker struct {
	Plain, TLS string // address:port
}

// StartAttacker starts the servers; they end with the test.
func (r *Run) StartAttacker(tb testing.TB, page []byte) *Attacker {
	tb.Helper()
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Connection", "close") // so that a rebound name is looked up again
		_, _ = w.Write(page)
	})
	cert, err := tls.LoadX509KeyPair(r.Cert.CertFile, r.Cert.KeyFile)
	if err != nil {
		tb.Fatal(err)
	}
	quiet := log.New(io.Discard, "", 0)
	plain := httptest.NewUnstartedServer(handler)
	plain.Config.ErrorLog = quiet
	plain.Start()
	secure := httptest.NewUnstartedServer(handler)
	secure.Config.ErrorLog = quiet
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	secure.StartTLS()
	tb.Cleanup(func() {
		plain.CloseClientConnections()
		plain.Close()
		secure.CloseClientConnections()
		secure.Close()
	})
	return &Attacker{Plain: plain.Listener.Addr().String(), TLS: secure.Listener.Addr().String()}
}

// Rebinder is a name whose address changes: each new connection goes to the current target. It is what
// DNS rebinding does to a browser, without its cache in the way.
type Rebinder struct {
	Addr string

	target   atomic.Pointer[string]
	listener net.Listener
	wg       sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]bool
}

// StartRebinder starts it with a first target; it ends with the test.
func StartRebinder(tb testing.TB, target string) *Rebinder {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	r := &Rebinder{Addr: l.Addr().String(), listener: l, open: map[net.Conn]bool{}}
	r.Rebind(target)
	r.wg.Go(r.accept)
	tb.Cleanup(r.close)
	return r
}

// Rebind sends new connections to another address and cuts those to the old one.
func (r *Rebinder) Rebind(target string) {
	r.target.Store(&target)
	r.cut()
}

func (r *Rebinder) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.open {
		_ = c.Close()
	}
	clear(r.open)
}

func (r *Rebinder) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", *r.target.Load())
		if err != nil {
			_ = client.Close()
			continue
		}
		r.mu.Lock()
		r.open[client], r.open[server] = true, true
		r.mu.Unlock()
		for from, to := range map[net.Conn]net.Conn{client: server, server: client} {
			r.wg.Go(func() {
				_, _ = io.Copy(to, from)
				_, _ = to.Close(), from.Close()
			})
		}
	}
}

func (r *Rebinder) close() {
	_ = r.listener.Close()
	r.cut()
	r.wg.Wait()
}
