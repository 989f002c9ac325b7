package imports

import (
	"bufio"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// zstdWindow is the largest window a zstd frame may ask memory for. The
	// library's own limit of 512 MiB is too much for a service; zstd --long
	// uses 128 MiB.
	zstdWindow = 128 << 20
	// ratioFrom is the decompressed size below which the ratio says nothing.
	ratioFrom = 64 << 20
)

// inputError is input that cannot be imported as it is: damaged, too large
// once decompressed, or in a format that the target does not take.
type inputError struct {
	outcome Outcome
	problem *Problem
	err     error
}

func (e *inputError) Error() string {
	s := e.problem.Title
	if e.problem.Detail != "" {
		s += ": " + e.problem.Detail
	}
	if e.err != nil {
		s += ": " + e.err.Error()
	}
	return s
}

func (e *inputError) Unwrap() error { return e.err }

// limits are the caps on what comes out of a decoder.
type limits struct {
	bytes int64 // negative: none
	ratio int64 // negative: none
}

// source is the decompressed input of an importer. It counts on both sides of
// the decoder and ends with an [*inputError] where the input is bad.
type source struct {
	stored  *countingReader
	dec     decoder
	limits  limits
	warn    func(string)
	out     atomic.Int64
	warned  bool
	eof     atomic.Bool // all input has been consumed, and it was good
	failure error       // sticky

	closing  sync.Once
	closeErr error
}

// decoder is one compression. Read ends with io.EOF only after a good end.
type decoder interface {
	io.Reader
	// trailing says what stands after the good end, "" if nothing does.
	trailing() string
	close() error
}

// countingReader counts stored bytes.
type countingReader struct {
	r    io.Reader
	n    atomic.Int64
	fail error // an error of the storage itself, not of the data
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	if err != nil && err != io.EOF {
		c.fail = err
	}
	return n, err
}

// newSource puts the decoder for a compression in front of stored bytes. The
// caller closes the source.
func newSource(ctx context.Context, stored io.Reader, c Compression, lim limits, xz xzRunner, warn func(string)) (*source, error) {
	s := &source{stored: &countingReader{r: stored}, limits: lim, warn: warn}
	var err error
	switch c {
	case CompressionGzip:
		s.dec, err = newGzip(s.stored)
	case CompressionZstd:
		s.dec, err = newZstd(s.stored)
	case CompressionBzip2:
		s.dec = &bzip2Decoder{r: bzip2.NewReader(bufio.NewReaderSize(s.stored, 64<<10))}
	case CompressionXZ:
		if xz == nil {
			return nil, rejected("compression-unsupported", "Compression not supported", "xz is not set up on this server")
		}
		// An xz that cannot be started says nothing about the file.
		if s.dec, err = xz(ctx, s.stored); err != nil {
			return nil, err
		}
	default:
		s.dec = plainDecoder{s.stored}
	}
	if err != nil {
		return nil, s.damaged(err)
	}
	return s, nil
}

// xzRunner starts the host's xz command on r.
type xzRunner func(ctx context.Context, r io.Reader) (decoder, error)

// close releases the decoder. It may be called more than once.
func (s *source) close() error {
	s.closing.Do(func() { s.closeErr = s.dec.close() })
	return s.closeErr
}

// Read implements io.Reader.
func (s *source) Read(b []byte) (int, error) {
	if s.failure != nil {
		return 0, s.failure
	}
	n, err := s.dec.Read(b)
	out := s.out.Add(int64(n))
	if p := s.over(out); p != nil {
		s.failure = &inputError{outcome: OutcomeRejected, problem: p}
		return 0, s.failure // not even the bytes up to the cap: nothing of a bomb is wanted
	}
	switch {
	case err == io.EOF:
		if t := s.dec.trailing(); t != "" && !s.warned {
			s.warned = true
			s.warn(t)
		}
		s.eof.Store(true)
		s.failure = io.EOF
	case err != nil:
		s.failure = s.damaged(err)
	}
	if n > 0 {
		return n, nil
	}
	return 0, s.failure
}

// over checks the caps, which are on the decompressed side: a cap on what goes
// into a decoder says nothing about what comes out.
func (s *source) over(out int64) *Problem {
	stored := s.stored.n.Load()
	switch {
	case s.limits.bytes >= 0 && out > s.limits.bytes:
		return s.at("too-large", "Too large when decompressed",
			fmt.Sprintf("the input decompresses to more than %d bytes", s.limits.bytes))
	case s.limits.ratio >= 0 && out > ratioFrom && stored > 0 && out/stored >= s.limits.ratio:
		return s.at("ratio", "Suspicious compression ratio",
			fmt.Sprintf("%d stored bytes decompressed to %d, more than %d times as much", stored, out, s.limits.ratio))
	}
	return nil
}

