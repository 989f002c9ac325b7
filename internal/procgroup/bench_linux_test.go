package procgroup_test

import (
	"os/exec"
	"sync"
	"testing"

	"github.com/pruvon/pruvon/internal/procgroup"
)

// BenchmarkStartEnd is one short command from start to end, beside what
// os/exec alone takes for it.
func BenchmarkStartEnd(b *testing.B) {
	b.Run("os/exec", func(b *testing.B) {
		for b.Loop() {
			if err := exec.Command("true").Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, h := range holders {
		b.Run(h.name, func(b *testing.B) {
			m := newManager(b, procgroup.Config{Cgroup: h.cgroup})
			for b.Loop() {
				g := start(b, m, command("true"))
				<-g.Done()
				end(b, g)
			}
		})
	}
}

// BenchmarkStart is the start alone.
func BenchmarkStart(b *testing.B) {
	b.Run("os/exec", func(b *testing.B) {
		for b.Loop() {
			cmd := exec.Command("true")
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			_ = cmd.Wait()
			b.StartTimer()
		}
	})
	for _, h := range holders {
		b.Run(h.name, func(b *testing.B) {
			m := newManager(b, procgroup.Config{Cgroup: h.cgroup})
			for b.Loop() {
				g := start(b, m, command("true"))
				b.StopTimer()
				end(b, g)
				b.StartTimer()
			}
		})
	}
}

// BenchmarkEndHundred ends a hundred groups of three processes each, at once
// and one after the other: the difference is what sharing the looks saves.
func BenchmarkEndHundred(b *testing.B) {
	for _, bc := range []struct {
		name string
		each func(groups []*procgroup.Group, end func(*procgroup.Group))
	}{
		{"one by one", func(groups []*procgroup.Group, end func(*procgroup.Group)) {
			for _, g := range groups {
				end(g)
			}
		}},
		{"together", func(groups []*procgroup.Group, end func(*procgroup.Group)) {
			var wg sync.WaitGroup
			for _, g := range groups {
				wg.Go(func() { end(g) })
			}
			wg.Wait()
		}},
	} {
		b.Run(bc.name, func(b *testing.B) {
			m := newManager(b, procgroup.Config{Cgroup: "-"})
			for b.Loop() {
				b.StopTimer()
				groups := make([]*procgroup.Group, 100)
				for i := range groups {
					groups[i] = start(b, m, command("sh", "-c", "sleep 3600 & setsid sleep 3600"))
				}
				b.StartTimer()
				bc.each(groups, func(g *procgroup.Group) { end(b, g) })
			}
		})
	}
}
