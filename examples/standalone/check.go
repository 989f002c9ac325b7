package main

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pruvon/pruvon/ipfilter"
)

// runCheck is -check: faults make it fail, warnings are printed.
func runCheck(cfg config, nginxFile string, stdout, stderr io.Writer) int {
	faults := faultsOf(cfg)
	notes := slices.Concat(libraryWarnings(cfg), warnings(cfg))
	if nginxFile != "" {
		list, err := readNginx(nginxFile)
		if err != nil {
			faults = append(faults, err.Error())
		}
		notes = append(notes, checkNginx(list, cfg)...)
	}
	for _, n := range notes {
		fmt.Fprintln(stderr, "warning:", n)
	}
	for _, f := range faults {
		fmt.Fprintln(stderr, "error:", f)
	}
	if len(faults) > 0 {
		fmt.Fprintf(stderr, "%s: test failed\n", cfg.name())
		return 1
	}
	fmt.Fprintf(stdout, "%s: test is successful\n", cfg.name())
	return 0
}

// faultsOf is what would keep the service from starting.
func faultsOf(cfg config) []string {
	var out []string
	if err := checkListen(cfg); err != nil {
		out = append(out, cfg.located(err).Error())
	}
	for name, l := range cfg.Logs {
		if l.File == "" || l.File == cfg.demo {
			continue
		}
		if f, err := os.Open(l.File); err != nil {
			out = append(out, fmt.Sprintf("%s: log %s: %v", cfg.name(), name, err))
		} else {
			_ = f.Close()
		}
	}
	slices.Sort(out)
	if cfg.Allowlist != "" {
		if _, err := ipfilter.Load(cfg.Allowlist); err != nil {
			out = append(out, err.Error())
		}
	}
	lib, err := buildConfig(cfg)
	if err == nil {
		err = lib.Validate()
	}
	if err != nil {
		out = append(out, strings.Split(cfg.located(err).Error(), "\n")...)
	}
	return out
}

// checkListen refuses addresses that the service would not listen on.
func checkListen(cfg config) error {
	if strings.HasPrefix(cfg.Listen, "unix:") {
		return nil
	}
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	ip := net.ParseIP(host)
	if host != "localhost" && (ip == nil || !ip.IsLoopback()) && !cfg.AllowPublicListen {
		return fmt.Errorf("listen: %s can be reached from other machines; use 127.0.0.1 behind nginx, or say allow_public_listen: true", cfg.Listen)
	}
	if len(cfg.Origins) == 0 && (port == "80" || port == "443") {
		return fmt.Errorf("listen: on port %s browsers reach the service without a proxy; set origins", port)
	}
	return nil
}

// warnings is what an operator should know of a configuration that works, as
// far as the library does not say it at the start.
func warnings(cfg config) []string {
	var out []string
	warn := func(format string, args ...any) {
		out = append(out, cfg.name()+": "+fmt.Sprintf(format, args...))
	}
	if cfg.AllowPublicListen {
		warn("allow_public_listen: clients can go round nginx, its TLS and its allowlist")
	}
	if cfg.MetricsForwarded {
		warn("metrics_forwarded: /metrics is answered to everybody whom nginx lets through")
	}
	if cfg.UserHeader == "" {
		warn("user_header is not set: everybody who comes in is the user operator")
	}
	if cfg.Allowlist == "" {
		warn("allowlist is not set: nginx alone decides which addresses may come in")
		return out
	}
	rules, err := ipfilter.Load(cfg.Allowlist)
	proxy, proxyErr := cfg.proxy()
	if err != nil || proxyErr != nil {
		return out // a fault, and said as one
	}
	// Only here is it known where clients come from.
	known := proxy.Warnings()
	for _, w := range proxy.Warnings(allowed(rules)...) {
		if !slices.Contains(known, w) {
			warn("trusted_proxies: %s", w)
		}
	}
	return out
}

// libraryWarnings is what the library itself says at the start, for -check.
func libraryWarnings(cfg config) []string {
	var out []string
	if len(cfg.Origins) == 0 {
		out = append(out, cfg.name()+": origins is not set: the name that nginx forwards is taken for ours; "+
			"set it to the address in the operators' browsers")
	}
	if proxy, err := cfg.proxy(); err == nil {
		for _, w := range proxy.Warnings() {
			out = append(out, cfg.name()+": trusted_proxies: "+w)
		}
	}
	if rules, err := ipfilter.Load(cfg.Allowlist); err == nil {
		for _, w := range rules.Lint(time.Now()) {
			w.File = cmp.Or(w.File, cfg.Allowlist) // an empty list has no rule that knows it
			out = append(out, w.String())
		}
	}
	return out
}

// allowed are the addresses that clients come from: a proxy that is trusted
// must not be among them.
func allowed(rules ipfilter.Rules) []netip.Prefix {
	var out []netip.Prefix
	for _, r := range rules {
		if r.Allow && r.Prefix.IsValid() && r.Prefix.Bits() > 0 {
			out = append(out, r.Prefix)
		}
	}
	return out
}
