package imports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"

	"github.com/pruvon/pruvon/internal/gate"
)

// xz returns how xz is decompressed, or nil when the host has not said: there
// is no decoder in Go that is fast enough, so the host's own command does it.
func (h *Handler) xz(info Info) xzRunner {
	if h.cfg.XZ == nil {
		return nil
	}
	return func(ctx context.Context, r io.Reader) (decoder, error) {
		cmd, err := h.xzCommand(ctx)
		if err != nil {
			return nil, &Failure{Title: "The xz command cannot be set up", Err: err}
		}
		p, err := startPiped(ctx, h.procs, cmd, "xz "+info.Target)
		if err != nil {
			return nil, err
		}
		d := &xzDecoder{p: p, said: &tailBuffer{limit: 1 << 10}, stop: context.AfterFunc(ctx, func() { p.kill() })}
		d.work.Go(func() {
			d.fed = feed(p.stdin, r)
			p.closeStdin()
		})
		d.work.Go(func() { readOutput(p.stderr, d.said.write) })
		return d, nil
	}
}

func (h *Handler) xzCommand(ctx context.Context) (cmd *exec.Cmd, err error) {
	defer gate.Caught("XZ", &err)
	if cmd, err = h.cfg.XZ(ctx); err == nil && cmd == nil {
		err = errors.New("the host's XZ returned no command")
	}
	return cmd, err
}

// xzDecoder is the output of the host's xz command.
type xzDecoder struct {
	p    *piped
	said *tailBuffer
	stop func() bool
	work sync.WaitGroup
	fed  error // valid after work
	end  error // sticky
}

// Read implements io.Reader. The end counts only when the command has read all
// of its input and says itself that it was good.
func (d *xzDecoder) Read(b []byte) (int, error) {
	if d.end != nil {
		return 0, d.end
	}
	n, err := d.p.stdout.Read(b)
	if err == io.EOF {
		err = d.finish()
	}
	d.end = err
	return n, err
}

func (d *xzDecoder) finish() error {
	<-d.p.group.Done()
	d.p.end()
	d.p.drain(&d.work)
	exit := d.p.exit()
	switch {
	case exit == nil || exit.Code == nil || *exit.Code != 0:
		return fmt.Errorf("xz: %s", firstError(d.said.bytes()))
	case d.fed != nil:
		return errors.Join(errors.New("xz did not read all of its input"), d.fed)
	}
	return io.EOF
}

func (d *xzDecoder) trailing() string { return "" }

func (d *xzDecoder) close() error {
	d.stop()
	d.p.close()
	d.work.Wait()
	return nil
}

// kill ends the command; its output ends with it.
func (p *piped) kill() {
	_, _ = p.group.End(context.Background())
}
