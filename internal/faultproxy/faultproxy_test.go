package faultproxy_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pruvon/pruvon/internal/faultproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo starts a server that sends back what it gets and returns a connection
// to it through a proxy with a fault.
func echo(t *testing.T, f faultproxy.Fault) (*faultproxy.Proxy, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}
	}()
	p, err := faultproxy.New(l.Addr().String())
	require.NoError(t, err)
	p.Set(f)
	c, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	t.Cleanup(func() {
		_ = c.Close()
		require.NoError(t, p.Close())
		require.NoError(t, p.Close(), "a second Close does nothing")
		_ = l.Close()
		<-done
	})
	return p, c.(*net.TCPConn)
}

func TestWithoutFaultEverythingPasses(t *testing.T) {
	_, c := echo(t, faultproxy.Fault{})
	want := bytes.Repeat([]byte("0123456789"), 100_000)
	go func() {
		_, _ = c.Write(want)
		_ = c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
}

func TestCutsAtTheByte(t *testing.T) {
	for name, do := range map[string]faultproxy.Action{"reset": faultproxy.Reset, "close": faultproxy.Close, "half": faultproxy.HalfClose} {
		t.Run(name, func(t *testing.T) {
			_, c := echo(t, faultproxy.Fault{Down: faultproxy.Direction{After: 1234, Do: do}})
			go func() { _, _ = c.Write(make([]byte, 5000)) }()
			got, err := io.ReadAll(c)
			require.LessOrEqual(t, len(got), 1234)
			if do == faultproxy.Reset {
				require.ErrorIs(t, err, syscall.ECONNRESET)
			} else {
				require.Len(t, got, 1234)
			}
		})
	}
}

func TestStall(t *testing.T) {
	_, c := echo(t, faultproxy.Fault{Up: faultproxy.Direction{After: 10, Do: faultproxy.Stall}})
	_, err := c.Write(make([]byte, 100))
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 10))
	require.NoError(t, err)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestRate(t *testing.T) {
	_, c := echo(t, faultproxy.Fault{Down: faultproxy.Direction{Rate: 100_000}})
	began := time.Now()
	_, err := c.Write(make([]byte, 20_000))
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 20_000))
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), 150*time.Millisecond)
}

func TestCutAll(t *testing.T) {
	p, c := echo(t, faultproxy.Fault{})
	_, err := c.Write([]byte("x"))
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 1))
	require.NoError(t, err)
	require.Equal(t, 1, p.Cut())
	_, err = c.Read(make([]byte, 1))
	require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF), "%v", err)
}
