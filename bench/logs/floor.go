package logs

import (
	"io"
	"net"
	"os"
	"time"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/internal/lines"
)

// serveFloor is the least that a server can do: it reads the file once and
// writes what it read to every connection, with no protocol, no history and no
// rotation.
func serveFloor(l net.Listener, b []byte) (harness.Service, error) {
	c, err := harness.Decode[config](b)
	if err != nil {
		return harness.Service{}, err
	}
	f, err := os.Open(c.Path)
	if err != nil {
		return harness.Service{}, err
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return harness.Service{}, err
	}
	go pump(f, newFan(l))
	return harness.Service{}, nil
}

// pump looks for more each millisecond.
func pump(f *os.File, out *fan) {
	for {
		b := make([]byte, 64<<10)
		n, err := f.Read(b)
		switch {
		case n > 0:
			out.send(b[:n])
		case err == io.EOF:
			lines.Pause(time.Millisecond)
		default:
			return
		}
	}
}

// serveHistory is the floor of the catch-up: each connection is sent the whole
// file as fast as the kernel can, with sendfile(2), and is then closed.
func serveHistory(l net.Listener, b []byte) (harness.Service, error) {
	c, err := harness.Decode[config](b)
	if err != nil {
		return harness.Service{}, err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				f, err := os.Open(c.Path)
				if err != nil {
					return
				}
				defer f.Close()
				_, _ = io.Copy(conn, f)
			}()
		}
	}()
	return harness.Service{}, nil
}
