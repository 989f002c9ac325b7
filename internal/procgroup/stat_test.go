package procgroup

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func statLine(name, state, threads string) string {
	return "4242 (" + name + ") " + state + " 1 4243 4244 34816 -1 4194560 1 2 3 4 5 6 7 8 20 0 " + threads + " 0 987654 11 12 18446744073709551615 1\n"
}

func TestParseStat(t *testing.T) {
	want := proc{pid: 4242, ppid: 1, pgid: 4243, sid: 4244, start: 987654}
	for _, name := range []string{"sleep", "", "a b", ") S 9 9 9 9", "((", "))", "x\ny", "4242 (sh) R 1"} {
		got, ok := parseStat([]byte(statLine(name, "S", "1")))
		assert.True(t, ok, name)
		assert.Equal(t, want, got, name)
	}
	dead := want
	dead.dead = true
	for _, state := range []string{"Z", "X"} {
		got, ok := parseStat([]byte(statLine("sleep", state, "1")))
		assert.True(t, ok)
		assert.Equal(t, dead, got, state)
	}
	kernel := want
	kernel.kernel = true
	got, ok := parseStat([]byte(strings.Replace(statLine("kworker/0:1", "I", "1"), "4194560", "2129984", 1)))
	assert.True(t, ok)
	assert.Equal(t, kernel, got)

	got, ok = parseStat([]byte(statLine("sleep", "Z", "3")))
	assert.True(t, ok)
	assert.Equal(t, want, got, "only the first thread has exited")
}

func TestParseStatRefuses(t *testing.T) {
	good := statLine("sleep", "S", "1")
	for _, line := range []string{
		"", "(", ")", "()", ") (", "1 (x)", "x (y) S 1", good[:40],
		strings.Replace(good, "4242", "-1", 1),
		strings.Replace(good, " 1 4243", " x 4243", 1),
		strings.Replace(good, "987654", "99999999999999999999", 1),
		strings.Replace(good, "4243", "4294967296", 1),
	} {
		_, ok := parseStat([]byte(line))
		assert.False(t, ok, line)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte(statLine("sleep", "S", "1")))
	f.Add([]byte("1 (a) b) Z 2"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := parseStat(b)
		if ok && (p.pid <= 0 || p.ppid < 0 || p.pgid < 0 || p.sid < 0) {
			t.Errorf("%q: %+v", b, p)
		}
	})
}
