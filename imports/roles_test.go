package imports_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pruvon/pruvon/imports"
)

// play runs the test binary as something else than the tests.
func play(role string) int {
	switch role {
	case "full-disk":
		return fullDisk()
	case "crash":
		return crash(os.Getenv("PRUVON_TEST_DIR"))
	case "confined":
		return confined(os.Getenv("PRUVON_TEST_DIR"))
	default:
		return 2
	}
}

// crashConfig imports into a ledger: one line for each time an importer was
// given all of an import's input. Targets named "once" fail the first time.
func crashConfig(dir, slow string) imports.Config {
	ledger := func(after string) imports.Importer {
		return imports.Command(func(_ context.Context, i imports.Info) (*exec.Cmd, error) {
			script := "cat >/dev/null; echo $0 $1 >>" + filepath.Join(dir, "ledger") + "; " + after
			return exec.Command("/bin/sh", "-c", script, i.ID, strconv.Itoa(i.Attempt)), nil
		}, nil)
	}
	return imports.Config{
		Dir: filepath.Join(dir, "imports"), Authorize: allowAll, ReserveFree: -1, Slots: 1,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Targets: map[string]imports.Target{
			"db":   {Importer: ledger("echo done"), Lock: true},
			"once": {Importer: ledger("[ $1 -gt 1 ]")},
			"slow": {Importer: ledger(slow)},
		},
	}
}

// crash walks through the life of some imports and kills itself with SIGKILL
// after the n-th change on disk. It returns 0 when it got through.
func crash(dir string) int {
	at, _ := strconv.ParseInt(os.Getenv("PRUVON_TEST_FAULT"), 10, 64)
	var n atomic.Int64
	cfg := crashConfig(dir, "sleep 1000")
	cfg.SetFault(func(string) {
		if n.Add(1) == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	h, err := imports.New(cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	c := &crashClient{url: srv.URL, dir: dir}
	one := c.send("POST", "/db", "hello", "Idempotency-Key", "one")
	c.await(one)
	failed := c.send("POST", "/once", "hello")
	c.await(failed)
	c.send("POST", failed+"/retry", "")
	c.await(failed)
	parts := c.send("POST", "/db", "", "Upload-Complete", "?0", "Upload-Length", "10")
	c.send("PATCH", parts+"/content", "hello", "Upload-Offset", "0")
	c.send("PATCH", parts+"/content", "world", "Upload-Offset", "5", "Upload-Complete", "?1")
	c.await(parts)
	slow := c.send("POST", "/slow", "hello")
	waiting := c.send("POST", "/once", "hello")
	c.send("POST", waiting+"/cancel", "")
	c.send("POST", slow+"/cancel", "")
	c.await(slow)
	c.send("DELETE", slow, "")
	open := c.send("POST", "/db", "", "Upload-Complete", "?0", "Upload-Length", "10")
	c.send("PATCH", open+"/content", "hello", "Upload-Offset", "0")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := h.Shutdown(ctx); err != nil || c.err != nil {
		fmt.Fprintln(os.Stderr, err, c.err)
		return 1
	}
	return 0
}

type crashClient struct {
	url, dir string
	err      error
}

// send makes a request and notes the id of an import that was promised.
func (c *crashClient) send(method, path, body string, headers ...string) string {
	req, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.err = err
		return ""
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.err = err
		return ""
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	if res.StatusCode >= 300 {
		c.err = fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, b)
	}
	target, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	_, id, ok := bytes.Cut(b, []byte(`"id":"`))
	if !ok || len(id) < 32 {
		return ""
	}
	f, err := os.OpenFile(filepath.Join(c.dir, "promised"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		fmt.Fprintf(f, "%s %s %s\n", method, target, id[:32])
		f.Close()
	}
	return "/" + target + "/" + string(id[:32])
}

func (c *crashClient) await(path string) {
	for c.err == nil {
		res, err := http.Get(c.url + path + "/events") // ends with the import
		if err != nil {
			c.err = err
			return
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if bytes.Contains(b, []byte(`"type":"end"`)) {
			return
		}
	}
}

// fullDisk runs in a mount namespace of its own, with a tmpfs of 2 MiB as the
// whole disk, and prints what went wrong.
func fullDisk() int {
	dir := os.Getenv("PRUVON_TEST_DIR")
	if err := syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, ""); err != nil {
		fmt.Println("private:", err)
		return 1
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		fmt.Println("mount:", err)
		return 1
	}
	cfg := crashConfig(dir, "true")
	h, err := imports.New(cfg)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	fail := func(what string, a any) int {
		fmt.Println(what, a)
		return 1
	}
	post := func(method, path string, body io.Reader, headers ...string) (int, string, http.Header) {
		req, _ := http.NewRequest(method, srv.URL+path, body)
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err.Error(), nil
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b), res.Header
	}
	// Refused before the first byte: there is no room for what is announced.
	if code, body, _ := post("POST", "/db", strings.NewReader(strings.Repeat("x", 3<<20))); code != 507 || !strings.Contains(body, "no-space") {
		return fail("announced", body)
	}
	// Refused on the way: nothing was announced.
	if code, body, _ := post("POST", "/db", io.LimitReader(zeroReader{}, 3<<20)); code != 507 || !strings.Contains(body, "no-space") {
		return fail("unannounced", body)
	}
	// A resumable upload survives a disk that somebody else has filled.
	_, body, _ := post("POST", "/once", nil, "Upload-Complete", "?0", "Upload-Length", "1000000")
	_, id, _ := strings.Cut(body, `"id":"`)
	part := "/once/" + id[:32] + "/content"
	big := filepath.Join(dir, "somebody-elses")
	f, err := os.Create(big)
	if err != nil {
		return fail("create", err)
	}
	_, _ = io.Copy(f, io.LimitReader(zeroReader{}, 4<<20)) // to the brim
	f.Close()
	code, body, head := post("PATCH", part, strings.NewReader(strings.Repeat("x", 500_000)), "Upload-Offset", "0")
	if code != 507 {
		return fail("full", body)
	}
	offset := head.Get("Upload-Offset")
	if err := os.Remove(big); err != nil {
		return fail("remove", err)
	}
	n, _ := strconv.Atoi(offset)
	if code, body, _ = post("PATCH", part, strings.NewReader(strings.Repeat("x", 1_000_000-n)), "Upload-Offset", offset, "Upload-Complete", "?1"); code != 202 {
		return fail("after", body)
	}
	c := &crashClient{url: srv.URL, dir: dir}
	c.await("/once/" + id[:32])
	c.await(c.send("POST", "/db", "hello"))
	if c.err != nil {
		return fail("recovered", c.err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "imports", "jobs", "*"))
	if len(left) != 2 {
		return fail("left", left)
	}
	if err := h.Shutdown(context.Background()); err != nil {
		return fail("shutdown", err)
	}
	return 0
}

// confined serves one target, whose command outlives its input, until it is
// killed.
func confined(dir string) int {
	h, err := imports.New(imports.Config{
		Dir: dir, Authorize: allowAll, ReserveFree: -1, Slots: -1, Logger: slog.New(slog.DiscardHandler),
		Limits:  imports.Limits{Total: -1, PerUser: -1, PerAddr: -1},
		Targets: map[string]imports.Target{"db": {Importer: sh("while read x; do :; done; echo ready; exec sleep 1000")}},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	mux := http.NewServeMux()
	mux.Handle("/ops/imports/", http.StripPrefix("/ops/imports", h))
	mux.HandleFunc("GET /host", func(http.ResponseWriter, *http.Request) {})
	fmt.Println("listening", httptest.NewServer(mux).URL)
	select {}
}
