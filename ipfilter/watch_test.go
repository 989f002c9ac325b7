package ipfilter_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/pruvon/pruvon/ipfilter"
	"github.com/stretchr/testify/require"
)

// watched is a Filter on a real file, in a bubble whose clock moves by sleep.
type watched struct {
	*testing.T
	*ipfilter.Filter
	dir, path string
	reg       *prometheus.Registry
	log       *safeBuffer
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

const (
	listA = "allow 10.0.0.1; # a\ndeny all;\n"
	listB = "allow 10.0.0.2; # b\ndeny all;\n" // as long as listA
	bad   = "allow 10.0.0.3;\nallow 10.0.0.;\ndeny all;\n"
)

// watch runs test with a file that holds listA. prepare may make path something else than a plain
// file; it returns the path to watch.
func watch(t *testing.T, prepare func(w *watched) string, test func(w *watched)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &watched{T: t, dir: dir, reg: prometheus.NewRegistry(), log: new(safeBuffer)}
		w.path = w.file("allow.conf")
		w.write(w.path, listA)
		if prepare != nil {
			w.path = prepare(w)
		}
		var err error
		w.Filter, err = ipfilter.New(ipfilter.Config{File: w.path, Registerer: w.reg, Logger: slog.New(slog.NewTextHandler(w.log, nil))})
		require.NoError(t, err)
		defer func() { require.NoError(t, w.Shutdown(context.Background())) }()
		require.Equal(t, "10.0.0.1", w.admits())
		test(w)
	})
}

func (w *watched) file(name string) string { return filepath.Join(w.dir, name) }

func (w *watched) write(path, text string) {
	require.NoError(w, os.WriteFile(path, []byte(text), 0o600))
}

// admits returns the one address of 10.0.0.0/29 that is admitted.
func (w *watched) admits() string {
	var admitted []string
	addr := netip.MustParseAddr("10.0.0.0")
	for range 8 {
		if w.Decide(addr).Allowed {
			admitted = append(admitted, addr.String())
		}
		addr = addr.Next()
	}
	return strings.Join(admitted, " ")
}

// becomes checks that a second later the address is the one that is admitted.
func (w *watched) becomes(want string) {
	w.Helper()
	time.Sleep(time.Second)
	synctest.Wait()
	require.Equal(w, want, w.admits())
}

func (w *watched) metric(name string) float64 { return metric(w.T, w.reg, name, "") }

func TestReloadNoticesEveryWayOfWriting(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(*watched) string
		change  func(*watched)
	}{
		"in place, same length": {nil, func(w *watched) { w.write(w.path, listB) }},
		"in place, without truncating": {nil, func(w *watched) {
			f, err := os.OpenFile(w.path, os.O_WRONLY, 0)
			require.NoError(w, err)
			_, err = f.WriteString(listB)
			require.NoError(w, err)
			require.NoError(w, f.Close())
		}},
		"appended in front of nothing": {
			func(w *watched) string { w.write(w.path, "allow 10.0.0.1;\n"); return w.path },
			func(w *watched) {
				w.write(w.file("x"), "deny 10.0.0.1;\nallow 10.0.0.2;\n")
				require.NoError(w, os.Rename(w.file("x"), w.path))
			},
		},
		"renamed over": {nil, func(w *watched) {
			w.write(w.file("allow.conf.new"), listB)
			require.NoError(w, os.Rename(w.file("allow.conf.new"), w.path))
		}},
		"renamed over, older time stamp": {nil, func(w *watched) {
			w.write(w.file("allow.conf.new"), listB)
			info, err := os.Stat(w.path)
			require.NoError(w, err)
			require.NoError(w, os.Chtimes(w.file("allow.conf.new"), info.ModTime(), info.ModTime()))
			require.NoError(w, os.Rename(w.file("allow.conf.new"), w.path))
		}},
		"in place, time stamp put back": {nil, func(w *watched) {
			info, err := os.Stat(w.path)
			require.NoError(w, err)
			w.write(w.path, listB)
			require.NoError(w, os.Chtimes(w.path, info.ModTime(), info.ModTime()))
		}},
		"removed and written": {nil, func(w *watched) {
			require.NoError(w, os.Remove(w.path))
			w.write(w.path, listB)
		}},
		"symbolic link swapped": {
			func(w *watched) string {
				w.write(w.file("b"), listB)
				require.NoError(w, os.Symlink("allow.conf", w.file("link")))
				return w.file("link")
			},
			func(w *watched) {
				require.NoError(w, os.Symlink("b", w.file("link.new")))
				require.NoError(w, os.Rename(w.file("link.new"), w.path))
			},
		},
		"directory link swapped, as Kubernetes does": {
			func(w *watched) string {
				for name, list := range map[string]string{"v1": listA, "v2": listB} {
					require.NoError(w, os.Mkdir(w.file(name), 0o700))
					w.write(filepath.Join(w.file(name), "list"), list)
				}
				require.NoError(w, os.Symlink("v1", w.file("..data")))
				require.NoError(w, os.Symlink("..data/list", w.file("list")))
				return w.file("list")
			},
			func(w *watched) {
				require.NoError(w, os.Symlink("v2", w.file("..tmp")))
				require.NoError(w, os.Rename(w.file("..tmp"), w.file("..data")))
			},
		},
		"behind a symbolic link, in place": {
			func(w *watched) string {
				require.NoError(w, os.Symlink("allow.conf", w.file("link")))
				return w.file("link")
			},
			func(w *watched) { w.write(w.file("allow.conf"), listB) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			watch(t, tt.prepare, func(w *watched) {
				// At once, while the file's time stamps are still those of the first reading ...
				tt.change(w)
				w.becomes("10.0.0.2")
				require.Equal(w, 1.0, w.metric("pruvon_ipfilter_reloads_total"))
				require.Equal(w, 0.0, w.metric("pruvon_ipfilter_reload_errors_total"))
				require.Contains(w, w.log.String(), "allowlist reloaded")
				// ... and long after.
				time.Sleep(time.Minute)
				w.write(w.path, listA)
				w.becomes("10.0.0.1")
				time.Sleep(time.Hour)
				require.Equal(w, 2.0, w.metric("pruvon_ipfilter_reloads_total"), "no change, no reload")
				require.Zero(w, w.metric("pruvon_ipfilter_rules_age_seconds"))
			})
		})
	}
}

