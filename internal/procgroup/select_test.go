package procgroup

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFind(t *testing.T) {
	const host = 50
	snap := newSnapshot([]proc{
		{pid: 1, sid: 1},
		{pid: host, ppid: 1, sid: host},
		{pid: 60, ppid: 1, sid: host},
		{pid: 61, ppid: 1, sid: host},
		{pid: 100, ppid: host, sid: 100, start: 7},
		{pid: 101, ppid: 100, sid: 100},             // a job
		{pid: 102, ppid: 1, sid: 100},               // nohup, its parent gone
		{pid: 103, ppid: 1, sid: 103},               // daemon with the mark
		{pid: 104, ppid: 103, sid: 104},             // its child: own session, no mark
		{pid: 105, ppid: 104, sid: 104},             // and grandchild
		{pid: 106, ppid: 100, sid: 100, dead: true}, // zombie
		{pid: 107, ppid: 1, sid: 107, start: 9},     // known from before
		{pid: 200, ppid: host, sid: 200},            // another group's
		{pid: 201, ppid: 1, sid: 201},               // a host that runs inside ours
		{pid: 202, ppid: 1, sid: 202},               // a command of that host
	}, map[ident]string{
		{103, 0}: "i.a", {106, 0}: "i.a", {200, 0}: "i.b", {201, 0}: "i.a", {202, 0}: "i.a,j.x", {60, 0}: "i.c", {host, 0}: "i.a",
		{203, 1}: "i.a", // has gone, and its number is not used again
	})
	for name, tc := range map[string]struct {
		sel  selector
		want []int
	}{
		"session and children":         {selector{session: 100}, []int{100, 101, 102}},
		"mark, nested and descendants": {selector{mark: "i.a", except: host}, []int{103, 104, 105, 201, 202}},
		"inner mark":                   {selector{mark: "j.x"}, []int{202}},
		"a part is no match":           {selector{mark: "i"}, nil},
		"by number, and its session":   {selector{pids: []int{105, 106, 999, 1}}, []int{104, 105}},
		"one of a session is enough":   {selector{pids: []int{102}}, []int{100, 101, 102}},
		"but not of the host's":        {selector{mark: "i.c", except: host}, []int{60}},
		"seen before":                  {selector{seen: map[ident]struct{}{{107, 9}: {}}}, []int{107}},
		"number used again":            {selector{seen: map[ident]struct{}{{107, 8}: {}}}, nil},
		"no session":                   {selector{}, nil},
		"never the host itself":        {selector{session: host, except: host}, []int{60, 61}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []int
			for _, p := range snap.find(tc.sel) {
				got = append(got, p.pid)
			}
			slices.Sort(got)
			assert.Equal(t, tc.want, got)
		})
	}
}
