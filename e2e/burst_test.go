package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pruvon/pruvon/e2e/harness"
)

// burst is what the connections of a burst came to.
type burst struct {
	open                        []net.Conn // terminals
	refused, reset, unexplained int
	first                       error // of the resets
}

// storm opens count connections to the service, then asks for a raw terminal on all of them at once.
func storm(t *testing.T, addr string, count int) *burst {
	t.Helper()
	b := &burst{}
	var mu sync.Mutex
	var connected, asked sync.WaitGroup
	connected.Add(count)
	for i := range count {
		asked.Go(func() {
			c, err := net.DialTimeout("tcp", addr, time.Minute)
			connected.Done()
			if err == nil {
				connected.Wait()
				err = b.ask(c, i, &mu)
			}
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				b.reset++
				b.first = err
			}
		})
	}
	asked.Wait()
	return b
}

func (b *burst) ask(c net.Conn, i int, mu *sync.Mutex) error {
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	_, err := fmt.Fprintf(c, "GET /terminals/shell HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nX-Forwarded-For: 198.51.%d.%d\r\nX-Forwarded-Proto: https\r\n"+
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
		harness.ServerName, harness.Origin, i>>8&0xff, i&0xff)
	if err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		mu.Lock()
		defer mu.Unlock()
		b.open = append(b.open, c)
		return nil
	}
	defer c.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	b.refused++
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || len(body) == 0 {
		b.unexplained++
	}
	return nil
}

// Everybody at once, far above the cap: who is refused is told so, and nobody's connection is reset.
func TestBurstAboveTheCap(t *testing.T) {
	count := 1000
	if harness.Full() {
		count = 10_000
	}
	// Go's runtime has raised the soft limit to the hard one, here and in the service.
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	if files.Max < uint64(count)+500 {
		t.Fatalf("%d connections need a hard limit of %d descriptors (ulimit -Hn); it is %d", count, count+500, files.Max)
	}
	const room = 50
	s := start(t, origins, targets+"limits: {max_sessions: 50, max_sessions_per_user: -1, max_sessions_per_address: -1}\n", harness.NginxConfig{})
	before := spawned(t, s)
	began := time.Now()
	b := storm(t, s.service.Addr, count)
	took := time.Since(began)
	if b.reset > 0 || b.unexplained > 0 {
		t.Errorf("%d connections without an answer (%v), %d refusals without a reason", b.reset, b.first, b.unexplained)
	}
	if len(b.open) > room || len(b.open)+b.refused != count {
		t.Errorf("%d terminals, %d refusals of %d connections with room for %d", len(b.open), b.refused, count, room)
	}
	harness.Eventually(t, 20*time.Second, func() error { // a raw terminal starts after its upgrade
		if started := spawned(t, s) - before; started != float64(len(b.open)) {
			return fmt.Errorf("%v processes for %d terminals", started, len(b.open))
		}
		return nil
	})
	if answer := s.client().Get(t, "/healthz"); answer.Status != http.StatusOK {
		t.Errorf("/healthz says %d", answer.Status)
	}
	for _, c := range b.open {
		_ = c.Close()
	}
	harness.Eventually(t, 20*time.Second, func() error {
		if list := sessions(t, s.client()); len(list) != 0 {
			return fmt.Errorf("%d sessions are left", len(list))
		}
		return nil
	})
	if openOrRefused(t, s) == nil {
		t.Error("a session is refused although there is room again")
	}
	keep(t, "Many connections at once, above the cap", "every refusal is an answer, no connection is reset, nothing is started for it",
		"%d connections in %.1f s: %d terminals, %d refusals with Retry-After, 0 resets", count, took.Seconds(), len(b.open), b.refused)
}
