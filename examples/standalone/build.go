package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pruvon/pruvon"
	"github.com/pruvon/pruvon/imports"
	"github.com/pruvon/pruvon/ipfilter"
	"github.com/pruvon/pruvon/logs"
	"github.com/pruvon/pruvon/proxyhdr"
	"github.com/pruvon/pruvon/terminal"
)

// buildConfig turns the file into the library's configuration.
func buildConfig(c config) (pruvon.Config, error) {
	proxy, err := c.proxy()
	if err != nil {
		return pruvon.Config{}, err
	}
	out := pruvon.Config{
		Origins:         c.Origins,
		OriginFromProxy: len(c.Origins) == 0,
		Proxy:           &proxy,
		Authorize:       authorize(c.UserHeader),
		Revalidate:      c.Limits.Revalidate,
		Page:            &pruvon.Page{Xterm: xtermFiles()},
	}
	if c.Allowlist != "" {
		out.Filter = &ipfilter.Config{File: c.Allowlist}
	}
	var errs []error
	if len(c.Terminals) > 0 {
		out.Terminal = c.terminal()
	}
	if len(c.Logs) > 0 {
		out.Logs = c.logs()
	}
	if len(c.Imports) > 0 {
		if out.Imports, err = c.imports(); err != nil {
			errs = append(errs, err)
		}
	}
	return out, errors.Join(errs...)
}

func (c config) proxy() (proxyhdr.Config, error) {
	out := proxyhdr.Nginx()
	out.TrustUnix = strings.HasPrefix(c.Listen, "unix:")
	if c.TrustedProxies == nil {
		return out, nil
	}
	prefixes, err := proxyhdr.ParsePrefixes(c.TrustedProxies...)
	if err != nil {
		return out, fmt.Errorf("trusted_proxies: %w", err)
	}
	out.Trusted = prefixes
	return out, nil
}

func (c config) limits() terminal.Limits {
	l := terminal.Limits{Total: c.Limits.MaxSessions, PerUser: c.Limits.MaxSessionsPerUser, PerAddr: c.Limits.MaxSessionsPerAddress}
	if c.UserHeader == "" {
		l.PerUser = -1 // everybody is the same user
	}
	return l
}

func (c config) terminal() *terminal.Config {
	out := &terminal.Config{
		Terminals:   map[string]terminal.Terminal{},
		Limits:      c.limits(),
		Window:      int(c.Limits.Window),
		Ring:        int(c.Limits.Ring),
		DetachGrace: c.Limits.DetachGrace,
		Idle:        c.Limits.Idle,
		Lifetime:    c.Limits.Lifetime,
		StateDir:    filepath.Join(c.StateDir, "terminal"),
	}
	for name, t := range c.Terminals {
		term := terminal.Terminal{
			Title: t.Title,
			Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
				return command(t.Command, t.Dir, t.Env, "TERM=xterm-256color", "COLORTERM=truecolor"), nil
			},
			ReadOnly:    t.ReadOnly,
			KeepDaemons: t.KeepDaemons,
			Window:      int(t.Window),
			Ring:        int(t.Ring),
			DetachGrace: t.DetachGrace,
			Idle:        t.Idle,
			Lifetime:    t.Lifetime,
		}
		if t.Record {
			term.Record = recordings(filepath.Join(c.StateDir, "recordings"))
		}
		out.Terminals[name] = term
	}
	return out
}

func (c config) logs() *logs.Config {
	out := &logs.Config{
		Sources:  map[string]logs.Source{},
		Titles:   map[string]string{},
		Limits:   c.limits(),
		Ring:     c.Limits.LogRing,
		Linger:   c.Limits.LogLinger,
		StateDir: filepath.Join(c.StateDir, "logs"),
	}
	for name, l := range c.Logs {
		out.Titles[name] = l.Title
		if l.File != "" {
			out.Sources[name] = logs.File(l.File)
			continue
		}
		out.Sources[name] = logs.Command(func(context.Context) *exec.Cmd { return command(l.Command, l.Dir, l.Env) })
	}
	return out
}

func (c config) imports() (*imports.Config, error) {
	out := &imports.Config{
		Dir:     filepath.Join(c.StateDir, "imports"),
		Targets: map[string]imports.Target{},
		Limits:  c.limits(),
		Slots:   c.Limits.ImportSlots,
		XZ: func(context.Context) (*exec.Cmd, error) {
			return exec.Command("xz", "-dc"), nil
		},
	}
	var errs []error
	for name, i := range c.Imports {
		policy, err := exitPolicy(i)
		if err != nil {
			errs = append(errs, fmt.Errorf("import %s: exit: %w", name, err))
		}
		t := imports.Target{
			Title: i.Title,
			Importer: imports.Command(func(context.Context, imports.Info) (*exec.Cmd, error) {
				return command(i.Command, i.Dir, i.Env), nil
			}, policy),
			MaxBytes:             i.MaxBytes,
			MaxDecompressedBytes: i.MaxDecompressedBytes,
			Lock:                 i.Lock,
			Verify:               i.Verify,
			Files:                i.Files,
		}
		for _, f := range i.Accept {
			t.Accept = append(t.Accept, imports.Format(f))
		}
		out.Targets[name] = t
	}
	return out, errors.Join(errs...)
}

// exitPolicy is how to judge a command's exit status: as named, else by the
// command's own name.
func exitPolicy(i importConfig) (imports.ExitPolicy, error) {
	name := i.Exit
	if name == "" && len(i.Command) > 0 {
		name = filepath.Base(i.Command[0])
	}
	switch name {
	case "pg_restore":
		return imports.PgRestore, nil
	case "psql":
		return imports.Psql, nil
	default:
		if i.Exit != "" && i.Exit != "zero" {
			return nil, fmt.Errorf("%q is none of zero, pg_restore, psql", i.Exit)
		}
		return imports.ExitZero, nil
	}
}

// command is a fixed command: nothing of it comes from a request. The file's
// env comes after the defaults and so replaces them.
func command(argv []string, dir string, env map[string]string, defaults ...string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	extra := slices.Clone(defaults)
	for k, v := range env {
		extra = append(extra, k+"="+v)
	}
	cmd.Env = pruvon.CleanEnv(extra...)
	return cmd
}
