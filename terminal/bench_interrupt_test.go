package terminal_test

import (
	"bytes"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// drawer takes everything off the socket at once, as a browser does, and draws
// it at a given speed.
type drawer struct {
	page *pageConn

	mu    sync.Mutex
	queue [][]byte
	woken chan struct{}
}

func newDrawer(p *pageConn) *drawer {
	p.every = 1 << 62 // the drawing acknowledges, not the reading
	d := &drawer{page: p, woken: make(chan struct{}, 1)}
	go d.read()
	return d
}

func (d *drawer) read() {
	for {
		_, _, err := d.page.next(func(b []byte) { d.put(bytes.Clone(b)) })
		if err != nil {
			d.put(nil)
			return
		}
	}
}

// put adds a piece; nil is the end.
func (d *drawer) put(b []byte) {
	d.mu.Lock()
	d.queue = append(d.queue, b)
	d.mu.Unlock()
	select {
	case d.woken <- struct{}{}:
	default:
	}
}

func (d *drawer) take() []byte {
	for {
		d.mu.Lock()
		if len(d.queue) > 0 {
			b := d.queue[0]
			d.queue = d.queue[1:]
			d.mu.Unlock()
			return b
		}
		d.mu.Unlock()
		<-d.woken
	}
}

// draw draws so many bytes a second until drawn says that it is enough. Keys
// may be sent from drawn only: it is the one that writes.
func (d *drawer) draw(speed int, drawn func([]byte) (more bool)) {
	var rendered, told int64
	at := time.Now()
	for b := d.take(); b != nil; b = d.take() {
		if now := time.Now(); at.Before(now.Add(-100 * time.Millisecond)) {
			at = now // nothing came for a while
		}
		for piece := range slices.Chunk(b, 4096) {
			at = at.Add(time.Duration(len(piece)) * time.Second / time.Duration(speed))
			time.Sleep(time.Until(at))
			if rendered += int64(len(piece)); rendered-told >= quarter {
				told = rendered
				d.page.ackAt(rendered)
			}
			if !drawn(piece) {
				return
			}
		}
	}
}

// BenchmarkInterrupt is the time from Ctrl-C under yes until the prompt is
// drawn, by a page that draws a megabyte a second.
func BenchmarkInterrupt(b *testing.B) {
	const speed = 1 << 20
	s := serve(b, shell(`trap 'echo PROMPT; sleep 1000' INT; yes`))
	var took []time.Duration
	for b.Loop() {
		p := dialPage(b, s.url(), `{"type":"hello","cols":80,"rows":24}`)
		d := newDrawer(p)
		var sent time.Time
		seen := 0
		d.draw(speed, func(piece []byte) bool {
			if seen += len(piece); seen > 512<<10 && sent.IsZero() {
				sent = time.Now()
				p.typed("\x03")
			}
			return !bytes.Contains(piece, []byte("PROMPT"))
		})
		require.False(b, sent.IsZero())
		took = append(took, time.Since(sent))
		p.Close()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50_ms")
	b.ReportMetric(float64(took[len(took)-1].Milliseconds()), "max_ms")
	b.ReportMetric(0, "ns/op")
}
