package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// inotify is a waiter that the kernel wakes. Its word is a hint: events are
// lost on overflow and never come for what another host writes, so whoever
// waits looks again after a while in any case.
type inotify struct {
	file *os.File
	fd   int
	buf  [4096]byte
}

// newWaiter returns a waiter for files of dir, or one that only polls.
func newWaiter(ctx context.Context, dir string, pollOnly bool) waiter {
	if pollOnly {
		return newPoller()
	}
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		return newPoller() // max_user_instances: 128 by default
	}
	const changes = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	if _, err := unix.InotifyAddWatch(fd, dir, changes); err != nil {
		_ = unix.Close(fd)
		return newPoller()
	}
	w := &inotify{file: os.NewFile(uintptr(fd), "inotify"), fd: fd}
	return w
}

// backstop is how long it waits at most.
func (w *inotify) backstop() time.Duration { return time.Second }

// add wakes for changes of an open file, whatever its name is by then. IN_ATTRIB
// is the deletion of a file that is still open.
func (w *inotify) add(f *os.File) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_, _ = unix.InotifyAddWatch(w.fd, fmt.Sprintf("/proc/self/fd/%d", fd), unix.IN_MODIFY|unix.IN_ATTRIB)
	})
}

// wait returns when something happened, d has passed or ctx has ended.
func (w *inotify) wait(ctx context.Context, d time.Duration) {
	if w.file.SetReadDeadline(time.Now().Add(d)) != nil {
		sleep(ctx, d)
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = w.file.SetReadDeadline(time.Unix(1, 0)) })
	_, err := w.file.Read(w.buf[:])
	stop()
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		sleep(ctx, d)
	}
}

func (w *inotify) close() { _ = w.file.Close() }
