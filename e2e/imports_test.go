package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/pruvon/pruvon/e2e/harness"
)

func TestImportEndsSucceededWithItsBytesCounted(t *testing.T) {
	tab := browser(t).Tab(t)
	size := 5<<20 + 7 // more than nginx takes in one request by default
	file := filepath.Join(run.Sub(t), "numbers.bin")
	if err := os.WriteFile(file, bytes.Repeat([]byte{'7'}, size), 0o644); err != nil {
		t.Fatal(err)
	}
	tab.Open(harness.Origin + "/")
	tab.Click(testid("import-open-count"))
	importFile(tab, file)
	untilSucceeded(tab, 30*time.Second)
	if stored := tab.Eval(fmt.Sprintf("document.querySelector(%q).dataset.stored", testid("import-bytes"))); stored != fmt.Sprint(size) {
		t.Errorf("the page counts %s bytes, want %d", stored, size)
	}
	tab.Until(10*time.Second, fmt.Sprintf(`document.body.innerText.includes("%d")`, size)) // what wc printed
	tab.Shot("import")
}

// importFile chooses a file in the open import view and starts the import.
func importFile(tab *harness.Tab, file string) {
	tab.Do(
		chromedp.SetUploadFiles(chromedp.CSS(testid("import-file")), []string{file}, chromedp.NodeReady),
		chromedp.Click(chromedp.CSS(testid("import-start")), chromedp.NodeVisible),
	)
}

// untilSucceeded waits until the page says that the import has succeeded.
func untilSucceeded(tab *harness.Tab, limit time.Duration) {
	tab.Until(limit, fmt.Sprintf(`document.querySelector(%q)?.dataset.outcome === "succeeded"`, testid("import-outcome")))
}

// job is what the tests read of an import's snapshot.
type job struct {
	ID       string
	State    string
	Outcome  string
	Progress struct {
		Stored, Total, Decompressed int64
		Percent                     *float64
	}
	Problem struct{ Type, Title, Detail string }
}

// upload sends a file in parts of 1 MiB, which pass an nginx without client_max_body_size, and returns
// the path of the job.
func upload(t *testing.T, client *harness.Client, target string, content []byte) string {
	t.Helper()
	path, answer := tryUpload(t, client, target, content)
	if answer.Status != http.StatusAccepted {
		t.Fatalf("the last part: %d %s", answer.Status, answer.Body)
	}
	return path
}

// tryUpload is upload for a file that may be refused when it is complete; it returns the last answer.
func tryUpload(t *testing.T, client *harness.Client, target string, content []byte) (path string, answer harness.Answer) {
	t.Helper()
	created := harness.Send(t, client.HTTP, http.MethodPost, harness.Origin+"/imports/"+target, "",
		"Origin: "+harness.Origin, "Upload-Complete: ?0", fmt.Sprintf("Upload-Length: %d", len(content)))
	if created.Status != http.StatusCreated {
		t.Fatalf("creating the upload: %d %s", created.Status, created.Body)
	}
	path = location("/imports/"+target, created.Header.Get("Location"))
	const part = 1 << 20
	for offset := 0; offset < len(content); offset += part {
		end := min(offset+part, len(content))
		complete := "?0"
		if end == len(content) {
			complete = "?1"
		}
		answer = harness.Send(t, client.HTTP, http.MethodPatch, harness.Origin+path+"/content", string(content[offset:end]),
			"Origin: "+harness.Origin, "Upload-Complete: "+complete, fmt.Sprintf("Upload-Offset: %d", offset))
		if end < len(content) && answer.Status != http.StatusNoContent {
			t.Fatalf("part at %d: %d %s", offset, answer.Status, answer.Body)
		}
	}
	return path, answer
}

// location resolves a relative Location against the path it was given at.
func location(base, reference string) string {
	if strings.HasPrefix(reference, "/") {
		return reference
	}
	dir, _, _ := strings.Cut(base, "?")
	dir = dir[:strings.LastIndex(dir, "/")+1]
	return filepath.Join(dir, reference)
}

func snapshot(t *testing.T, client *harness.Client, path string) job {
	t.Helper()
	answer := client.Get(t, path)
	if answer.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, answer.Status, answer.Body)
	}
	var j job
	if err := json.Unmarshal([]byte(answer.Body), &j); err != nil {
		t.Fatalf("%v: %s", err, answer.Body)
	}
	return j
}

// done waits until the job has ended.
func done(t *testing.T, client *harness.Client, path string, limit time.Duration) job {
	t.Helper()
	var j job
	harness.Eventually(t, limit, func() error {
		if j = snapshot(t, client, path); j.State != "done" {
			return fmt.Errorf("the job is %s", j.State)
		}
		return nil
	})
	return j
}

func TestUploadInPartsPassesAnUntouchedNginx(t *testing.T) {
	client := shared(t).client()
	content := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
	path := upload(t, client, "count", content)
	if j := done(t, client, path, 20*time.Second); j.Outcome != "succeeded" || j.Progress.Stored != int64(len(content)) {
		t.Errorf("outcome %s, %d bytes stored, want succeeded and %d", j.Outcome, j.Progress.Stored, len(content))
	}
	if output := client.Get(t, path+"/log").Body; !strings.Contains(output, fmt.Sprint(len(content))) {
		t.Errorf("the command printed %q, want %d", output, len(content))
	}
}

// nginx refuses a body over client_max_body_size (1 MiB by default) with a page of its own, before
// Pruvon sees any of it: that is why the browser module sends parts.
func TestOneLargeRequestIsRefusedByNginx(t *testing.T) {
	answer := harness.Send(t, shared(t).client().HTTP, http.MethodPost, harness.Origin+"/imports/count",
		strings.Repeat("x", 2<<20), "Origin: "+harness.Origin)
	if answer.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", answer.Status)
	}
}

func TestRawUploadIsAJob(t *testing.T) {
	client := shared(t).client()
	for _, method := range []string{http.MethodPost, http.MethodPut} {
		answer := harness.Send(t, client.HTTP, method, harness.Origin+"/imports/count", "twelve bytes", "Origin: "+harness.Origin)
		if answer.Status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", method, answer.Status, answer.Body)
		}
		path := location("/imports/count", answer.Header.Get("Location"))
		if j := done(t, client, path, 20*time.Second); j.Outcome != "succeeded" {
			t.Errorf("%s: outcome %s", method, j.Outcome)
		}
	}
}
