package imports

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"sync"
)

// hashQueue is how many buffers may wait for the digest.
const hashQueue = 4

// backgroundHash computes a SHA-256 beside the data's way, on another core.
type backgroundHash struct {
	in     chan *[]byte
	free   sync.Pool
	once   sync.Once
	worker sync.WaitGroup
	hex    string // valid after worker
}

// newBackgroundHash starts a digest, or returns nil when none is wanted: all
// methods of a nil digest do nothing.
func newBackgroundHash(wanted bool) *backgroundHash {
	if !wanted {
		return nil
	}
	h := &backgroundHash{in: make(chan *[]byte, hashQueue)}
	h.free.New = func() any { b := make([]byte, 0, feedBuffer); return &b }
	h.worker.Go(func() {
		sum := sha256.New()
		for b := range h.in {
			sum.Write(*b)
			h.free.Put(b)
		}
		h.hex = hex.EncodeToString(sum.Sum(nil))
	})
	return h
}

// write takes a copy of b. It waits when the digest is too far behind.
func (h *backgroundHash) write(b []byte) {
	if h == nil {
		return
	}
	buf := h.free.Get().(*[]byte)
	*buf = append((*buf)[:0], b...)
	h.in <- buf
}

// sum ends the digest and returns it in hex. No write may follow.
func (h *backgroundHash) sum() string {
	if h == nil {
		return ""
	}
	h.stop()
	return h.hex
}

// stop ends the goroutine. No write may follow.
func (h *backgroundHash) stop() {
	if h != nil {
		h.once.Do(func() { close(h.in) })
		h.worker.Wait()
	}
}

// digestData computes the digest of an upload that came without one. It is
// done once the bytes are there and not on their way in or out: on a small
// machine it would slow both.
func (j *job) digestData(ctx context.Context) error {
	j.digesting.Lock()
	defer j.digesting.Unlock()
	rec := j.record()
	if rec.File != "" || rec.Source.SHA256 != "" || rec.CancelRequested {
		return nil
	}
	sum, err := fileDigest(ctx, j.dataPath())
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return &Failure{Title: "The stored upload cannot be read", Err: err}
	}
	j.setDigest(sum)
	return nil
}

// fileDigest is the SHA-256 of a file in hex.
func fileDigest(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	buf := feedPool.Get().(*[]byte)
	defer feedPool.Put(buf)
	sum := sha256.New()
	for ctx.Err() == nil {
		n, err := f.Read(*buf)
		sum.Write((*buf)[:n])
		if err == io.EOF {
			return hex.EncodeToString(sum.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", context.Cause(ctx)
}