// Whoever writes in place is given the time to finish.
func TestReloadWaitsForTheWriter(t *testing.T) {
	watch(t, nil, func(w *watched) {
		time.Sleep(time.Minute + 10*time.Millisecond) // between two looks
		w.write(w.path, "deny 10.0.0.7;\n")           // alone, it would admit everybody else
		time.Sleep(ipfilter.DefaultPoll)
		synctest.Wait()
		require.Equal(w, "10.0.0.1", w.admits())
		w.write(w.path, "deny 10.0.0.7;\nallow 10.0.0.2;\n")
		w.becomes("10.0.0.2")
		require.Equal(w, 1.0, w.metric("pruvon_ipfilter_reloads_total"))
	})
}

// A file that never rests is read nevertheless.
func TestReloadDoesNotWaitForever(t *testing.T) {
	watch(t, nil, func(w *watched) {
		text := listB
		for range 10 {
			text += "# more\n"
			w.write(w.path, text)
			time.Sleep(100 * time.Millisecond)
		}
		require.Equal(w, "10.0.0.2", w.admits())
	})
}

func TestABadFileChangesNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*watched)
		fault string
	}{
		"syntax":    {func(w *watched) { w.write(w.path, bad) }, `allow.conf:2: allow \"10.0.0.\": not an address`},
		"removed":   {func(w *watched) { require.NoError(w, os.Remove(w.path)) }, "no such file"},
		"directory": {func(w *watched) { require.NoError(w, os.Remove(w.path)); require.NoError(w, os.Mkdir(w.path, 0o700)) }, "is a directory"},
		"FIFO": {func(w *watched) {
			require.NoError(w, os.Remove(w.path))
			require.NoError(w, syscall.Mkfifo(w.path, 0o600))
		}, "is a FIFO"},
		"socket": {func(w *watched) {
			require.NoError(w, os.Remove(w.path))
			require.NoError(w, syscall.Mknod(w.path, syscall.S_IFSOCK|0o600, 0))
		}, "such device"},
		"link to itself": {func(w *watched) {
			require.NoError(w, os.Remove(w.path))
			require.NoError(w, os.Symlink("allow.conf", w.path))
		}, "too many levels"},
	} {
		t.Run(name, func(t *testing.T) {
			watch(t, nil, func(w *watched) {
				tt.spoil(w)
				w.becomes("10.0.0.1")
				require.Contains(w, w.log.String(), tt.fault)
				require.Equal(w, 1.0, w.metric("pruvon_ipfilter_reload_errors_total"))
				require.Error(w, w.Reload())
				time.Sleep(10 * time.Minute)
				require.InDelta(w, 600, w.metric("pruvon_ipfilter_rules_age_seconds"), 5)
				require.Equal(w, 1.0, w.metric("pruvon_ipfilter_reload_errors_total"), "one fault is one error, however long it lasts")
				require.Equal(w, 1, strings.Count(w.log.String(), "level=ERROR"))

				require.NoError(w, os.RemoveAll(w.path))
				w.write(w.path, listB)
				w.becomes("10.0.0.2")
				require.Zero(w, w.metric("pruvon_ipfilter_rules_age_seconds"))
				require.NoError(w, w.Reload())
			})
		})
	}
}

