package gate_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/pruvon/pruvon/internal/gate"
)

// A stream is told once that it must end, even if it takes its time.
func TestWatchEndsOnceAndAsksNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, ended := 0, 0
		g := newGuard(t, gate.GuardConfig{Authorize: func(*http.Request, gate.Resource) (gate.Access, error) {
			asked++
			return gate.Access{}, gate.ErrDenied
		}})
		stop := g.Watch(context.Background(), request("GET", "localhost", local), gate.Resource{}, gate.Principal{}, func(err error) {
			assert.ErrorIs(t, err, gate.ErrDenied)
			ended++
		})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		assert.Equal(t, 1, asked)
		assert.Equal(t, 1, ended)
		stop()
	})
}

// After stop the host is not asked about a stream that is gone.
func TestStoppedWatchAsksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		g := newGuard(t, gate.GuardConfig{Authorize: func(*http.Request, gate.Resource) (gate.Access, error) {
			asked++
			return gate.Access{}, nil
		}})
		stop := g.Watch(context.Background(), request("GET", "localhost", local), gate.Resource{}, gate.Principal{}, func(error) {
			t.Error("a stopped watch ended its stream")
		})
		time.Sleep(70 * time.Second)
		synctest.Wait()
		stop()
		assert.Equal(t, 2, asked)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		assert.Equal(t, 2, asked)
	})
}
