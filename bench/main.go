package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/pruvon/pruvon/bench/growth"
	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/internal/report"
)

func main() {
	harness.ServeIfAsked(roles())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	match := flag.String("run", "", "run the scenarios whose name matches this regular `expression`")
	repetitions := flag.Int("n", defaultRepetitions(), "`times` that each target is measured; 5 with BENCH_FULL=1")
	list := flag.Bool("list", false, "list the scenarios and end")
	jsonFile := flag.String("json", "", "write all samples to this `file`")
	docs := flag.String("docs", "", "write the tables into this Markdown `file`, each into its place, and the curves into images/ beside it")
	tiny := flag.Bool("tiny", false, "make the smallest runs, to see whether they work; the figures mean nothing")
	flag.Parse()
	re, err := regexp.Compile(*match)
	if err != nil {
		return err
	}
	if *list {
		for _, s := range scenarios() {
			fmt.Printf("%-28s %s\n", s.Name, s.Title)
		}
		return nil
	}
	machine := report.ThisMachine()
	results, err := harness.RunAll(ctx, scenarios(), harness.Options{
		Match: re, Repetitions: *repetitions, Tiny: *tiny, Progress: os.Stderr,
	})
	if err != nil {
		return err
	}
	report.Markdown(os.Stdout, machine, results)
	fmt.Print(growth.Markdown(growth.Of(results), ""))
	return errors.Join(write(*jsonFile, *docs, machine, results), failures(results))
}

func defaultRepetitions() int {
	if os.Getenv("BENCH_FULL") == "1" {
		return 5
	}
	return 3
}

func write(jsonFile, docs string, m report.Machine, results []harness.Result) error {
	if docs != "" {
		if err := writeDocs(docs, m, results); err != nil {
			return err
		}
	}
	if jsonFile == "" {
		return nil
	}
	f, err := os.Create(jsonFile)
	if err != nil {
		return err
	}
	return errors.Join(report.JSON(f, m, results), f.Close())
}

// writeDocs fills the document in, and draws the curves beside it.
func writeDocs(path string, m report.Machine, results []harness.Result) error {
	const images = "images"
	var places []report.Place
	all := growth.Of(results)
	if len(all) > 0 {
		places = append(places, report.Place{Name: "growth", Text: growth.Markdown(all, images)})
	}
	return errors.Join(report.UpdateDocs(path, m, results, places...),
		growth.WriteFiles(filepath.Join(filepath.Dir(path), images), all))
}

func failures(results []harness.Result) error {
	var errs []error
	for _, r := range results {
		for _, t := range r.Targets {
			if err := t.Err(); err != nil {
				errs = append(errs, fmt.Errorf("%s, %s: %w", r.Scenario.Name, t.Target.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}
