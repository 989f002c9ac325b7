package procgroup_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A Manager finds the threads that it may need made, and the next one finds
// those of the first.
func TestThreadsAreReservedOnce(t *testing.T) {
	host := startHost(t, "threads", nil, nil)
	var first, second, third, more int
	_, err := fmt.Sscan(strings.Join(host.until(t, "ready"), " "), &first, &second, &third, &more)
	require.NoError(t, err)
	t.Logf("%d threads, %d and %d with another Manager, %d with one that wants more", first, second, third, more)
	assert.GreaterOrEqual(t, first, runtime.GOMAXPROCS(0)+10)
	assert.LessOrEqual(t, third, first+1, "Go may have made one for itself meanwhile")
	assert.GreaterOrEqual(t, more, first+20)
	require.NoError(t, host.stdin.Close())
	host.rest(t)
}