func (s *source) at(name, title, detail string) *Problem {
	p := newProblem(name, title, detail)
	offset := s.stored.n.Load()
	p.Offset = &offset
	return p
}

// damaged turns a decoder's error into the words that the operator sees.
func (s *source) damaged(err error) error {
	var in *inputError
	switch {
	case errors.As(err, &in), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case s.stored.fail != nil:
		return &inputError{OutcomeFailed, s.at("storage", "The stored upload cannot be read", ""), err}
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return &inputError{OutcomeRejected, s.at("window", "Suspicious compression",
			fmt.Sprintf("the zstd frame asks for a window of more than %d MiB", zstdWindow>>20)), err}
	}
	p := s.at("damaged", "The input is damaged", "")
	p.Detail = fmt.Sprintf("the compressed data is corrupt near stored byte %d", *p.Offset)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		p.Detail = fmt.Sprintf("the compressed data is cut off after stored byte %d", *p.Offset)
	}
	return &inputError{OutcomeFailed, p, err}
}

func rejected(name, title, detail string) *inputError {
	return &inputError{outcome: OutcomeRejected, problem: newProblem(name, title, detail)}
}

type plainDecoder struct{ io.Reader }

func (plainDecoder) trailing() string { return "" }
func (plainDecoder) close() error     { return nil }

// gzipDecoder reads members one by one, so that what follows the last good one
// is told from damage inside one. gzip(1) warns about it as well.
type gzipDecoder struct {
	br   *bufio.Reader
	zr   *gzip.Reader
	tail string
}

func newGzip(r io.Reader) (*gzipDecoder, error) {
	d := &gzipDecoder{br: bufio.NewReaderSize(r, 64<<10)}
	zr, err := gzip.NewReader(d.br)
	if err != nil {
		return nil, err
	}
	zr.Multistream(false)
	d.zr = zr
	return d, nil
}

func (d *gzipDecoder) Read(b []byte) (int, error) {
	for {
		n, err := d.zr.Read(b)
		if n > 0 && err == io.EOF {
			err = nil // the next Read reports the member's end again
		}
		if n > 0 || err != io.EOF {
			return n, err
		}
		next, err := d.br.Peek(3)
		if len(next) == 0 {
			if err == io.EOF {
				return 0, io.EOF
			}
			return 0, err
		}
		if detectCompression(next) != CompressionGzip {
			left, err := io.Copy(io.Discard, d.br)
			if err != nil {
				return 0, err
			}
			d.tail = fmt.Sprintf("%d bytes after the end of the gzip data were ignored", left)
			return 0, io.EOF
		}
		if err := d.zr.Reset(d.br); err != nil {
			return 0, err
		}
		d.zr.Multistream(false)
	}
}

func (d *gzipDecoder) trailing() string { return d.tail }
func (d *gzipDecoder) close() error     { return d.zr.Close() }

type zstdDecoder struct {
	zr   *zstd.Decoder
	some bool
	tail string
}

func newZstd(r io.Reader) (*zstdDecoder, error) {
	zr, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(2))
	if err != nil {
		return nil, err
	}
	return &zstdDecoder{zr: zr}, nil
}

func (d *zstdDecoder) Read(b []byte) (int, error) {
	n, err := d.zr.Read(b)
	d.some = d.some || n > 0
	if errors.Is(err, zstd.ErrMagicMismatch) && d.some {
		// A frame has ended well and something else follows.
		d.tail = "bytes after the end of the zstd data were ignored"
		err = io.EOF
	}
	return n, err
}

func (d *zstdDecoder) trailing() string { return d.tail }

func (d *zstdDecoder) close() error {
	d.zr.Close()
	return nil
}

type bzip2Decoder struct {
	r    io.Reader
	some bool
	tail string
}

func (d *bzip2Decoder) Read(b []byte) (int, error) {
	n, err := d.r.Read(b)
	d.some = d.some || n > 0
	var bad bzip2.StructuralError
	if d.some && errors.As(err, &bad) && strings.Contains(string(bad), "continuation") {
		d.tail = "bytes after the end of the bzip2 data were ignored"
		err = io.EOF
	}
	return n, err
}

func (d *bzip2Decoder) trailing() string { return d.tail }
func (d *bzip2Decoder) close() error     { return nil }
