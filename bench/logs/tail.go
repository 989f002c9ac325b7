package logs

import (
	"net"
	"os/exec"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// serveTail writes what tail -F prints to every connection.
func serveTail(l net.Listener, b []byte) (harness.Service, error) {
	c, err := harness.Decode[config](b)
	if err != nil {
		return harness.Service{}, err
	}
	cmd := exec.Command("tail", "-n", "0", "-F", c.Path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return harness.Service{}, err
	}
	if err := cmd.Start(); err != nil {
		return harness.Service{}, err
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		all := newFan(l)
		for {
			block := make([]byte, 64<<10)
			n, err := out.Read(block)
			if n > 0 {
				all.send(block[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	return harness.Service{Stop: func() {
		_ = cmd.Process.Kill()
		<-read
		_ = cmd.Wait()
	}}, nil
}
