// Command standalone is Pruvon as one binary: terminals, logs and imports from
// a YAML file, made to stand on loopback behind nginx.
//
//	standalone [-config FILE] [-check [-nginx FILE]] [-version]
//
// Without -config it reads ./pruvon.yml, else /etc/pruvon.yml, else it shows a
// demo: your shell, a log that something writes to, and an import that counts
// lines.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("pruvon", flag.ContinueOnError)
	flags.SetOutput(stderr)
	file := flags.String("config", "", "the configuration `FILE`; default ./pruvon.yml, else /etc/pruvon.yml, else the demo")
	check := flags.Bool("check", false, "check the configuration and exit, like nginx -t")
	nginx := flags.String("nginx", "", "with -check: also read the proxy's configuration `FILE`")
	version := flags.Bool("version", false, "print the version and exit")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "unexpected argument %q\n", flags.Arg(0))
		return 2
	case *version:
		fmt.Fprintln(stdout, versionText())
		return 0
	}
	cfg, err := loadConfig(*file)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	if *check {
		return runCheck(cfg, *nginx, stdout, stderr)
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if err := serve(ctx, cfg, log); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func versionText() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "pruvon (unknown build)"
	}
	return "pruvon " + info.Main.Version + " " + info.GoVersion
}
