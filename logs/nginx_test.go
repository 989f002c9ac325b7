package logs_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

const nginxConf = `
worker_processes 2;
pid nginx.pid;
error_log error.log;
events { worker_connections 256; }
http {
	log_format numbered '$pid $arg_n $request "$http_user_agent"';
	access_log access.log numbered %s;
	keepalive_requests 1000000;
	client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
	server { listen unix:%s; location / { return 204; } }
}
`

// nginxServer is a real nginx that logs numbered requests.
type nginxServer struct {
	t    *testing.T
	dir  string
	sock string
	cmd  *exec.Cmd
}

func startNginx(t *testing.T, buffering string) *nginxServer {
	t.Helper()
	// The path of a socket has to be short.
	dir, err := os.MkdirTemp("", "ngx")
	require.NoError(t, err)
	n := &nginxServer{t: t, dir: dir, sock: filepath.Join(dir, "s")}
	require.NoError(t, os.Chmod(dir, 0o755))
	conf := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, nginxConf, buffering, n.sock), 0o600))
	n.cmd = exec.Command("nginx", "-p", dir, "-c", conf, "-e", "error.log", "-g", "daemon off;")
	n.cmd.Stderr = os.Stderr
	require.NoError(t, n.cmd.Start())
	t.Cleanup(func() {
		n.quit()
		_ = os.RemoveAll(dir)
	})
	eventually(t, func() bool {
		c, err := net.Dial("unix", n.sock)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return n
}

func (n *nginxServer) log() string { return filepath.Join(n.dir, "access.log") }

// quit ends nginx gently: it flushes its log buffers.
func (n *nginxServer) quit() {
	if n.cmd.ProcessState != nil {
		return
	}
	_ = n.cmd.Process.Signal(syscall.SIGQUIT)
	_ = n.cmd.Wait()
}

// rotate does what logrotate's "create" and its postrotate script do, with a
// pause between them as on a host with many logs: until the signal, nginx goes
// on writing to the renamed file.
func (n *nginxServer) rotate(i int, pause time.Duration) {
	n.t.Helper()
	require.NoError(n.t, os.Rename(n.log(), fmt.Sprintf("%s-%08d", n.log(), i)))
	fi, err := os.OpenFile(n.log(), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	require.NoError(n.t, err)
	require.NoError(n.t, fi.Chmod(0o666))
	require.NoError(n.t, fi.Close())
	timer := time.NewTimer(pause)
	<-timer.C
	require.NoError(n.t, n.cmd.Process.Signal(syscall.SIGUSR1))
}

// load sends numbered requests over some connections at a rate until stop is
// closed, and returns how many were answered.
func (n *nginxServer) load(rate int, stop <-chan struct{}) int {
	const conns = 4
	var wg sync.WaitGroup
	next := make(chan int)
	for range conns {
		c, err := net.Dial("unix", n.sock)
		require.NoError(n.t, err)
		wg.Go(func() {
			defer c.Close()
			in := bufio.NewReader(c)
			for i := range next {
				fmt.Fprintf(c, "GET /?n=%d HTTP/1.1\r\nHost: x\r\nUser-Agent: %s\r\n\r\n", i, strings.Repeat("u", 80))
				for {
					line, err := in.ReadString('\n')
					if err != nil || line == "\r\n" {
						break
					}
				}
			}
		})
	}
	sent := 0
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	begin := time.Now()
	for run := true; run; {
		select {
		case <-stop:
			run = false
		case <-ticker.C:
			for due := int(time.Since(begin).Seconds() * float64(rate)); sent < due; sent++ {
				next <- sent
			}
		}
	}
	close(next)
	wg.Wait()
	return sent
}

func TestRealNginxRotationLosesNothing(t *testing.T) {
	t.Parallel()
	rotations := 2
	if whole() {
		rotations = 20
	}
	for name, c := range map[string]struct {
		buffering string
		pause     time.Duration
	}{
		"plain, 100 ms":    {"", 100 * time.Millisecond},
		"plain, 2 s":       {"", 2 * time.Second},
		"buffered, 100 ms": {"buffer=32k flush=5s", 100 * time.Millisecond},
		"buffered, 2 s":    {"buffer=32k flush=5s", 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := startNginx(t, c.buffering)
			s := serve(t, logs.Config{Sources: map[string]logs.Source{"app": logs.File(n.log())}, Ring: 64 << 20})
			view := s.dial("tail=0").eager()
			view.until("hello")
			stop, total := make(chan struct{}), make(chan int, 1)
			go func() { total <- n.load(2000, stop) }()
			for i := range rotations {
				timer := time.NewTimer(500 * time.Millisecond)
				<-timer.C
				n.rotate(i, c.pause)
			}
			close(stop)
			want := <-total
			n.quit()
			got := view.lines(want)
			require.Len(t, got, want)
			sameAsFiles(t, n.log(), got)
			t.Logf("%d requests over %d rotations", want, rotations)
		})
	}
}
