package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// decoder turns a YAML tree into the configuration and remembers where each
// value stood, so that every fault comes with file and line, as nginx -t does.
type decoder struct {
	file string
	errs []error
}

// fields maps each key a mapping may have to what reads its value.
type fields map[string]func(*yaml.Node)

func (d *decoder) fail(n *yaml.Node, format string, args ...any) {
	d.errs = append(d.errs, fmt.Errorf("%s:%d: %s", d.file, n.Line, fmt.Sprintf(format, args...)))
}

func (d *decoder) err() error { return errors.Join(d.errs...) }

// mapping reads a mapping with a closed set of keys.
func (d *decoder) mapping(n *yaml.Node, what string, f fields) {
	d.pairs(n, what, func(key, value *yaml.Node) {
		read, ok := f[key.Value]
		if !ok {
			d.fail(key, "unknown key %q in %s; known: %s", key.Value, what, strings.Join(slices.Sorted(maps.Keys(f)), ", "))
			return
		}
		read(value)
	})
}

// pairs reads a mapping with free keys, in the file's order.
func (d *decoder) pairs(n *yaml.Node, what string, read func(key, value *yaml.Node)) {
	n = resolve(n)
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, "%s must be a mapping", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if seen[key.Value] {
			d.fail(key, "%q stands twice in %s", key.Value, what)
			continue
		}
		seen[key.Value] = true
		read(key, n.Content[i+1])
	}
}

// text reads one scalar as it is written.
func (d *decoder) text(out *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		n = resolve(n)
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			d.fail(n, "must be a single value")
			return
		}
		*out = n.Value
	}
}

func (d *decoder) flag(out *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if err := resolve(n).Decode(out); err != nil {
			d.fail(n, "must be true or false")
		}
	}
}

func (d *decoder) number(out *int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if err := resolve(n).Decode(out); err != nil {
			d.fail(n, "must be a whole number")
		}
	}
}

// list reads a sequence of scalars.
func (d *decoder) list(out *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		n = resolve(n)
		if n.Kind != yaml.SequenceNode {
			d.fail(n, "must be a list")
			return
		}
		for _, item := range n.Content {
			item = resolve(item)
			if item.Kind != yaml.ScalarNode {
				d.fail(item, "must be a list of single values")
				continue
			}
			*out = append(*out, item.Value)
		}
	}
}

// texts reads a mapping of names to scalars.
func (d *decoder) texts(out *map[string]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*out = map[string]string{}
		d.pairs(n, "this", func(key, value *yaml.Node) {
			var v string
			d.text(&v)(value)
			(*out)[key.Value] = v
		})
	}
}

func (d *decoder) duration(out *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := time.ParseDuration(resolve(n).Value)
		if err != nil {
			d.fail(n, "%q is no duration such as 30s, 10m or 8h (negative switches the limit off)", n.Value)
			return
		}
		*out = v
	}
}

func (d *decoder) size(out *int64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := parseSize(resolve(n).Value)
		if err != nil {
			d.fail(n, "%q is no size such as 128KiB, 10MiB or 5GiB", n.Value)
			return
		}
		*out = v
	}
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// parseSize reads a number of bytes, with or without a binary unit. -1 is the
// usual way to switch a cap off.
func parseSize(s string) (int64, error) {
	units := []struct {
		suffix string
		factor int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"B", 1}, {"", 1}}
	for _, u := range units {
		num, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		v, err := strconv.ParseInt(strings.TrimSpace(num), 10, 64)
		if err != nil {
			return 0, err
		}
		if v > (1<<63-1)/u.factor || v < -1 {
			return 0, errors.New("out of range")
		}
		return v * u.factor, nil
	}
	return 0, errors.New("no size")
}
