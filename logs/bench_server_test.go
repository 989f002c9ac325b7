package logs_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/pruvon/pruvon/logs"
)

// benchServer makes a test binary a server of its own, so that its CPU time can
// be told from the viewers'.
const benchServer = "PRUVON_BENCH_SERVER"

// runBenchServer serves the file named in the first argument after "--" until
// standard input ends.
func runBenchServer(kind string) {
	path := os.Args[len(os.Args)-1]
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	switch kind {
	case "floor":
		go floor(l, path)
	default:
		var opts []logs.FileOption
		if kind == "poll" {
			opts = append(opts, logs.PollOnly())
		}
		h, err := logs.New(logs.Config{
			Sources: map[string]logs.Source{"app": logs.File(path, opts...)}, Authorize: allowAll, AllowNoOrigin: true,
			Limits: logs.Limits{PerUser: -1, PerAddr: -1}, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			panic(err)
		}
		go func() { _ = http.Serve(l, h) }()
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// floor is the least that a server can do: it follows the file once and writes
// what it reads to every connection.
func floor(l net.Listener, path string) {
	f, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	_, _ = f.Seek(0, 2)
	var mu sync.Mutex
	var feeds []chan []byte
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			feed := make(chan []byte, 4096)
			mu.Lock()
			feeds = append(feeds, feed)
			mu.Unlock()
			go func() {
				for b := range feed {
					if _, err := c.Write(b); err != nil {
						return
					}
				}
			}()
		}
	}()
	for {
		b := make([]byte, 64<<10)
		n, _ := f.Read(b)
		if n == 0 {
			_ = pause(time.Millisecond)
			continue
		}
		mu.Lock()
		for _, feed := range feeds {
			feed <- b[:n]
		}
		mu.Unlock()
	}
}

// pause waits in the kernel: the floor is not a test, it has nothing to wait
// for but the time.
func pause(d time.Duration) error {
	ts := syscall.NsecToTimespec(int64(d))
	return syscall.Nanosleep(&ts, nil)
}
