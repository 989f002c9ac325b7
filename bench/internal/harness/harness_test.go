package harness_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/internal/procfs"
)

func TestMain(m *testing.M) {
	harness.ServeIfAsked(map[string]harness.Role{"hello": hello, "broken": broken})
	goleak.VerifyTestMain(m)
}

type helloConfig struct{ Greeting, Goodbye string }

// hello greets over HTTP, repeats commands, and says goodbye in a file when it is stopped.
func hello(l net.Listener, config []byte) (harness.Service, error) {
	c, err := harness.Decode[helloConfig](config)
	if err != nil {
		return harness.Service{}, err
	}
	s := harness.HTTP(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, c.Greeting)
	}), func() { _ = os.WriteFile(c.Goodbye, nil, 0o600) })
	s.Do = func(command string) (string, error) {
		switch command {
		case "fail":
			return "", errors.New("as asked")
		case "die":
			os.Exit(3)
		}
		return command + "!", nil
	}
	return s, nil
}

func broken(net.Listener, []byte) (harness.Service, error) {
	return harness.Service{}, errors.New("cannot serve")
}

func scenario(run func(context.Context, *harness.Env, harness.Target) (harness.Sample, error)) harness.Scenario {
	return harness.Scenario{
		Name: "test/it", Title: "It", About: "About it.",
		Columns: []harness.Column{{Key: "v", Title: "V", Ratio: true}},
		Targets: []harness.Target{{Name: "floor", Floor: true}, {Name: "a"}, {Name: "b", Needs: "no-such-program", Get: "nowhere"}},
		Run:     run,
	}
}

// once runs one target once.
func once(t *testing.T, run func(context.Context, *harness.Env) error) harness.Result {
	s := scenario(func(ctx context.Context, env *harness.Env, _ harness.Target) (harness.Sample, error) {
		return harness.Sample{}, run(ctx, env)
	})
	s.Targets = s.Targets[:1]
	return runAll(t, s, 1)
}

func runAll(t *testing.T, s harness.Scenario, repetitions int) harness.Result {
	t.Helper()
	results, err := harness.RunAll(t.Context(), []harness.Scenario{s}, harness.Options{
		Repetitions: repetitions, Progress: io.Discard, NoiseFor: time.Millisecond,
	})
	require.NoError(t, err)
	require.Len(t, results, 1)
	return results[0]
}

func TestTargetsTakeTurns(t *testing.T) {
	var order []string
	v := map[string]float64{"floor": 1, "a": 10}
	s := scenario(func(_ context.Context, env *harness.Env, target harness.Target) (harness.Sample, error) {
		order = append(order, target.Name)
		v[target.Name] *= 2
		return harness.Sample{"v": v[target.Name]}, nil
	})
	r := runAll(t, s, 3)
	require.Equal(t, []string{"floor", "a", "a", "floor", "floor", "a"}, order, "each repetition starts with the next")
	require.Equal(t, []float64{20, 40, 80}, r.Targets[1].Values("v"))
	require.Equal(t, []float64{10, 10, 10}, r.Ratios(&r.Targets[1], "v"))
	require.True(t, r.Targets[2].Missing)
	require.Empty(t, r.Targets[2].Runs)
}

func TestRatiosAreWithinARepetitionAndASize(t *testing.T) {
	run := func(rep int, v float64) harness.Run {
		return harness.Run{Repetition: rep, Sample: harness.Sample{"v": v}}
	}
	r := harness.Result{Targets: []harness.TargetResult{
		{Target: harness.Target{Floor: true, X: 1}, Runs: []harness.Run{run(0, 2), run(1, 0), run(2, 4)}},
		{Target: harness.Target{Floor: true, X: 10}, Runs: []harness.Run{run(0, 100)}},
		{Target: harness.Target{X: 1}, Runs: []harness.Run{run(0, 4), run(1, 4), run(2, 4), run(3, 4)}},
		{Target: harness.Target{X: 5}, Runs: []harness.Run{run(0, 4)}},
	}}
	require.Equal(t, []float64{2, 1}, r.Ratios(&r.Targets[2], "v"))
	require.Empty(t, r.Ratios(&r.Targets[3], "v"))
}

func TestFailuresAreResults(t *testing.T) {
	s := scenario(func(_ context.Context, _ *harness.Env, target harness.Target) (harness.Sample, error) {
		if target.Floor {
			return nil, errors.New("no floor")
		}
		return harness.Sample{"v": 1, "unknown": 2}, nil
	})
	r := runAll(t, s, 2)
	require.ErrorContains(t, r.Targets[0].Err(), "no floor")
	require.ErrorContains(t, r.Targets[1].Err(), `no column shows "unknown"`)
}

