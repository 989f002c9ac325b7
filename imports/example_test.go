package imports_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"

	"github.com/pruvon/pruvon/imports"
)

func operator(*http.Request, imports.Resource) (imports.Access, error) {
	return imports.Access{User: "operator"}, nil
}

// An importer can be a Go function. Its input is decompressed, and ends with
// io.EOF only when all of it was good.
func ExampleImporterFunc() {
	dir, err := os.MkdirTemp("", "imports-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	h, err := imports.New(imports.Config{
		Dir:       dir,
		Authorize: operator,
		Targets: map[string]imports.Target{"lines": {
			Importer: imports.ImporterFunc(func(_ context.Context, src io.Reader, job *imports.Job) error {
				lines := 0
				s := bufio.NewScanner(src)
				for s.Scan() {
					lines++
				}
				job.Output(imports.Stdout, fmt.Appendf(nil, "%d lines\n", lines))
				return s.Err()
			}),
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	srv := httptest.NewServer(http.StripPrefix("/imports", h))
	defer srv.Close()

	res, err := http.Post(srv.URL+"/imports/lines", "application/octet-stream", strings.NewReader("a\nb\nc\n"))
	if err != nil {
		log.Fatal(err)
	}
	res.Body.Close()
	fmt.Println(res.Status)
	location, err := res.Location()
	if err != nil {
		log.Fatal(err)
	}

	// The events are one JSON object a line, the end last.
	events, err := http.Get(location.String() + "/events")
	if err != nil {
		log.Fatal(err)
	}
	defer events.Body.Close()
	for s := bufio.NewScanner(events.Body); s.Scan(); {
		var e struct{ Type, Outcome, Data string }
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			log.Fatal(err)
		}
		switch e.Type {
		case "output":
			fmt.Print(e.Data)
		case "end":
			fmt.Println(e.Outcome)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if err := h.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 202 Accepted
	// 3 lines
	// succeeded
}

// The wrong way: a shell pipeline hides the first command's failure, so a
// damaged file is imported up to the damage and reported as a success. Name the
// importer alone; the input arrives decompressed, and a damaged one kills it.
func ExampleCommand_wrong() {
	_ = imports.Command(func(context.Context, imports.Info) (*exec.Cmd, error) {
		return exec.Command("sh", "-c", "zcat | psql app"), nil
	}, imports.ExitZero)
}

// The right way, with the exit policy that knows psql.
func ExampleCommand() {
	target := imports.Target{
		Accept: []imports.Format{imports.FormatSQL},
		Importer: imports.Command(func(context.Context, imports.Info) (*exec.Cmd, error) {
			return exec.Command("psql", "--no-psqlrc", "--single-transaction", "-v", "ON_ERROR_STOP=1", "-d", "app"), nil
		}, imports.Psql),
	}
	if target.Importer == nil {
		log.Print(errors.New("no importer"))
	}
}
