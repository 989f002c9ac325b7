package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docs/configuration.md must have a row for every key, and no row for a key
// that there is not.
func TestEveryKeyIsDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	sections := map[string]string{}
	for _, s := range strings.Split(string(data), "\n## ")[1:] {
		name, text, _ := strings.Cut(s, "\n")
		sections[name] = text
	}
	d := &decoder{}
	known := map[string]fields{
		"pruvon":    new(config).serverFields(d),
		"terminals": new(terminalConfig).fields(d),
		"logs":      new(logConfig).fields(d),
		"imports":   new(importConfig).fields(d),
		"limits":    new(limitsConfig).fields(d),
	}
	for section, keys := range known {
		documented := map[string]bool{}
		for line := range strings.Lines(sections[section]) {
			if !strings.HasPrefix(line, "| `") {
				continue
			}
			cell, _, _ := strings.Cut(line[2:], " |")
			for k := range strings.SplitSeq(cell, ", ") {
				documented[strings.Trim(k, "` ")] = true
			}
		}
		for k := range keys {
			assert.True(t, documented[k], "%s.%s has no row in docs/configuration.md", section, k)
		}
		for k := range documented {
			assert.Contains(t, keys, k, "docs/configuration.md describes %s.%s, which there is not", section, k)
		}
	}
	for k := range new(config).fields(d) {
		assert.Contains(t, known, k, "the top-level key %s is not compared", k)
	}
}

// Every YAML block of the documents passes -check.
func TestConfigurationsInTheDocsAreRead(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	seen := 0
	for _, file := range append(files, "../../README.md") {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(data), -1)
		for _, b := range blocks {
			seen++
			cfg, err := parseConfig(filepath.Base(file), []byte(b[1]))
			if !assert.NoError(t, err, b[1]) {
				continue
			}
			cfg.StateDir = t.TempDir()
			for _, fault := range faultsOf(cfg) {
				// What only the operator's machine has is missing on this one.
				assert.Regexp(t, `\b(no such file or directory|executable file not found)\b`, fault, "%s\n%s", file, b[1])
			}
		}
	}
	assert.Positive(t, seen)
}