func TestARunThatHangsIsEnded(t *testing.T) {
	s := scenario(func(ctx context.Context, env *harness.Env, _ harness.Target) (harness.Sample, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	results, err := harness.RunAll(t.Context(), []harness.Scenario{s}, harness.Options{
		Repetitions: 1, Progress: io.Discard, NoiseFor: time.Millisecond, Timeout: 10 * time.Millisecond,
	})
	require.NoError(t, err)
	require.ErrorIs(t, results[0].Targets[0].Err(), context.DeadlineExceeded)
}

func TestScenariosArePickedByName(t *testing.T) {
	s := scenario(nil)
	results, err := harness.RunAll(t.Context(), []harness.Scenario{s}, harness.Options{Match: regexp.MustCompile("^other")})
	require.NoError(t, err)
	require.Empty(t, results)
	_, err = harness.RunAll(t.Context(), []harness.Scenario{s}, harness.Options{})
	require.ErrorContains(t, err, "Run")
}

func TestFaultsOfAScenario(t *testing.T) {
	s := scenario(func(context.Context, *harness.Env, harness.Target) (harness.Sample, error) { return nil, nil })
	require.NoError(t, s.Validate())
	s.Columns = append(s.Columns, harness.Column{Key: "v", Title: "again"})
	s.Targets = append(s.Targets, harness.Target{Name: "a"}, harness.Target{Name: "second", Floor: true}, harness.Target{Name: "x", X: 1, Get: "somewhere"})
	s.Goals = []harness.Goal{{Target: "nobody", Column: "v", AtMost: 1}, {Target: "a", Column: "v", AtLeast: 1, AtMost: 1}}
	for _, fault := range []string{`column "v"`, `target "a"`, `target "second"`, "Needs and Get", "X without Axis", `of "nobody"`, `of "a"`} {
		require.ErrorContains(t, s.Validate(), fault)
	}
}

func TestServersAreProcessesOfTheirOwn(t *testing.T) {
	goodbye := filepath.Join(t.TempDir(), "goodbye")
	var pid int
	r := once(t, func(ctx context.Context, env *harness.Env) error {
		s, err := env.Serve(ctx, "hello", helloConfig{"hi", goodbye})
		if err != nil {
			return err
		}
		pid = s.PID
		require.NotEqual(t, os.Getpid(), pid)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get("http://" + s.Addr)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, "hi", string(body))

		answer, err := s.Do(ctx, "x y")
		require.NoError(t, err)
		require.Equal(t, "x y!", answer)
		_, err = s.Do(ctx, "fail")
		require.ErrorContains(t, err, "as asked")
		u, err := s.Collected(ctx)
		require.NoError(t, err)
		require.Greater(t, u.RSS, int64(1<<20))
		return nil
	})
	require.NoError(t, r.Targets[0].Err())
	require.FileExists(t, goodbye, "it was not stopped gently")
	_, err := procfs.Read(pid)
	require.Error(t, err, "it is still there")
}

func TestServersThatDoNotServe(t *testing.T) {
	for _, c := range []struct{ role, want string }{{"broken", "cannot serve"}, {"unknown", `no role "unknown"`}} {
		r := once(t, func(ctx context.Context, env *harness.Env) error {
			_, err := env.Serve(ctx, c.role, nil)
			return err
		})
		require.ErrorContains(t, r.Targets[0].Err(), c.want)
	}
	r := once(t, func(ctx context.Context, env *harness.Env) error {
		s, err := env.Serve(ctx, "hello", helloConfig{})
		require.NoError(t, err)
		_, err = s.Do(ctx, "die")
		return err
	})
	require.ErrorContains(t, r.Targets[0].Err(), "the server has ended")
}

func TestProgramsThatDoNotListen(t *testing.T) {
	addr, err := harness.FreeAddr()
	require.NoError(t, err)
	r := once(t, func(ctx context.Context, env *harness.Env) error {
		_, err := env.Program(ctx, addr, "/bin/sh", "-c", "echo cannot listen >&2; exit 1")
		return err
	})
	require.ErrorContains(t, r.Targets[0].Err(), "cannot listen")
	r = once(t, func(ctx context.Context, env *harness.Env) error {
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err := env.Program(ctx, addr, "/bin/sh", "-c", "sleep 1000")
		return err
	})
	require.ErrorIs(t, r.Targets[0].Err(), context.DeadlineExceeded)
}
