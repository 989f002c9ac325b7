package logs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every pair of what a generation was and what it looks like now.
func TestGenerationJudge(t *testing.T) {
	t.Parallel()
	then, now := time.Unix(100, 0), time.Unix(200, 0)
	for name, c := range map[string]struct {
		off  int64
		seen seen
		want verdict
	}{
		"empty, untouched":        {0, seen{0, then}, genIdle},
		"empty, touched":          {0, seen{0, now}, genIdle},
		"empty, written":          {0, seen{5, now}, genRead},
		"empty, written, no time": {0, seen{5, then}, genRead},
		"read, untouched":         {5, seen{5, then}, genIdle},
		"read, touched":           {5, seen{5, now}, genVerify},
		"read, more":              {5, seen{9, now}, genRead},
		"read, more, no time":     {5, seen{9, then}, genRead},
		"read, less":              {5, seen{4, now}, genShrunk},
		"read, less, no time":     {5, seen{4, then}, genShrunk},
		"read, emptied":           {5, seen{0, now}, genShrunk},
	} {
		g := generation{off: c.off, mtime: then}
		require.Equal(t, c.want, g.judge(c.seen), name)
	}
}

func TestGenerationSpent(t *testing.T) {
	t.Parallel()
	now := time.Unix(100, 0)
	for name, c := range map[string]struct {
		live bool
		data time.Time
		want bool
	}{
		"live and silent":         {true, now.Add(-time.Hour), false},
		"old and silent":          {false, now.Add(-10 * time.Second), true},
		"old and not long silent": {false, now.Add(-9 * time.Second), false},
	} {
		g := generation{live: c.live, data: c.data}
		require.Equal(t, c.want, g.spent(now, 10*time.Second), name)
	}
}

// Every state of the name and every event.
func TestNamesJudge(t *testing.T) {
	t.Parallel()
	a, b := fileID{1, 1}, fileID{1, 2}
	gens := []*generation{{id: b}, {id: a, live: true}}
	for name, c := range map[string]struct {
		missing bool
		ok      bool
		id      fileID
		want    nameVerdict
	}{
		"same file":                   {false, true, a, nameSame},
		"older file again":            {false, true, b, nameBack},
		"another file":                {false, true, fileID{1, 3}, nameNew},
		"same inode, other device":    {false, true, fileID{2, 1}, nameNew},
		"gone":                        {false, false, fileID{}, nameMissing},
		"still gone":                  {true, false, fileID{}, nameStillOut},
		"back as another file":        {true, true, fileID{1, 3}, nameNew},
		"back as the file it was":     {true, true, a, nameSame},
		"back as an older generation": {true, true, b, nameBack},
	} {
		n := names{missing: c.missing}
		require.Equal(t, c.want, n.judge(c.ok, c.id, gens), name)
		require.Equal(t, !c.ok, n.missing, name)
	}
}

func TestDemoteBeginsTheGrace(t *testing.T) {
	t.Parallel()
	now := time.Unix(100, 0)
	gens := []*generation{{data: time.Unix(1, 0)}, {live: true, data: time.Unix(2, 0)}}
	demote(gens, now)
	require.False(t, gens[1].live)
	require.Equal(t, now, gens[1].data)
	require.Equal(t, time.Unix(1, 0), gens[0].data, "an old one's grace does not begin anew")
}

func TestBackoffGrowsAndBeginsAnew(t *testing.T) {
	t.Parallel()
	b := backoff{first: time.Second, most: 5 * time.Second}
	for i, c := range []struct{ ran, want time.Duration }{
		{0, time.Second},
		{steady - 1, 2 * time.Second},
		{0, 4 * time.Second},
		{0, 5 * time.Second},
		{0, 5 * time.Second},
		{steady, time.Second},
		{0, 2 * time.Second},
	} {
		require.Equal(t, c.want, b.after(c.ran), "run %d", i)
	}
}

func TestSiblingNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"app.log.1": true, "app.log.12.gz": true, "app.log.3.zst": true, "app.log.3.xz": false, "app.log-20261125": true, "app.log-20261125-1764030000.gz": true,
		"app-20261125.log": true, "app.1.log": true, "app.log.2026-11-25T10:00:00Z": true,
		"app.log": false, "app.log.bak": false, "app.log.old": false, "app.log.swp": false, "app2.log": false,
		"other.log.1": false, "app.log.": false, "app.log.1.tmp": false, "app.log~": false, "app-debug.log": false,
	} {
		require.Equal(t, want, isSibling("app.log", name), name)
	}
	require.True(t, isSibling("syslog", "syslog.1"))
	require.False(t, isSibling("syslog", "syslog-ng.log"))
}

func TestVolumesOldestFirst(t *testing.T) {
	t.Parallel()
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	live := volume{path: "/l/app", live: true, mtime: at(1)}
	two := volume{path: "/l/app.2", mtime: at(5)}
	ten := volume{path: "/l/app.10.gz", mtime: at(5)}
	one := volume{path: "/l/app.1", mtime: at(7)}
	require.Negative(t, olderFirst(ten, two), "the higher number is older when the times are the same")
	require.Negative(t, olderFirst(two, one))
	require.Negative(t, olderFirst(one, live), "the live file is the newest, whatever its time")
	require.Positive(t, olderFirst(live, ten))
}

func FuzzFilePos(f *testing.F) {
	f.Add([]byte(filePos{at: 1, marks: []mark{{id: 1, off: 2}, {id: 3, off: 4}}}.append(nil)))
	f.Add([]byte("f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := parseFilePos(b)
		if !ok {
			return
		}
		require.LessOrEqual(t, len(b), MaxPosition)
		require.Equal(t, b, []byte(p.append(nil)))
	})
}

func TestRingEvictsAndCounts(t *testing.T) {
	t.Parallel()
	r := newRing(4000, 100)
	for i := range 50 {
		var b builder
		for range 3 {
			b.add([]byte("0123456789"), time.Time{}, Stdout, 10, false)
		}
		s := b.seal(r.next, "c", nil)
		require.EqualValues(t, 100+3*i, s.first)
		r.add(s)
		require.LessOrEqual(t, r.bytes, r.max)
		require.EqualValues(t, r.total, 30*(i+1))
		require.Equal(t, r.at(r.base).first, r.evicted)
		require.Equal(t, r.lost, r.at(r.base).before)
		for n := r.evicted; n < r.next; n++ {
			index, skip := r.find(n, 0)
			require.Equal(t, n, r.at(index).first+int64(skip))
		}
	}
	index, skip := r.find(r.next, 0)
	require.Equal(t, r.end(), index)
	require.Zero(t, skip)
	// Events between two lines are found unless they have been seen.
	before := r.end()
	r.add(event("source", sourceMessage{}, r.next, "c", nil))
	r.add(event("source", sourceMessage{}, r.next, "c", nil))
	for sub := range int64(4) {
		index, _ = r.find(r.next, sub)
		require.Equal(t, min(before+sub, r.end()), index)
	}
	near := r.near(r.max / 4)
	require.Greater(t, near, r.base)
	require.Less(t, near, r.end())
}
