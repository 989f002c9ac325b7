package terminal

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

const (
	roleFloor = "terminal-floor"
	rolePty   = "terminal-pty"
)

// serveFloor copies a pty to a bare TCP connection and back. The first line of the connection names
// the command.
func serveFloor(l net.Listener, config []byte) (harness.Service, error) {
	c, err := harness.Decode[serverConfig](config)
	if err != nil {
		return harness.Service{}, err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.copy(conn)
		}
	}()
	return harness.Service{Stop: func() { _ = l.Close() }}, nil
}

func (c *serverConfig) copy(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 16)
	name, err := in.ReadString('\n')
	argv := c.Commands[strings.TrimSuffix(name, "\n")]
	if err != nil || len(argv) == 0 {
		return
	}
	cmd, master, err := startPty(argv, c.Poll)
	if err != nil {
		return
	}
	go func() {
		buf := make([]byte, 512)
		for {
			n, err := in.Read(buf)
			if err != nil {
				// The connection is gone: so is who was looking.
				_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGHUP)
				return
			}
			_, _ = master.Write(buf[:n])
		}
	}()
	size := c.Buffer
	if size == 0 {
		size = 64 << 10
	}
	for buf := make([]byte, size); ; {
		n, err := master.Read(buf)
		if n > 0 {
			if _, err := conn.Write(buf[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break // EIO: the last process with the terminal open is gone
		}
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGHUP)
	_ = cmd.Wait()
	_ = master.Close()
}

// startPty starts a command on a pty. Reads of its master block a thread, unless poll is set.
func startPty(argv []string, poll bool) (*exec.Cmd, *os.File, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 80, Rows: 24})
	if err != nil || !poll {
		return cmd, master, err
	}
	defer master.Close()
	fd, err := unix.FcntlInt(master.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, nil, err
	}
	return cmd, os.NewFile(uintptr(fd), "pty"), nil
}

// readPty reads a pty and keeps nothing. The command "read NAME" answers with the number of bytes,
// of reads, and of the nanoseconds they took.
func readPty(_ net.Listener, config []byte) (harness.Service, error) {
	c, err := harness.Decode[serverConfig](config)
	if err != nil {
		return harness.Service{}, err
	}
	return harness.Service{Do: func(command string) (string, error) {
		name, _ := strings.CutPrefix(command, "read ")
		start := time.Now()
		cmd, master, err := startPty(c.Commands[name], false)
		if err != nil {
			return "", err
		}
		defer master.Close()
		total, reads := 0, 0
		for buf := make([]byte, 64<<10); ; {
			n, err := master.Read(buf)
			total += n
			reads++
			if err != nil {
				break
			}
		}
		took := time.Since(start)
		if err := cmd.Wait(); err != nil {
			return "", fmt.Errorf("command: %w", err)
		}
		return fmt.Sprintf("%d %d %d", total, reads, took.Nanoseconds()), nil
	}}, nil
}