// The file comes back as it was: nothing is exchanged, and the fault is over.
func TestARepairedFile(t *testing.T) {
	watch(t, nil, func(w *watched) {
		w.write(w.path, bad)
		w.becomes("10.0.0.1")
		w.write(w.path, strings.ReplaceAll(bad, "0.3", "0.4"))
		w.becomes("10.0.0.1")
		require.Equal(w, 2.0, w.metric("pruvon_ipfilter_reload_errors_total"), "another bad file is another error")
		require.NoError(w, os.Rename(w.path, w.file("away")))
		w.becomes("10.0.0.1")
		w.write(w.path, listA)
		w.becomes("10.0.0.1")
		require.Zero(w, w.metric("pruvon_ipfilter_rules_age_seconds"))
		require.Equal(w, 3.0, w.metric("pruvon_ipfilter_reload_errors_total"))
		require.Equal(w, 0.0, w.metric("pruvon_ipfilter_reloads_total"))
	})
}

// A file system's clock ticks: before Linux 6.13, what is written in the tick in which the file was
// read leaves no trace in its inode. Writing to a page that is mapped and dirty leaves none on any
// kernel, so this test does that.
func TestReloadNoticesWhatTheTimeStampHides(t *testing.T) {
	watch(t, nil, func(w *watched) {
		f, err := os.OpenFile(w.path, os.O_RDWR, 0)
		require.NoError(w, err)
		defer f.Close()
		page, err := syscall.Mmap(int(f.Fd()), 0, len(listA), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
		require.NoError(w, err)
		defer func() { require.NoError(w, syscall.Munmap(page)) }()
		copy(page, listA) // the page is dirty from now on
		require.NoError(w, w.Reload())
		before, err := f.Stat()
		require.NoError(w, err)
		copy(page, listB)
		after, err := f.Stat()
		require.NoError(w, err)
		require.Equal(w, before.ModTime(), after.ModTime())
		w.becomes("10.0.0.2")
	})
}

// A mount that was gone for a while brings back the very same inode.
func TestTheSameFileComesBack(t *testing.T) {
	link := func(w *watched) string {
		require.NoError(w, os.Symlink("allow.conf", w.file("link")))
		return w.file("link")
	}
	watch(t, link, func(w *watched) {
		time.Sleep(time.Minute)
		require.NoError(w, os.Remove(w.path))
		w.becomes("10.0.0.1")
		require.Positive(w, w.metric("pruvon_ipfilter_rules_age_seconds"))
		link(w)
		w.becomes("10.0.0.1")
		require.Zero(w, w.metric("pruvon_ipfilter_rules_age_seconds"))
		require.NoError(w, w.Reload())
	})
}

func TestAnEmptiedFileDeniesEverybody(t *testing.T) {
	watch(t, nil, func(w *watched) {
		w.write(w.path, "# nobody\n")
		w.becomes("")
		require.Contains(w, w.log.String(), "everybody is denied")
	})
}

// What is allowed but most likely not meant is logged with both lines, at the start and when the
// file is edited.
func TestWarningsAreLogged(t *testing.T) {
	watch(t, func(w *watched) string {
		w.write(w.path, "allow 10.0.0.1/32;\nallow 10.0.0.1;\ndeny all;\n")
		return w.path
	}, func(w *watched) {
		require.Contains(w, w.log.String(), "level=WARN")
		require.Contains(w, w.log.String(), `allow.conf:2: \"allow 10.0.0.1;\" repeats \"allow 10.0.0.1;\" in line 1`)
		w.write(w.path, listA+strings.Repeat("deny 10.0.0.3;\n", 30))
		w.becomes("10.0.0.1")
		require.Contains(w, w.log.String(), `allow.conf:3: \"deny 10.0.0.3;\" never decides: \"deny all;\" in line 2`)
		require.Contains(w, w.log.String(), "more warnings\" count=10")
	})
}

func TestPollOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "allow.conf")
	require.NoError(t, os.WriteFile(path, []byte(listA), 0o600))
	f, err := ipfilter.New(ipfilter.Config{File: path, Poll: -1, Logger: quiet})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(listB), 0o600))
	require.NoError(t, f.Reload())
	require.True(t, f.Decide(netip.MustParseAddr("10.0.0.2")).Allowed)
	require.ErrorContains(t, f.SetRules(nil), path)
	require.NoError(t, f.Shutdown(t.Context()))
}

func TestNewRefusesABadFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	broken := filepath.Join(dir, "broken")
	require.NoError(t, os.WriteFile(broken, []byte(bad), 0o600))
	for path, want := range map[string]string{
		dir: "is a directory", fifo: "is a FIFO", broken: "broken:2: ", "/dev/null": "not a regular file", filepath.Join(dir, "none"): "no such file",
	} {
		_, err := ipfilter.New(ipfilter.Config{File: path, Logger: quiet})
		require.ErrorContains(t, err, want)
	}
}

func TestShutdownTwiceAndInVain(t *testing.T) {
	watch(t, nil, func(w *watched) {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		if err := w.Shutdown(ended); err != nil { // the goroutine may have been faster
			require.ErrorIs(w, err, context.Canceled)
		}
		require.NoError(w, w.Shutdown(context.Background()))
		w.write(w.path, listB)
		w.becomes("10.0.0.1")
	})
}
