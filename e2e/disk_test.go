package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

// diskTargets are a recorded terminal, a log that is not on the disk that gets full, and an import that
// leaves a trace when it has been started, waits until it may end, and fails until all is well.
const diskTargets = `
terminals:
  shell: {command: [/bin/bash, --norc, --noprofile], env: {PS1: "$ "}, record: true}
logs:
  app: {file: "{{DIR}}/app.log"}
imports:
  count: {command: [/bin/sh, -c, "cat >/dev/null; echo x >>{{DIR}}/started; until [ -e {{DIR}}/go ]; do sleep 0.02; done; test -e {{DIR}}/well"]}
limits: {import_slots: 1}
`

// The disk of the service's state is full for a while: what needs it is refused and says so, everything
// else goes on, and nothing has to be restarted when there is room again.
func TestDiskIsFull(t *testing.T) {
	if !harness.Isolated() {
		if !harness.Isolate(t) {
			t.Error("this test needs a mount namespace")
		}
		return
	}
	harness.LoopbackUp(t)
	dir := run.Sub(t)
	disk := filepath.Join(dir, "cache")
	harness.Tmpfs(t, disk, "300m") // uploads leave 256 MiB free
	service := run.StartPlainService(t, dir, "", "  "+origins+diskTargets)
	s := &stack{service: service, nginx: run.StartNginx(t, harness.NginxConfig{Upstream: service.Addr})}
	run.Watch(t)
	appendLine(t, filepath.Join(dir, "app.log"), "before")
	started := func() string {
		text, _ := os.ReadFile(filepath.Join(dir, "started"))
		return string(text)
	}
	state := func(path, want string) {
		t.Helper()
		harness.Eventually(t, 10*time.Second, func() error {
			if j := snapshot(t, s.client(), path); j.State != want {
				return fmt.Errorf("the import is %s, want %s", j.State, want)
			}
			return nil
		})
	}

	session := s.client().Dial(t, "/terminals/shell", "pruvon.terminal.v1")
	session.SendText(hello)
	session.SendBinary([]byte("echo re''ady\r"))
	readUntil(t, session, "ready")
	running := upload(t, s.client(), "count", []byte("the one that runs"))
	state(running, "running")
	var waiting []string
	for range 4 {
		waiting = append(waiting, upload(t, s.client(), "count", []byte("one that waits")))
		state(waiting[len(waiting)-1], "queued")
	}
	created := harness.Send(t, s.client().HTTP, http.MethodPost, harness.Origin+"/imports/count", "",
		"Origin: "+harness.Origin, "Upload-Complete: ?0", "Upload-Length: 500000")
	if created.Status != http.StatusCreated {
		t.Fatalf("%d %s", created.Status, created.Body)
	}
	part := location("/imports/count", created.Header.Get("Location")) + "/content"

	free := harness.Fill(t, disk)
	send := func(method, path string, body string, headers ...string) harness.Answer {
		t.Helper()
		return harness.Send(t, s.client().HTTP, method, harness.Origin+path, body, append(headers, "Origin: "+harness.Origin)...)
	}
	checkProblem(t, send("POST", "/imports/count", "hello"), http.StatusInsufficientStorage)
	whole := strings.Repeat("x", 500_000)
	checkProblem(t, send("PATCH", strings.TrimPrefix(part, harness.Origin), whole, "Upload-Offset: 0", "Upload-Complete: ?1"), http.StatusInsufficientStorage)

	// The slot becomes free, but that the next one runs can be written down only if it finds a page that
	// the one before has given back, before the filler does.
	touch := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	touch("go")
	if j := done(t, s.client(), running, 10*time.Second); j.Outcome != "failed" {
		t.Errorf("the import that ran %s (%+v)", j.Outcome, j.Problem)
	}
	unstarted := 0
	for _, path := range waiting {
		j := done(t, s.client(), path, 10*time.Second)
		if j.Outcome != "failed" {
			t.Errorf("an import that waited %s (%+v)", j.Outcome, j.Problem)
		}
		if strings.Contains(j.Problem.Title, "journal cannot be written") {
			unstarted++
		}
	}
	if n := strings.Count(started(), "x"); n != 1+len(waiting)-unstarted {
		t.Errorf("%d imports were started, %d of %d say that they were not", n, unstarted, 1+len(waiting))
	}

	// A megabyte waits for the disk; the rest of three is a gap in the recording, and is shown.
	session.SendBinary([]byte("seq -w 400000; echo th''ere\r"))
	text, err := readAcknowledging(session, "there")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "400000") {
		t.Error("output is missing on the screen")
	}
	another := s.client().Dial(t, "/terminals/shell", "pruvon.terminal.v1")
	another.SendText(hello)
	another.SendBinary([]byte("echo al''so\r"))
	readUntil(t, another, "also")
	viewer := s.client().Stream(t, "/logs/app", "Accept: application/x-ndjson")
	viewer.Find("before")
	appendLine(t, filepath.Join(dir, "app.log"), "while it is full")
	viewer.Find("while it is full")

	free()
	touch("well")
	began := time.Now()
	var offset string
	harness.Eventually(t, 5*time.Second, func() error {
		head := send("HEAD", part, "")
		if offset = head.Header.Get("Upload-Offset"); head.Status != http.StatusNoContent || offset == "" {
			return fmt.Errorf("HEAD: %d", head.Status)
		}
		return nil
	})
	var at int
	if _, err := fmt.Sscan(offset, &at); err != nil {
		t.Fatal(err)
	}
	if answer := send("PATCH", part, whole[at:], "Upload-Offset: "+offset, "Upload-Complete: ?1"); answer.Status != http.StatusAccepted {
		t.Errorf("the upload cannot go on: %d %s", answer.Status, answer.Body)
	}
	again := time.Since(began)
	for _, path := range append(waiting, running) {
		if answer := send("POST", path+"/retry", ""); answer.Status != http.StatusAccepted {
			t.Errorf("the retry: %d %s", answer.Status, answer.Body)
		}
	}
	for _, path := range append(waiting, running) {
		if j := done(t, s.client(), path, 10*time.Second); j.Outcome != "succeeded" {
			t.Errorf("the retry %s (%+v)", j.Outcome, j.Problem)
		}
	}
	if j := done(t, s.client(), strings.TrimSuffix(part, "/content"), 10*time.Second); j.Outcome != "succeeded" || j.Progress.Stored != 500_000 {
		t.Errorf("the upload that went on %s (%+v)", j.Outcome, j.Problem)
	}
	session.SendBinary([]byte("exit\r"))
	session.Closed()
	gap := 0
	harness.Eventually(t, 10*time.Second, func() error {
		files, err := filepath.Glob(filepath.Join(service.StateDir, "recordings", "*"))
		if err != nil {
			return err
		}
		for _, file := range files {
			cast, _ := os.ReadFile(file)
			if _, after, found := strings.Cut(string(cast), `"gap: `); found && strings.Contains(after, "exit: ") {
				_, err := fmt.Sscan(after, &gap)
				return err
			}
		}
		return fmt.Errorf("none of %v has a gap and an end", files)
	})
	keep(t, "The disk is full", "uploads get 507, an import whose journal cannot be written is not started and says so, a recording marks its gap; terminals and logs go on; with room again all is well without a restart",
		"507 before and during an upload; %d of %d waiting imports found no room and were not started; %d KB marked as missing in the recording; %d of 500000 bytes were kept and the upload went on %d ms after there was room", unstarted, len(waiting), gap>>10, at, again.Milliseconds())
}

// readAcknowledging reads output until it contains text, acknowledging it as a page does.
func readAcknowledging(socket *harness.Socket, text string) (string, error) {
	var output strings.Builder
	acked := 0
	for !strings.Contains(output.String()[max(0, output.Len()-100):], text) {
		binary, data, err := socket.Next()
		if err != nil {
			return output.String(), err
		}
		if !binary {
			continue
		}
		output.Write(data)
		if output.Len()-acked >= 16<<10 {
			acked = output.Len()
			if err := socket.TrySendText(fmt.Sprintf(`{"type":"ack","offset":%d}`, acked)); err != nil {
				return output.String(), err
			}
		}
	}
	return output.String(), nil
}
