package imports

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRetentionJudges(t *testing.T) {
	p := retention{uploads: 24 * time.Hour, data: 24 * time.Hour, records: 30 * 24 * time.Hour, max: 5}
	day := 24 * time.Hour
	rec := func(id string, s State, age time.Duration, data bool) record {
		r := record{ID: id, Target: id, Touched: epoch.Add(-age), Ended: epoch.Add(-age), HasData: data}
		r.State = s
		return r
	}
	got := p.judge(epoch, []record{
		rec("fresh upload", StateReceiving, day-1, true),
		rec("old upload", StateReceiving, day+1, true),
		rec("fresh failure", StateDone, day-1, true),
		rec("old failure", StateDone, day+1, true),
		rec("old success", StateDone, day+1, false),
		rec("ancient", StateDone, 31*day, false),
		rec("queued for ever", StateQueued, 99*day, true),
		rec("running for ever", StateRunning, 99*day, true),
	})
	require.Equal(t, map[string]verdict{"old upload": expire, "old failure": dropData, "ancient": drop}, got)
}

func TestRetentionKeepsTheNewest(t *testing.T) {
	p := retention{uploads: -1, data: -1, records: -1, max: 3}
	var recs []record
	for i := range 6 {
		r := record{ID: fmt.Sprint(i), Target: "db", Ended: epoch.Add(time.Duration(i) * time.Hour)}
		r.State = StateDone
		recs = append(recs, r)
	}
	require.Equal(t, map[string]verdict{"0": drop, "1": drop, "2": drop}, p.judge(epoch, recs))
	p.max = -1
	require.Empty(t, p.judge(epoch, recs))
}
