package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// leastReadTimeout is the shortest proxy_read_timeout that does not surprise:
// the service sends something every 25 seconds at the latest.
const leastReadTimeout = time.Minute

// checkNginx warns about each location that passes to us and lacks what we
// need of it.
func checkNginx(list []directive, cfg config) []string {
	var out []string
	found := false
	walk(list, nil, func(path []directive, d directive) {
		if d.name != "proxy_pass" || len(d.args) == 0 || !passesTo(d.args[0], cfg.Listen, list) {
			return
		}
		found = true
		out = append(out, checkLocation(path, d, cfg)...)
	})
	if !found {
		out = append(out, fmt.Sprintf("nginx: no proxy_pass to %s was found", cfg.Listen))
	}
	return out
}

// walk visits every directive with the blocks around it, outermost first.
func walk(list, path []directive, visit func(path []directive, d directive)) {
	for _, d := range list {
		visit(path, d)
		walk(d.block, append(slices.Clone(path), d), visit)
	}
}

// passesTo reports whether a proxy_pass leads to our address, by itself or
// through an upstream block.
func passesTo(target, listen string, list []directive) bool {
	if path, ok := strings.CutPrefix(listen, "unix:"); ok {
		return strings.HasPrefix(target, "http://unix:"+path)
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(target, "http://"), "/")
	if host == listen {
		return true
	}
	match := false
	walk(list, nil, func(_ []directive, d directive) {
		if d.name != "upstream" || len(d.args) == 0 || d.args[0] != host {
			return
		}
		for _, s := range d.find("server") {
			match = match || len(s.args) > 0 && s.args[0] == listen
		}
	})
	return match
}

func checkLocation(path []directive, pass directive, cfg config) []string {
	var out []string
	warn := func(format string, args ...any) {
		out = append(out, pass.at()+": "+fmt.Sprintf(format, args...))
	}
	if v := inherited(path, "proxy_http_version"); len(v) == 0 || v[0].args[0] != "1.1" {
		warn("proxy_http_version 1.1; is missing: WebSockets will not work")
	}
	headers := map[string]string{}
	for _, h := range inherited(path, "proxy_set_header") {
		if len(h.args) == 2 {
			headers[strings.ToLower(h.args[0])] = h.args[1]
		}
	}
	if headers["upgrade"] != "$http_upgrade" {
		warn("proxy_set_header Upgrade $http_upgrade; is missing: WebSockets will not work")
	}
	if c := headers["connection"]; !strings.EqualFold(c, "upgrade") && !strings.HasPrefix(c, "$") {
		warn(`proxy_set_header Connection "upgrade"; is missing: WebSockets will not work`)
	}
	if h := headers["host"]; h != "$host" && h != "$http_host" {
		warn("proxy_set_header Host $host; is missing: every request will be answered with 421")
	}
	if headers["x-forwarded-for"] != "$proxy_add_x_forwarded_for" && headers["x-forwarded-for"] != "$remote_addr" {
		warn("proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; is missing: the client's address is unknown")
	}
	if len(cfg.Origins) == 0 && headers["x-forwarded-proto"] != "$scheme" {
		warn("proxy_set_header X-Forwarded-Proto $scheme; is missing, which is needed while origins is not set")
	}
	if l := inherited(path, "listen"); len(cfg.Origins) == 0 && len(l) > 0 && !slices.ContainsFunc(l, onPort443) {
		warn("the server does not listen on 443: set origins, since without it only https on that port is taken for ours")
	}
	if cfg.UserHeader != "" {
		if _, ok := headers[strings.ToLower(cfg.UserHeader)]; !ok {
			warn("proxy_set_header %s is missing: clients could name themselves", cfg.UserHeader)
		}
	}
	for _, name := range []string{"proxy_read_timeout", "proxy_send_timeout"} {
		if v := inherited(path, name); len(v) > 0 && len(v[0].args) > 0 {
			if d, ok := nginxTime(v[0].args[0]); ok && d < leastReadTimeout {
				warn("%s %s; is short: set it to 3600", name, v[0].args[0])
			}
		}
	}
	if deny := inherited(path, "deny"); len(deny) == 0 && len(inherited(path, "allow")) == 0 {
		warn("no allow and deny: every address may come in")
	}
	return out
}

func onPort443(listen directive) bool {
	return len(listen.args) > 0 && (listen.args[0] == "443" || strings.HasSuffix(listen.args[0], ":443"))
}

// inherited is nginx's rule for lists: a block that has the directive itself
// takes nothing from the blocks around it.
func inherited(path []directive, name string) []directive {
	for i := len(path) - 1; i >= 0; i-- {
		if found := path[i].find(name); len(found) > 0 {
			return found
		}
	}
	return nil
}

// nginxTime reads nginx's time syntax: seconds without a unit, else a number
// with ms, s, m, h or d.
func nginxTime(s string) (time.Duration, bool) {
	units := []struct {
		suffix string
		unit   time.Duration
	}{{"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}, {"", time.Second}}
	for _, u := range units {
		if num, ok := strings.CutSuffix(s, u.suffix); ok {
			n, err := strconv.Atoi(num)
			return time.Duration(n) * u.unit, err == nil
		}
	}
	return 0, false
}
