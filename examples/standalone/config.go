package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// config is the YAML file. A zero value stands for the default of the Config
// field it feeds; docs/configuration.md has the whole list.
type config struct {
	file  string // "" when no file was found
	lines lines
	demo  string // the demo's log file, while the file names no target

	Listen            string
	AllowPublicListen bool
	Origins           []string
	TrustedProxies    []string
	Allowlist         string
	StateDir          string
	UserHeader        string
	MetricsForwarded  bool

	Terminals map[string]terminalConfig
	Logs      map[string]logConfig
	Imports   map[string]importConfig
	Limits    limitsConfig
}

type terminalConfig struct {
	Title       string
	Command     []string
	Dir         string
	Env         map[string]string
	ReadOnly    bool
	Record      bool
	KeepDaemons bool
	limitsConfig
}

type logConfig struct {
	Title   string
	File    string
	Command []string
	Dir     string
	Env     map[string]string
	limitsConfig
}

type importConfig struct {
	Title                string
	Command              []string
	Dir                  string
	Env                  map[string]string
	Accept               []string
	Exit                 string
	MaxBytes             int64
	MaxDecompressedBytes int64
	Lock                 bool
	Verify               bool
	Files                string
}

// limitsConfig is the limits mapping, and what a target may set for itself.
type limitsConfig struct {
	MaxSessions           int
	MaxSessionsPerUser    int
	MaxSessionsPerAddress int
	DetachGrace           time.Duration
	Idle                  time.Duration
	Lifetime              time.Duration
	Window                int64
	Ring                  int64
	LogRing               int64
	LogLinger             time.Duration
	ImportSlots           int
	Revalidate            time.Duration
	ShutdownTimeout       time.Duration
}

// defaultFiles are looked for when -config is not given.
var defaultFiles = []string{"pruvon.yml", "/etc/pruvon.yml"}

const defaultListen = "127.0.0.1:8080"

// loadConfig reads the named file, else the first default file there is, else
// returns the demo's empty configuration.
func loadConfig(file string) (config, error) {
	if file != "" {
		return readConfig(file)
	}
	for _, f := range defaultFiles {
		c, err := readConfig(f)
		if !errors.Is(err, os.ErrNotExist) {
			return c, err
		}
	}
	return parseConfig("", nil)
}

func readConfig(file string) (config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return config{}, err
	}
	return parseConfig(file, data)
}

func parseConfig(file string, data []byte) (config, error) {
	c := config{file: file, Listen: defaultListen}
	d := &decoder{file: file}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return c, syntaxError(file, err)
	default:
		c.lines = indexLines(doc.Content[0])
		d.mapping(doc.Content[0], "the file", c.fields(d))
		if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
			d.fail(&doc, "the file must hold one YAML document")
		}
	}
	if err := d.err(); err != nil {
		return c, err
	}
	if c.StateDir == "" {
		c.StateDir = defaultStateDir()
	}
	if len(c.Terminals)+len(c.Logs)+len(c.Imports) == 0 {
		c.addDemo()
	}
	return c, nil
}

// syntaxError puts yaml's "yaml: line 3: …" into our file:line form.
func syntaxError(file string, err error) error {
	var line int
	if _, scanErr := fmt.Sscanf(err.Error(), "yaml: line %d:", &line); scanErr != nil {
		return fmt.Errorf("%s:1: %w", file, err)
	}
	_, text, _ := strings.Cut(strings.TrimPrefix(err.Error(), "yaml: "), ": ")
	return fmt.Errorf("%s:%d: %s", file, line, text)
}

func defaultStateDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "pruvon")
}
