package logs

import (
	"io"
	"net"

	"github.com/nxadm/tail"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// serveNxadm follows the file with github.com/nxadm/tail and writes its lines to
// every connection with no protocol. One follower serves all connections, and
// lines that are there at the same time go out together: better than most
// handlers around that library do.
func serveNxadm(l net.Listener, b []byte) (harness.Service, error) {
	c, err := harness.Decode[config](b)
	if err != nil {
		return harness.Service{}, err
	}
	t, err := tail.TailFile(c.Path, tail.Config{
		Follow: true, ReOpen: true, CompleteLines: true, Logger: tail.DiscardingLogger,
		Location: &tail.SeekInfo{Whence: io.SeekEnd},
	})
	if err != nil {
		return harness.Service{}, err
	}
	go func() {
		out := newFan(l)
		for line := range t.Lines {
			out.send(drain(t, line))
		}
	}()
	return harness.Service{Stop: func() { _ = t.Stop() }}, nil
}

// drain joins a line and those that are already waiting behind it.
func drain(t *tail.Tail, line *tail.Line) []byte {
	const full = 60 << 10
	var b []byte
	for {
		b = append(append(b, line.Text...), '\n')
		if len(b) >= full {
			return b
		}
		select {
		case next, more := <-t.Lines:
			if !more {
				return b
			}
			line = next
		default:
			return b
		}
	}
}
