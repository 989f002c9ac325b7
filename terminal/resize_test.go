package terminal_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// slowResize is a Process whose Resize waits until it is let go on.
type slowResize struct {
	*fake
	began, on chan struct{}
}

func (f slowResize) Resize(s terminal.Size) error {
	f.began <- struct{}{}
	<-f.on
	return f.fake.Resize(s)
}

// Sizes that come while one is being set, as they do when a window is dragged,
// become one: the newest.
func TestSizesAreCoalesced(t *testing.T) {
	f := slowResize{newFake(""), make(chan struct{}, 100), make(chan struct{})}
	s := serve(t, opened(f))
	c := s.open("")
	c.send(`{"type":"resize","cols":81,"rows":30}`)
	<-f.began
	// The connection is held up meanwhile; another one's take is not.
	v := s.join(c, "")
	v.send(`{"type":"take"}`)
	v.until("role", func() bool { m := v.has("role"); return m != nil && m.Role == "writer" })
	for cols := 90; cols <= 100; cols++ {
		v.send(fmt.Sprintf(`{"type":"resize","cols":%d,"rows":30}`, cols))
	}
	v.send(`{"type":"ping","t":1}`)
	v.until("pong", func() bool { return v.has("pong") != nil })
	close(f.on)
	eventually(t, "the newest", func() bool { return sessions(s.Handler)[0].Size.Cols == 100 })
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Equal(t, []terminal.Size{{Cols: 81, Rows: 30}, {Cols: 100, Rows: 30}}, f.sizes)
}
