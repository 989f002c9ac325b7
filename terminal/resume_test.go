package terminal_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// full reports whether counts in the thousands run whole; see make test-full.
func full() bool { return os.Getenv("PRUVON_FULL") != "" }

// helper is a terminal in raw mode that runs this test binary's helper.
func helper(args string) terminal.Terminal {
	return terminal.Terminal{Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
		cmd := exec.Command("/bin/sh", "-c", `stty raw -echo; exec "$0"`, os.Args[0])
		cmd.Env = append(os.Environ(), "PRUVON_TEST_HELPER="+args)
		return cmd, nil
	}}
}

// cutter is a TCP proxy that drops each connection after a random number of
// bytes in either direction.
type cutter struct {
	net.Listener
	target string
	least  int
	spread int
	rnd    *rand.Rand
}

func newCutter(t testing.TB, s *server, least, spread int) *cutter {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &cutter{l, strings.TrimPrefix(s.http.URL, "http://"), least, spread, rand.New(rand.NewPCG(5, 6))}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			c.pass(in, c.least+c.rnd.IntN(c.spread))
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return c
}

// pass serves one connection; the next one waits.
func (c *cutter) pass(in net.Conn, budget int) {
	out, err := net.Dial("tcp", c.target)
	if err != nil {
		_ = in.Close()
		return
	}
	left := make(chan int, 1)
	left <- budget
	pipe := func(dst, src net.Conn, done chan<- struct{}) {
		defer func() { _ = in.Close(); _ = out.Close(); done <- struct{}{} }()
		buf := make([]byte, 32<<10)
		for {
			n, err := src.Read(buf)
			b := <-left
			n = min(n, b)
			left <- b - n
			if _, werr := dst.Write(buf[:n]); err != nil || werr != nil || n == b {
				return
			}
		}
	}
	done := make(chan struct{}, 2)
	go pipe(out, in, done)
	go pipe(in, out, done)
	<-done
	<-done
}

// traveller is a client that comes back whenever it is cut off.
type traveller struct {
	t       testing.TB
	url     string
	session string
	got     int64
	sink    func([]byte)

	input    io.ReaderAt // what it types
	inputLen int64
	accepted int64
	sent     int64

	trips int
	exit  *message
}

// travel goes on until the session has ended.
func (v *traveller) travel() {
	deadline := time.Now().Add(10 * patience)
	for v.exit == nil {
		require.True(v.t, time.Now().Before(deadline), "not arrived after %d trips, at %d of output and %d of input", v.trips, v.got, v.accepted)
		v.trip()
	}
}

func (v *traveller) trip() {
	v.trips++
	hello := fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"client":"traveller","session":%q,"offset":%d}`, v.session, v.got)
	if v.session == "" {
		hello = `{"type":"hello","cols":80,"rows":24,"client":"traveller"}`
	}
	p := dialPage(v.t, v.url, hello)
	if p == nil {
		return
	}
	defer p.Close()
	p.offset, p.told = v.got, v.got
	for v.exit == nil {
		op, text, err := p.next(func(b []byte) { v.sink(b); v.got += int64(len(b)) })
		if err != nil || op == 8 {
			return
		}
		if op != 1 {
			continue
		}
		var m message
		require.NoError(v.t, json.Unmarshal(text, &m))
		switch m.Type {
		case "ready":
			if v.session != "" {
				require.Equal(v.t, "exact", m.Replay)
			}
			require.Equal(v.t, v.got, m.Offset)
			require.GreaterOrEqual(v.t, m.Input, v.accepted)
			v.session, v.accepted, v.sent = m.Session, m.Input, m.Input
		case "input":
			v.accepted = m.Offset
		case "exit":
			v.exit = &m
		}
		v.typeAhead(p)
	}
}

// typeAhead sends what the credit allows.
func (v *traveller) typeAhead(p *pageConn) {
	buf := make([]byte, 16<<10)
	for v.sent < v.inputLen && v.sent-v.accepted+int64(len(buf)) <= 256<<10 {
		n, _ := v.input.ReadAt(buf, v.sent)
		p.frame(2, buf[:n])
		v.sent += int64(n)
	}
}

// A stream and an input that are cut at random points arrive whole, each byte
// once.
func TestResumeAfterCutsLosesAndRepeatsNothing(t *testing.T) {
	out, in, cuts := int64(16<<20), int64(1<<20), 20
	if full() {
		out, in, cuts = 256<<20, 8<<20, 200
	}
	s := serve(t, helper(fmt.Sprintf("stream %d %d", out, in)))
	typed := make([]byte, in)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(typed)

	each := int(out+in) / cuts
	c := newCutter(t, s, each/8, each*3/2)
	got, want := sha256.New(), sha256.New()
	var end []byte
	v := &traveller{
		t: t, url: "ws://" + c.Addr().String() + "/terminals/t",
		input: strings.NewReader(string(typed)), inputLen: in,
	}
	v.sink = func(b []byte) {
		if rest := out - v.got; int64(len(b)) > rest {
			end = append(end, b[max(rest, 0):]...)
			b = b[:max(rest, 0)]
		}
		got.Write(b)
	}
	v.travel()
	_, _ = io.CopyN(want, rand.NewChaCha8([32]byte{1}), out)
	require.Equal(t, want.Sum(nil), got.Sum(nil), "output differs")
	require.Equal(t, fmt.Sprintf("IN %x\r\n", sha256.Sum256(typed)), string(end), "input differs")
	require.Equal(t, "exited", v.exit.Reason)
	require.Greater(t, v.trips, cuts/2)
	t.Logf("%d trips", v.trips)
}
