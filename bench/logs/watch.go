package logs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/internal/lines"
	"github.com/pruvon/pruvon/bench/internal/stat"
	"github.com/pruvon/pruvon/bench/internal/viewers"
)

// stage is a file that is written to, a server that shows it, and the crowd
// before it.
type stage struct {
	path   string
	file   *os.File
	server *harness.Server
	crowd  *viewers.Crowd
	writer lines.Writer
}

// open starts the server and connects the viewers.
func open(ctx context.Context, env *harness.Env, kind string, c config, n int) (*stage, error) {
	dir, err := env.TempDir()
	if err != nil {
		return nil, err
	}
	s := &stage{path: filepath.Join(dir, "app.log")}
	if s.file, err = create(s.path); err != nil {
		return nil, err
	}
	c.Path = s.path
	if s.server, err = serve(ctx, env, kind, c); err == nil {
		s.crowd, err = viewers.Open(s.server.Addr, protocol(kind), n)
	}
	if err != nil {
		_ = s.file.Close()
		return nil, err
	}
	return s, nil
}

// create opens a log the way services do.
func create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// serve starts one of the servers.
func serve(ctx context.Context, env *harness.Env, kind string, c config) (*harness.Server, error) {
	if kind != websocketd {
		return env.Serve(ctx, role(kind), c)
	}
	from := "0"
	if c.All {
		from = "+1"
	}
	addr, err := harness.FreeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	return env.Program(ctx, addr, "websocketd", "--loglevel=fatal", "--address=127.0.0.1", "--port="+port, "tail", "-n", from, "-F", c.Path)
}

// protocol is what a server speaks, for a viewer who wants what is new.
func protocol(kind string) viewers.Protocol {
	switch kind {
	case pruvon:
		return viewers.Protocol{Path: "/?tail=0", Subprotocol: "pruvon.logs.v1"}
	case websocketd:
		return viewers.Protocol{Path: "/"}
	}
	return viewers.Protocol{}
}

var errNobody = errors.New("not all viewers have got a line")

// gather writes now and then until every viewer has got a line and nothing is
// under way any more.
func (s *stage) gather(ctx context.Context, n int) error {
	for end := time.Now().Add(30 * time.Second); s.crowd.Tally.Present() < n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%w: %d of %d", errNobody, s.crowd.Tally.Present(), n)
		}
		if err := s.writer.Write(s.file, 1); err != nil {
			return err
		}
		lines.Pause(10 * time.Millisecond)
	}
	s.settle(100 * time.Millisecond)
	s.crowd.Tally.Reset()
	return nil
}

// settle waits until nothing has come for a time.
func (s *stage) settle(quiet time.Duration) {
	for seen, last := s.crowd.Tally.Count(), time.Now(); time.Since(last) < quiet; {
		lines.Pause(time.Millisecond)
		if now := s.crowd.Tally.Count(); now != seen {
			seen, last = now, time.Now()
		}
	}
}

// await waits until so many lines have come, and no longer than the limit.
func await(t *lines.Tally, count int64, limit time.Duration) {
	for end := time.Now().Add(limit); t.Count() < count && time.Now().Before(end); {
		lines.Pause(time.Millisecond)
	}
}

// close ends the viewers; what they have seen may be looked at afterwards.
func (s *stage) close() []*lines.Judge {
	s.crowd.Close()
	_ = s.file.Close()
	return s.crowd.Tally.Judges()
}

// judge adds what the viewers under watch have seen of the lines from first on.
// A line that is missing behind the last one that came is late, not lost.
func judge(sample harness.Sample, judges []*lines.Judge, first uint64) {
	lost, doubled := 0, 0
	for _, j := range judges {
		lost += j.Missing(first, j.End())
		doubled += j.Doubled(first, j.End())
	}
	ages := lines.Ages(judges, first)
	sample["lost"] = float64(lost) / float64(len(judges))
	sample["doubled"] = float64(doubled) / float64(len(judges))
	sample["p50_ms"] = milliseconds(stat.Percentile(ages, 50))
	sample["p99_ms"] = milliseconds(stat.Percentile(ages, 99))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
