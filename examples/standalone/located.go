package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// lines maps a path of keys, such as "terminals.shell.command", to the line it
// stands on. Faults that only the library finds get their place from it.
type lines map[string]int

func indexLines(n *yaml.Node) lines {
	l := lines{}
	l.add("", n)
	return l
}

func (l lines) add(path string, n *yaml.Node) {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := strings.TrimPrefix(path+"."+n.Content[i].Value, ".")
		l[key] = n.Content[i].Line
		l.add(key, n.Content[i+1])
	}
}

// The library names its fields, the file its keys.
var (
	targetField = regexp.MustCompile(`(Terminals|Sources|Targets)\[("(?:[^"\\]|\\.)*")\]`)
	serverField = regexp.MustCompile(`^(Origins|trusted_proxies|listen|allowlist)\b`)
	sections    = map[string]string{"Terminals": "terminals", "Sources": "logs", "Targets": "imports"}
)

// located puts the file and, where it is known, the line before each fault.
func (c config) located(err error) error {
	if err == nil {
		return nil
	}
	var out []error
	for text := range strings.Lines(err.Error()) {
		text = strings.TrimSuffix(text, "\n")
		if line, ok := c.lines[faultyKey(text)]; ok {
			out = append(out, fmt.Errorf("%s:%d: %s", c.name(), line, text))
		} else {
			out = append(out, fmt.Errorf("%s: %s", c.name(), text))
		}
	}
	return errors.Join(out...)
}

// faultyKey is the path of the key that a fault is about, "" when it is about
// none.
func faultyKey(fault string) string {
	if m := targetField.FindStringSubmatch(fault); m != nil {
		if name, err := strconv.Unquote(m[2]); err == nil {
			return sections[m[1]] + "." + name
		}
	}
	if m := serverField.FindStringSubmatch(fault); m != nil {
		return "pruvon." + strings.ToLower(m[1])
	}
	return ""
}
