package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

// counting is a terminal that prints the numbers up to %d and ends.
const counting = `
terminals:
  count: {command: [/bin/sh, -c, "stty -opost; exec seq 1 %d"]}
`

// numbers returns the hash and the length of what the counting terminal prints.
func numbers(last int) (sum string, size int64) {
	h := sha256.New()
	var line []byte
	for i := 1; i <= last; i++ {
		line = append(strconv.AppendInt(line[:0], int64(i), 10), '\n')
		n, _ := h.Write(line)
		size += int64(n)
	}
	return hex.EncodeToString(h.Sum(nil)), size
}

// nginx -s reload ends the old workers' connections after worker_shutdown_timeout without a close
// frame. The session goes on, and the client reads the same bytes as if nothing had happened.
func TestTerminalResumesThroughNginxReloads(t *testing.T) {
	last, cuts := 4_000_000, 3
	if harness.Full() {
		last, cuts = 32_000_000, 20
	}
	s := start(t, origins, fmt.Sprintf(counting, last), harness.NginxConfig{Main: "worker_shutdown_timeout 1s;\n"})
	want, size := numbers(last)
	sum := sha256.New()
	a := &attachment{t: t, client: s.client(), name: "count", out: sum}
	a.attach()
	for cut := 1; cut <= cuts; cut++ {
		until := size * int64(cut) / int64(cuts+1)
		if err := a.pump(true, func() bool { return a.offset < until }); err != nil {
			t.Fatal(err)
		}
		s.nginx.Reload(t)
		// Unacknowledged, the stream stops at the window: the cut comes while bytes are under way.
		lost := time.Now()
		if err := a.pump(false, func() bool { return true }); err == nil {
			t.Fatalf("cut %d: the connection outlived nginx's worker, or the program ended: %+v", cut, a.exit)
		}
		t.Logf("cut %d at byte %d, %v after the reload", cut, a.offset, time.Since(lost).Round(time.Millisecond))
		again := time.Now()
		a.attach()
		if took := time.Since(again); took > time.Second {
			t.Errorf("attaching again took %v", took)
		}
		if a.replay != "exact" {
			t.Fatalf("cut %d: replay %q", cut, a.replay)
		}
	}
	if err := a.pump(true, func() bool { return true }); err != nil {
		t.Fatal(err)
	}
	checkStream(t, a, sum, want, size)
	keep(t, "nginx is reloaded while output flows, and cuts its old connections", "the stream goes on at the same byte, its SHA-256 is the same",
		"%d cuts in %d MB", cuts, size>>20)
}

func checkStream(t *testing.T, a *attachment, sum interface{ Sum([]byte) []byte }, want string, size int64) {
	t.Helper()
	if a.exit.Code == nil || *a.exit.Code != 0 || a.exit.Reason != "exited" {
		t.Errorf("the session ended with %+v", a.exit)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); a.offset != size || got != want {
		t.Errorf("%d bytes with SHA-256 %s, want %d and %s", a.offset, got, size, want)
	}
}
