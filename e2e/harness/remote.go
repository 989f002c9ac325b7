package harness

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The addresses on the two ends of a Remote's wire.
const (
	RemoteServer = "10.99.0.1"
	RemoteClient = "10.99.0.2"
	RemoteOther  = "10.99.0.3" // the client's other address, to come back from
)

// Remote is another machine: a network namespace at the far end of a wire (veth) to that of an isolated
// process. Close it when done.
type Remote struct {
	tb         testing.TB
	here, away int // descriptors of the two namespaces
}

// NewRemote lays the wire. The calling process must be isolated.
func NewRemote(tb testing.TB) *Remote {
	tb.Helper()
	r := &Remote{tb: tb, here: -1, away: -1}
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatalf("another network namespace: %v", err)
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	open := func() (fd int) {
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		must(err)
		return fd
	}
	r.here = open()
	must(unix.Unshare(unix.CLONE_NEWNET))
	r.away = open()
	must(unix.Setns(r.here, unix.CLONE_NEWNET))
	tb.Cleanup(func() { _, _ = unix.Close(r.here), unix.Close(r.away) })

	ip := Binary(tb, "ip")
	script := func(lines string) {
		tb.Helper()
		for line := range strings.Lines(lines) {
			if out, err := exec.Command(ip, strings.Fields(line)...).CombinedOutput(); err != nil {
				tb.Fatalf("ip %s: %v: %s", line, err, out)
			}
		}
	}
	script(fmt.Sprintf(`link set lo up
link add wire type veth peer name wire netns /proc/%d/fd/%d
addr add %s/24 dev wire
link set wire up`, os.Getpid(), r.away, RemoteServer))
	r.there(func() {
		script(fmt.Sprintf(`link set lo up
addr add %s/24 dev wire
addr add %s/24 dev wire
link set wire up`, RemoteClient, RemoteOther))
	})
	return r
}

// there runs f in the other namespace. Sockets that it makes, and processes that it starts, stay there.
func (r *Remote) there(f func()) {
	runtime.LockOSThread()
	if err := unix.Setns(r.away, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		r.tb.Errorf("entering the other namespace: %v", err)
		return
	}
	f()
	if err := unix.Setns(r.here, unix.CLONE_NEWNET); err != nil {
		r.tb.Errorf("coming back from the other namespace: %v", err)
		return // still locked: the thread ends with its goroutine and is not used again
	}
	runtime.UnlockOSThread()
}

// Drop loses all packets from and to an address of the client's, without a word to either end.
func (r *Remote) Drop(address string) {
	r.tb.Helper()
	iptables := Binary(r.tb, "iptables")
	r.there(func() {
		for _, rule := range [][]string{{"-A", "INPUT", "-d", address, "-j", "DROP"}, {"-A", "OUTPUT", "-s", address, "-j", "DROP"}} {
			if out, err := exec.Command(iptables, append([]string{"-w"}, rule...)...).CombinedOutput(); err != nil {
				r.tb.Errorf("iptables %v: %v: %s", rule, err, out)
			}
		}
	})
}

// Client returns a client that connects from an address of the other machine to the server at addr, with
// TLS or without.
func (r *Remote) Client(run *Run, addr, source string) *Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (conn net.Conn, err error) {
			r.there(func() { conn, err = dialer.DialContext(ctx, network, addr) })
			return conn, err
		},
		TLSClientConfig:   &tls.Config{RootCAs: run.Cert.Pool, ServerName: ServerName},
		DisableKeepAlives: true,
	}
	return &Client{HTTP: &http.Client{Transport: transport, CheckRedirect: stay}}
}

// Open lists what a process has open for its clients: sockets, pseudo-terminals, processes. What it opens
// once for itself does not count.
func (c *Child) Open() (open []string) {
	list, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", c.Pid()))
	for _, descriptor := range list {
		name, _ := os.Readlink(descriptor)
		if strings.HasPrefix(name, "socket:") || name == "/dev/ptmx" || name == "anon_inode:[pidfd]" {
			open = append(open, name)
		}
	}
	return open
}
