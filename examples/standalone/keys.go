package main

import "go.yaml.in/yaml/v3"

// fields lists the keys of the whole file. docs/configuration.md has a row for
// each; a test compares the two.
func (c *config) fields(d *decoder) fields {
	return fields{
		"pruvon": func(n *yaml.Node) {
			d.mapping(n, "pruvon", c.serverFields(d))
		},
		"terminals": func(n *yaml.Node) {
			c.Terminals = map[string]terminalConfig{}
			d.pairs(n, "terminals", func(key, value *yaml.Node) {
				var t terminalConfig
				d.mapping(value, "terminal "+key.Value, t.fields(d))
				c.Terminals[key.Value] = t
				if len(t.Command) == 0 {
					d.fail(key, "terminal %s needs a command", key.Value)
				}
			})
		},
		"logs": func(n *yaml.Node) {
			c.Logs = map[string]logConfig{}
			d.pairs(n, "logs", func(key, value *yaml.Node) {
				var l logConfig
				d.mapping(value, "log "+key.Value, l.fields(d))
				c.Logs[key.Value] = l
				if (l.File == "") == (len(l.Command) == 0) {
					d.fail(key, "log %s needs either a file or a command", key.Value)
				}
			})
		},
		"imports": func(n *yaml.Node) {
			c.Imports = map[string]importConfig{}
			d.pairs(n, "imports", func(key, value *yaml.Node) {
				var i importConfig
				d.mapping(value, "import "+key.Value, i.fields(d))
				c.Imports[key.Value] = i
				if len(i.Command) == 0 {
					d.fail(key, "import %s needs a command", key.Value)
				}
			})
		},
		"limits": func(n *yaml.Node) {
			d.mapping(n, "limits", c.Limits.fields(d))
		},
	}
}

func (c *config) serverFields(d *decoder) fields {
	return fields{
		"listen":              d.text(&c.Listen),
		"allow_public_listen": d.flag(&c.AllowPublicListen),
		"origins":             d.list(&c.Origins),
		"trusted_proxies":     d.list(&c.TrustedProxies),
		"allowlist":           d.text(&c.Allowlist),
		"state_dir":           d.text(&c.StateDir),
		"user_header":         d.text(&c.UserHeader),
		"metrics_forwarded":   d.flag(&c.MetricsForwarded),
	}
}

func (t *terminalConfig) fields(d *decoder) fields {
	return fields{
		"title":        d.text(&t.Title),
		"command":      d.list(&t.Command),
		"dir":          d.text(&t.Dir),
		"env":          d.texts(&t.Env),
		"read_only":    d.flag(&t.ReadOnly),
		"record":       d.flag(&t.Record),
		"keep_daemons": d.flag(&t.KeepDaemons),
		"detach_grace": d.duration(&t.DetachGrace),
		"idle":         d.duration(&t.Idle),
		"lifetime":     d.duration(&t.Lifetime),
		"window":       d.size(&t.Window),
		"ring":         d.size(&t.Ring),
	}
}

func (l *logConfig) fields(d *decoder) fields {
	return fields{
		"title":      d.text(&l.Title),
		"file":       d.text(&l.File),
		"command":    d.list(&l.Command),
		"dir":        d.text(&l.Dir),
		"env":        d.texts(&l.Env),
		"log_ring":   d.size(&l.LogRing),
		"log_linger": d.duration(&l.LogLinger),
	}
}

func (i *importConfig) fields(d *decoder) fields {
	return fields{
		"title":                  d.text(&i.Title),
		"command":                d.list(&i.Command),
		"dir":                    d.text(&i.Dir),
		"env":                    d.texts(&i.Env),
		"accept":                 d.list(&i.Accept),
		"exit":                   d.text(&i.Exit),
		"max_bytes":              d.size(&i.MaxBytes),
		"max_decompressed_bytes": d.size(&i.MaxDecompressedBytes),
		"lock":                   d.flag(&i.Lock),
		"verify":                 d.flag(&i.Verify),
		"files":                  d.text(&i.Files),
	}
}

func (l *limitsConfig) fields(d *decoder) fields {
	return fields{
		"max_sessions":             d.number(&l.MaxSessions),
		"max_sessions_per_user":    d.number(&l.MaxSessionsPerUser),
		"max_sessions_per_address": d.number(&l.MaxSessionsPerAddress),
		"detach_grace":             d.duration(&l.DetachGrace),
		"idle":                     d.duration(&l.Idle),
		"lifetime":                 d.duration(&l.Lifetime),
		"window":                   d.size(&l.Window),
		"ring":                     d.size(&l.Ring),
		"log_ring":                 d.size(&l.LogRing),
		"log_linger":               d.duration(&l.LogLinger),
		"import_slots":             d.number(&l.ImportSlots),
		"revalidate":               d.duration(&l.Revalidate),
		"shutdown_timeout":         d.duration(&l.ShutdownTimeout),
	}
}
