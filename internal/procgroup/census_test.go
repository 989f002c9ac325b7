package procgroup

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestCensusIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wg sync.WaitGroup
		var reads atomic.Int64
		c := &census{spawn: wg.Go, read: func() *snapshot {
			reads.Add(1)
			time.Sleep(time.Second)
			return &snapshot{}
		}}
		for range 1000 {
			wg.Go(func() { c.get() })
		}
		wg.Wait()
		assert.LessOrEqual(t, reads.Load(), int64(2), "one for the first, one for all who came while it ran")
	})
}

// A snapshot that was begun before the question could miss a process that
// was born before it.
func TestCensusIsNeverOlderThanTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wg sync.WaitGroup
		var begun sync.Map // *snapshot → time.Time
		c := &census{spawn: wg.Go, read: func() *snapshot {
			s := &snapshot{procs: map[int]proc{}}
			begun.Store(s, time.Now())
			time.Sleep(10 * time.Millisecond)
			return s
		}}
		for i := range 50 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				asked := time.Now()
				s := c.get()
				at, _ := begun.Load(s)
				assert.False(t, at.(time.Time).Before(asked))
			})
		}
		wg.Wait()
	})
}
