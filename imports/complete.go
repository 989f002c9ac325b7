package imports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
)

// complete takes an upload whose last byte is stored: it is checked, and then
// waits for its turn. On error the import is still to be ended.
func (h *Handler) complete(j *job) error {
	now := time.Now()
	rec := j.record()
	size, err := j.storedSize(rec)
	if err != nil {
		return errStorage(err)
	}
	err = j.move(trigComplete, "", func(rec *record) {
		rec.Source.Size, rec.HasData, rec.Boot = size, rec.File == "", h.boot
		rec.enterStage(stageChecking, now)
	})
	if err != nil {
		if errors.Is(err, errTransition) {
			return errUploadCanceled()
		}
		return errStorage(err)
	}
	if a := j.allotment(); a != nil {
		a.settle()
	}
	target, err := h.target(context.Background(), rec.Target)
	if err != nil {
		return err
	}
	compression, format, err := h.inspect(j, target)
	if err != nil {
		return err
	}
	now = time.Now()
	err = j.move(trigQueue, "", func(rec *record) {
		rec.Source.Compression, rec.Source.Format, rec.Queued = compression, format, now
		rec.enterStage(stageQueued, now)
	})
	if err != nil {
		return errStorage(err)
	}
	j.announceStage(stageQueued, now)
	if j.record().CancelRequested {
		j.finish(OutcomeCanceled, nil, errCanceled)
		return nil
	}
	h.enqueue(j, target.Lock)
	if j.record().CancelRequested && h.unqueue(j) { // asked for just before it could be found in the queue
		j.finish(OutcomeCanceled, nil, errCanceled)
	}
	return nil
}

func (j *job) storedSize(rec record) (int64, error) {
	if rec.File != "" {
		return rec.Source.Size, nil
	}
	f, size, err := j.openData()
	if err != nil {
		return 0, err
	}
	return size, f.Close()
}

// inspect looks at the first bytes, as stored and decompressed, before the
// target is touched. The error is an answer to the client.
func (h *Handler) inspect(j *job, t Target) (Compression, Format, error) {
	stored, err := j.openStored()
	if err != nil {
		return "", "", errStorage(err)
	}
	defer stored.Close()
	head := make([]byte, 16)
	n, err := io.ReadFull(stored, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return "", "", errStorage(err)
	}
	head = head[:n]
	c := detectCompression(head)
	ctx, cancel := context.WithTimeout(context.Background(), inspectFor)
	defer cancel()
	rec := j.record()
	src, err := newSource(ctx, io.MultiReader(strings.NewReader(string(head)), stored), c,
		limits{bytes: -1, ratio: -1}, h.xz(Info{ID: rec.ID, Target: rec.Target}), func(string) {})
	if err != nil {
		return c, "", inspected(err)
	}
	defer src.close()
	text := make([]byte, headSize)
	n, err = io.ReadFull(src, text)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return c, "", inspected(err)
	}
	if n == 0 {
		return c, "", errEmpty()
	}
	f, err := t.detect(text[:n:n])
	if err != nil {
		return c, "", err
	}
	if f == "" || f == FormatUnknown {
		f = detectFormat(text[:n])
	}
	if !t.accepts(f) {
		return c, f, asInput(unwanted(t, f, text[:n]))
	}
	return c, f, nil
}

// detect asks the host.
func (t *Target) detect(head []byte) (f Format, err error) {
	if t.Detect == nil {
		return FormatUnknown, nil
	}
	defer gate.Caught("Detect", &err)
	return t.Detect(head), nil
}

// inspectFor bounds a host's xz command that says nothing.
const inspectFor = 30 * time.Second

func inspected(err error) error {
	var in *inputError
	var f *Failure
	switch {
	case errors.As(err, &in):
		return asInput(in)
	case errors.As(err, &f):
		return errInspection(f)
	}
	return errStorage(err)
}

// unwanted says what came and what is wanted.
func unwanted(t Target, f Format, head []byte) *inputError {
	wanted := make([]string, len(t.Accept))
	for i, a := range t.Accept {
		wanted[i] = formatName(a)
	}
	e := rejected("format", "Wrong format", fmt.Sprintf("this is %s; the target takes %s", formatName(f), strings.Join(wanted, " or ")))
	switch {
	case isUTF16(head):
		e.problem.Hint = "the text is UTF-16; save it as UTF-8"
	case f == FormatSQL:
		e.problem.Hint = "make the dump with pg_dump -Fc, or import it into a target that takes plain SQL"
	case f == FormatPgDumpCustom:
		e.problem.Hint = "import it into a target that uses pg_restore"
	case f == FormatUnknown && detectCompression(head) != CompressionNone:
		e.problem.Hint = "the file is compressed twice"
	}
	return e
}
