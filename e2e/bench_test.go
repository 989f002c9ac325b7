package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

// BenchmarkFirstPaint opens the page with an empty cache and says when the browser painted something of
// it, when the lists of the service were there, and what was transferred.
func BenchmarkFirstPaint(b *testing.B) {
	s := start(b, origins, targets, harness.NginxConfig{})
	direct := run.StartService(b, "", targets)
	chromium := run.StartBrowser(b, s.rule())
	for _, c := range []struct{ name, url string }{
		{"direct", "http://" + direct.Addr + "/"},
		{"nginx", harness.Origin + "/"},
	} {
		b.Run(c.name, func(b *testing.B) {
			tab := chromium.Tab(b)
			tab.DisableCache()
			var paints, lists []float64
			var bytes, files float64
			visit := func() {
				tab.Open(c.url)
				tab.Do(waitReady(testid("terminal-open-shell")))
				tab.Until(5*time.Second, `performance.getEntriesByName("first-contentful-paint").length > 0`)
				var v struct{ Paint, Lists, Bytes, Files float64 }
				text := tab.Eval(`JSON.stringify((() => {
					const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
					return {
						paint: performance.getEntriesByName("first-contentful-paint")[0].startTime,
						lists: Math.max(...all.filter(e => /(terminals|logs|imports)$/.test(e.name)).map(e => e.responseEnd)),
						bytes: all.reduce((sum, e) => sum + e.transferSize, 0), files: all.length,
					};
				})())`)
				if err := json.Unmarshal([]byte(text), &v); err != nil {
					b.Fatal(err)
				}
				paints, lists, bytes, files = append(paints, v.Paint), append(lists, v.Lists), v.Bytes, v.Files
			}
			visit() // the server's and the browser's own first time
			paints, lists = nil, nil
			for b.Loop() {
				visit()
			}
			slices.Sort(paints)
			slices.Sort(lists)
			b.ReportMetric(paints[len(paints)/2], "ms/paint")
			b.ReportMetric(paints[len(paints)-1], "ms/slowest")
			b.ReportMetric(lists[len(lists)/2], "ms/lists")
			b.ReportMetric(bytes, "bytes")
			b.ReportMetric(files, "files")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkLogView follows a log into which 20,000 lines are written a second; each iteration is one
// second. The page should draw at the browser's pace (16.7 ms), hold no task of 50 ms, keep its memory and
// be at the end of the log when the writer stops.
func BenchmarkLogView(b *testing.B) {
	const perTick, ticks = 1000, 20 // lines each 50 ms
	s := start(b, origins, targets, harness.NginxConfig{})
	path := filepath.Join(s.service.Dir, "app.log")
	appendLine(b, path, "the first line")
	tab := run.StartBrowser(b, s.rule()).Tab(b)
	for _, wrap := range []bool{false, true} {
		b.Run(fmt.Sprintf("wrap=%t", wrap), func(b *testing.B) {
			openLog(b, tab, "app")
			tab.Until(10*time.Second, statusText("log-lines")+".length > 0")
			if tab.Eval(fmt.Sprintf(`document.querySelector(%q).getAttribute("aria-pressed")`, testid("log-wrap"))) != fmt.Sprint(wrap) {
				tab.Click(testid("log-wrap"))
			}
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			tab.Eval(`(() => {
				window.frames2 = []; window.tasks = [];
				new PerformanceObserver(list => tasks.push(...list.getEntries().map(e => e.duration))).observe({type: "longtask"});
				let last = performance.now();
				const frame = now => { frames2.push(now - last); last = now; requestAnimationFrame(frame); };
				requestAnimationFrame(now => { last = now; requestAnimationFrame(frame); });
				window.heap = performance.memory.usedJSHeapSize;
			})()`)
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			n := 0
			var batch strings.Builder
			for b.Loop() {
				for range ticks {
					batch.Reset()
					for range perTick {
						n++
						fmt.Fprintf(&batch, "2026-11-25T03:00:00.000Z INFO request served method=GET path=/api/v1/things/%d status=200 bytes=5120 duration_ms=12\n", n)
					}
					if _, err := f.WriteString(batch.String()); err != nil {
						b.Fatal(err)
					}
					<-tick.C
				}
			}
			tab.Until(20*time.Second, statusText("log-lines")+fmt.Sprintf(`.includes("things/%d ")`, n))
			var v struct{ Frames, Median, P99, Worst, Tasks, Longest, Heap, Gaps float64 }
			text := tab.Eval(fmt.Sprintf(`JSON.stringify((() => {
				const sorted = frames2.slice().sort((a, b) => a - b), at = q => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
				return {frames: sorted.length, median: at(.5), p99: at(.99), worst: at(1), tasks: tasks.length, longest: Math.max(0, ...tasks),
					heap: performance.memory.usedJSHeapSize - heap, gaps: document.querySelectorAll(%q).length};
			})())`, testid("log-gap")))
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(v.Median, "ms/frame")
			b.ReportMetric(v.P99, "ms/frame99")
			b.ReportMetric(v.Worst, "ms/frameworst")
			b.ReportMetric(v.Tasks/float64(b.N), "longtasks/s")
			b.ReportMetric(v.Longest, "ms/longesttask")
			b.ReportMetric(v.Heap/(1<<20), "MiB/heap")
			b.ReportMetric(v.Gaps, "gaps")
			b.ReportMetric(0, "ns/op")
		})
	}
}
