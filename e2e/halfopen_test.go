package e2e_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

// pingPong is how long an idle connection may be dead before the server knows: 25 s to the next ping and
// 15 s for its pong.
const pingPong = 40 * time.Second

// The network swallows a client: no packet passes in either direction, and neither end hears of it. The
// client comes back from another address. It need not wait until the server has noticed; with
// PRUVON_FULL=1 it does, which is measured.
func TestHalfOpenConnection(t *testing.T) {
	if !harness.Isolated() {
		if !harness.Isolate(t) {
			t.Error("this test needs a network namespace")
		}
		return
	}
	remote := harness.NewRemote(t)
	last := 400_000
	rest := fmt.Sprintf(counting, last)
	behind := run.StartService(t, origins, rest)
	nginx := run.StartNginx(t, harness.NginxConfig{
		Upstream: behind.Addr, Listen: harness.RemoteServer + ":443", Allowlist: "allow 10.99.0.0/24;\ndeny all;\n",
	})
	direct := run.StartPlainService(t, run.Sub(t), harness.RemoteServer+":8080",
		"  allow_public_listen: true\n  "+origins+rest)
	run.Watch(t)

	type way struct {
		name    string
		addr    string
		base    string
		service *harness.Service
		*attachment
		open    int
		noticed time.Duration
	}
	ways := []*way{
		{name: "through nginx", addr: nginx.Addr, base: harness.Origin, service: behind},
		{name: "direct", addr: direct.Addr, base: "http://" + harness.ServerName, service: direct},
	}
	want, size := numbers(last)
	for _, w := range ways {
		w.open = len(w.service.Open())
		w.attachment = &attachment{
			t: t, name: "count", out: sha256.New(), client: remote.Client(run, w.addr, harness.RemoteClient), base: w.base,
		}
		w.attach()
		if err := w.pump(true, func() bool { return w.offset < size/3 }); err != nil {
			t.Fatal(err)
		}
	}
	// From here on the server writes until the window is full; nothing of it arrives.
	remote.Drop(harness.RemoteClient)
	lost := time.Now()
	for _, w := range ways {
		w.client = remote.Client(run, w.addr, harness.RemoteOther)
	}
	if harness.Full() {
		for _, w := range ways {
			harness.Eventually(t, pingPong+5*time.Second, func() error {
				if n := sessionsAt(t, w.client, w.base); len(n) != 1 || n[0].Attached != 0 {
					return fmt.Errorf("%s: the sessions are %+v", w.name, n)
				}
				return nil
			})
			w.noticed = time.Since(lost)
			t.Logf("%s: noticed after %v", w.name, w.noticed)
			if w.noticed > pingPong+time.Second {
				t.Errorf("%s: noticed after %v, want %v", w.name, w.noticed, pingPong)
			}
		}
	}
	var slowest time.Duration
	for _, w := range ways {
		began := time.Now()
		w.attach()
		slowest = max(slowest, time.Since(began))
		if w.replay != "exact" {
			t.Errorf("%s: replay %q", w.name, w.replay)
		}
		if err := w.pump(true, func() bool { return true }); err != nil {
			t.Fatal(err)
		}
		checkStream(t, w.attachment, w.out.(interface {
			Sum([]byte) []byte
		}), want, size)
		harness.Eventually(t, 20*time.Second, func() error {
			if open := w.service.Open(); len(open) > w.open {
				return fmt.Errorf("%s: %d descriptors, %d before: %q", w.name, len(open), w.open, open)
			}
			return nil
		})
	}
	keep(t, "The network swallows a client's packets, both ways", "noticed within ping and pong timeout (25 s and 15 s), the session goes on; a client that comes back, from another address, need not wait for that",
		"%sthrough nginx and direct: back within %d ms, the SHA-256 of %d MB is the same, nothing left open", noticed(ways[0].noticed, ways[1].noticed), slowest.Milliseconds(), size>>20)
}

// noticed says how long it took, if that was measured.
func noticed(nginx, direct time.Duration) string {
	if nginx == 0 {
		return ""
	}
	return fmt.Sprintf("noticed after %.1f s through nginx, %.1f s direct; ", nginx.Seconds(), direct.Seconds())
}
