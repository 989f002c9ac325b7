package imports

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
)

// grant is how much space an upload of unknown length reserves at a time.
const grant = 16 << 20

// spool keeps account of the disk: what is stored, for whom, and what open
// uploads may still need.
type spool struct {
	dir     string
	reserve int64 // bytes that must stay free
	perUser int64 // negative: no limit
	free    func(dir string) (int64, error)

	mu       sync.Mutex
	promised int64 // remaining bytes of all open reservations
	used     int64
	users    map[string]int64 // stored and promised bytes
}

func newSpool(dir string, reserve, perUser int64) *spool {
	return &spool{dir: dir, reserve: max(reserve, 0), perUser: perUser, free: freeBytes, users: map[string]int64{}}
}

// freeBytes is what an unprivileged process may still write.
func freeBytes(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(min(st.Bavail, 1<<62/uint64(st.Bsize))) * st.Bsize, nil
}

// allotment is one upload's account: promised bytes turn into stored ones.
type allotment struct {
	s    *spool
	user string

	mu       sync.Mutex
	promised int64
	stored   int64
}

// open starts an account with n promised bytes and stored ones that are on
// disk already. The error is a [*gate.Problem].
func (s *spool) open(user string, n, stored int64) (*allotment, error) {
	a := s.adopt(user, stored)
	if err := a.promise(n); err != nil {
		a.release()
		return nil, err
	}
	return a, nil
}

// adopt opens an account for bytes that are on disk already.
func (s *spool) adopt(user string, stored int64) *allotment {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used += stored
	s.add(user, stored)
	return &allotment{s: s, user: user, stored: stored}
}

// promise reserves n more bytes.
func (a *allotment) promise(n int64) error {
	if n <= 0 {
		return nil
	}
	s := a.s
	s.mu.Lock()
	defer s.mu.Unlock()
	// Asked under the lock: between an older answer and now, promised bytes
	// may have become stored ones and would count for neither.
	free, err := s.free(s.dir)
	if err != nil {
		return err
	}
	if left := free - s.reserve - s.promised; n > left {
		return noSpace(n, max(left, 0))
	}
	if s.perUser >= 0 && s.users[a.user]+n > s.perUser {
		return &gate.Problem{
			Name: "quota", Title: "Quota exceeded", Status: http.StatusInsufficientStorage,
			Detail: fmt.Sprintf("%d more bytes would exceed the %d bytes that a user's imports may occupy", n, s.perUser),
			Hint:   "delete imports that are not needed any more",
		}
	}
	s.promised += n
	s.add(a.user, n)
	a.mu.Lock()
	a.promised += n
	a.mu.Unlock()
	return nil
}

// wrote turns promised bytes into stored ones.
func (a *allotment) wrote(n int64) {
	a.mu.Lock()
	kept := min(n, a.promised)
	a.promised -= kept
	a.stored += n
	a.mu.Unlock()
	s := a.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.promised -= kept
	s.used += n
	s.add(a.user, n-kept)
}

// left is what is promised and not written yet.
func (a *allotment) left() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.promised
}

// settle gives back what is promised: no further byte will come for now.
func (a *allotment) settle() {
	a.mu.Lock()
	n := a.promised
	a.promised = 0
	a.mu.Unlock()
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.s.promised -= n
	a.s.add(a.user, -n)
}

// release closes the account: the bytes are gone.
func (a *allotment) release() {
	a.settle()
	a.mu.Lock()
	n := a.stored
	a.stored = 0
	a.mu.Unlock()
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.s.used -= n
	a.s.add(a.user, -n)
}

func (s *spool) add(user string, n int64) {
	if s.users[user] += n; s.users[user] == 0 {
		delete(s.users, user)
	}
}

func (s *spool) bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

func noSpace(need, left int64) *gate.Problem {
	return &gate.Problem{
		Name: "no-space", Title: "Not enough space", Status: http.StatusInsufficientStorage, // RFC 4918 section 11.5
		Detail: fmt.Sprintf("%d bytes are needed and %d are available for uploads", need, left),
		Hint:   "delete imports that are not needed any more, or free space on the server", RetryAfter: time.Minute,
	}
}

// isNoSpace reports whether a write failed because the disk or a quota of it
// is full.
func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
