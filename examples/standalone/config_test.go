package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheShippedFileIsRead(t *testing.T) {
	c, err := readConfig("pruvon.yml")
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:8080", c.Listen)
	assert.Equal(t, []string{"https://pruvon.example.internal"}, c.Origins)
	assert.Equal(t, []string{"127.0.0.1", "::1"}, c.TrustedProxies)
	assert.Equal(t, "X-Remote-User", c.UserHeader)
	assert.Equal(t, []string{"/bin/bash", "-l"}, c.Terminals["shell"].Command)
	assert.Equal(t, map[string]string{"LANG": "C.UTF-8"}, c.Terminals["shell"].Env)
	assert.Equal(t, "/var/log/nginx/access.log", c.Logs["nginx-access"].File)
	assert.Equal(t, int64(10)<<30, c.Imports["appdb"].MaxBytes)
	assert.True(t, c.Imports["appdb"].Lock)
	assert.Equal(t, limitsConfig{
		MaxSessions: 1000, MaxSessionsPerUser: 200, MaxSessionsPerAddress: 200,
		DetachGrace: 30 * time.Minute, Idle: 8 * time.Hour, Lifetime: 24 * time.Hour,
		Window: 128 << 10, Ring: 1 << 20, LogRing: 8 << 20, LogLinger: 10 * time.Second,
		ImportSlots: 2, Revalidate: 30 * time.Second, ShutdownTimeout: 30 * time.Second,
	}, c.Limits)
}

// The operator guide's file holds nothing but the address.
func TestListenAloneIsEnough(t *testing.T) {
	c, err := parseConfig("pruvon.yml", []byte("pruvon:\n  listen: 127.0.0.1:8080\n"))
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:8080", c.Listen)
	assert.NotEmpty(t, c.StateDir)
}

func TestFaultsSayFileAndLine(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"unknown key at the top", "pruvon: {}\nterminal: {}\n", `c.yml:2: unknown key "terminal"`},
		{"unknown key below", "pruvon:\n  listen: 127.0.0.1:1\n  lisen: x\n", `c.yml:3: unknown key "lisen"`},
		{"unknown key of a target", "terminals:\n  shell:\n    comand: [sh]\n", `c.yml:3: unknown key "comand"`},
		{"key twice", "pruvon:\n  listen: a\n  listen: b\n", `c.yml:3: "listen" stands twice`},
		{"no duration", "limits:\n  idle: soon\n", `c.yml:2: "soon" is no duration`},
		{"no size", "limits:\n  ring: 1 pound\n", `c.yml:2: "1 pound" is no size`},
		{"size too large", "limits:\n  ring: 99999999999GiB\n", `c.yml:2: "99999999999GiB" is no size`},
		{"no number", "limits:\n  max_sessions: many\n", "c.yml:2: must be a whole number"},
		{"no flag", "pruvon:\n  metrics_forwarded: perhaps\n", "c.yml:2: must be true or false"},
		{"list wanted", "terminals:\n  shell: {command: bash}\n", "c.yml:2: must be a list"},
		{"mapping wanted", "terminals: [shell]\n", "c.yml:1: terminals must be a mapping"},
		{"no command", "terminals:\n  shell: {title: x}\n", "c.yml:2: terminal shell needs a command"},
		{"file and command", "logs:\n  a: {file: /x, command: [y]}\n", "c.yml:2: log a needs either a file or a command"},
		{"syntax", "pruvon:\n  listen: [\n", "c.yml:"},
		{"tabs", "pruvon:\n\tlisten: x\n", "c.yml:2:"},
		{"two documents", "pruvon: {}\n---\npruvon: {}\n", "c.yml:1: the file must hold one YAML document"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseConfig("c.yml", []byte(tt.yaml))
			assert.ErrorContains(t, err, tt.want)
		})
	}
}

func TestAllFaultsComeAtOnce(t *testing.T) {
	_, err := parseConfig("c.yml", []byte("a: 1\nb: 2\n"))
	assert.ErrorContains(t, err, "c.yml:1")
	assert.ErrorContains(t, err, "c.yml:2")
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{"0": 0, "-1": -1, "17": 17, "17B": 17, "128KiB": 128 << 10, "10 MiB": 10 << 20, "3TiB": 3 << 40} {
		got, err := parseSize(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, got, in)
	}
	for _, in := range []string{"", "KiB", "1.5GiB", "1KB", "-2", "9223372036854775807KiB", "1e3"} {
		_, err := parseSize(in)
		assert.Error(t, err, in)
	}
}

func FuzzConfig(f *testing.F) {
	if data, err := os.ReadFile("pruvon.yml"); err == nil {
		f.Add(data)
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("pruvon: {listen: {}}"))
	at := regexp.MustCompile(`(?m)^c\.yml:\d+: `)
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := parseConfig("c.yml", data); err != nil && !at.MatchString(err.Error()) {
			t.Fatalf("a fault without file and line: %v", err)
		}
	})
}

func TestRunAnswersBadInputWithExitCodes(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yml")
	require.NoError(t, os.WriteFile(bad, []byte("pruvon:\n  lisen: x\n"), 0o600))
	tests := []struct {
		name string
		args []string
		code int
		out  string
		err  string
	}{
		{"version", []string{"-version"}, 0, "pruvon ", ""},
		{"help", []string{"-h"}, 0, "", "-config"},
		{"unknown flag", []string{"-x"}, 2, "", "-x"},
		{"argument", []string{"x"}, 2, "", `"x"`},
		{"bad file", []string{"-config", bad}, 1, "", bad + ":2:"},
		{"bad file, check", []string{"-check", "-config", bad}, 1, "", bad + ":2:"},
		{"no file", []string{"-config", bad + "x"}, 1, "", "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			assert.Equal(t, tt.code, run(context.Background(), tt.args, &stdout, &stderr))
			assert.Contains(t, stdout.String(), tt.out)
			assert.Contains(t, stderr.String(), tt.err)
		})
	}
}
