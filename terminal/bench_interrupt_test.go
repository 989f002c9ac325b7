package terminal_test

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/faultproxy"
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
// drawn: by a page that draws a megabyte a second, and behind a line that
// carries as much. The largest window is for comparison: what a terminal
// without one does is worse by the buffers on the way.
func BenchmarkInterrupt(b *testing.B) {
	const speed = 1 << 20
	const hello = `{"type":"hello","cols":80,"rows":24}`
	s := serve(b, shell(`trap 'echo PROMPT; sleep 1000' INT; yes`))
	b.Run("slow page", func(b *testing.B) {
		interrupts(b, func() *pageConn { return dialPage(b, s.url(), hello) }, speed)
	})
	line, err := faultproxy.New(strings.TrimPrefix(s.http.URL, "http://"))
	require.NoError(b, err)
	defer line.Close()
	line.Set(faultproxy.Fault{Down: faultproxy.Direction{Rate: speed}})
	open := func(hello string) func() *pageConn {
		return func() *pageConn { return dialPage(b, "ws://"+line.Addr()+"/terminals/t", hello) }
	}
	b.Run("slow line", func(b *testing.B) { interrupts(b, open(hello), 1<<30) })
	b.Run("slow line, largest window", func(b *testing.B) {
		interrupts(b, open(`{"type":"hello","cols":80,"rows":24,"window":1048576}`), 1<<30)
	})
}

// interrupts opens a session, lets it flood a page that draws at a speed, and
// types Ctrl-C, as often as the benchmark wants.
func interrupts(b *testing.B, open func() *pageConn, speed int) {
	var took []time.Duration
	for b.Loop() {
		p := open()
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
