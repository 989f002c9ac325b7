package logs_test

import (
	"testing"
	"time"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

func TestRedactSecrets(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"nothing here":                                            "nothing here",
		"Authorization: Bearer abcdef123456":                      "Authorization: Bearer [redacted]",
		"authorization: Basic dXNlcjpwYXNz, next":                 "authorization: Basic [redacted], next",
		`{"Authorization":"Bearer abcdef"}`:                       `{"Authorization":"Bearer [redacted]"}`,
		"sent bearer abcdefghij ok":                               "sent bearer [redacted] ok",
		"password=hunter2 user=me":                                "password=[redacted] user=me",
		`{"password": "hun\"ter2", "a": 1}`:                       `{"password": [redacted], "a": 1}`,
		"GET /?access_token=abc&x=1":                              "GET /?access_token=[redacted]&x=1",
		"API_KEY=xyz":                                             "API_KEY=[redacted]",
		"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_def x": "jwt [redacted] x",
		"postgres://app:s3cret@db:5432/x":                         "postgres://app:[redacted]@db:5432/x",
		"Set-Cookie: sid=abc; Path=/":                             "Set-Cookie: [redacted]",
		"aws AKIAIOSFODNN7EXAMPLE":                                "aws [redacted]",
		"token=a https://u:p@h/ Bearer abcdefgh":                  "token=[redacted] https://u:[redacted]@h/ Bearer [redacted]",
		"tokenizer ready":                                         "tokenizer ready",
		"https://host/path:80":                                    "https://host/path:80",
	} {
		require.Equal(t, want, string(logs.RedactSecrets([]byte(in))))
	}
}

// A secret that is written in two halves is never shown in two halves.
func TestRedactWaitsForTheWholeLine(t *testing.T) {
	t.Parallel()
	l := newLog(t, "start")
	s := serve(t, logs.Config{Sources: map[string]logs.Source{"app": logs.File(l.path)}, Redact: logs.RedactSecrets})
	c := s.dial("")
	require.Equal(t, []string{"start"}, c.lines(1))
	w := serve(t, logs.Config{Sources: map[string]logs.Source{"app": shell(
		`printf 'password=hun'; sleep 1.5; echo ter2`)}, Redact: logs.RedactSecrets}).dial("")
	require.Equal(t, []string{"password=[redacted]"}, w.lines(1))
	l.raw("password=hun")
	l.raw("ter2\n")
	require.Equal(t, []string{"password=[redacted]"}, c.lines(1))
}

// The halves of a line stand in one file; between them comes what is written to
// the next one.
func TestRedactWaitsForTheWholeLineThroughARotation(t *testing.T) {
	t.Parallel()
	l := newLog(t, "start")
	s := serve(t, logs.Config{Sources: map[string]logs.Source{"app": logs.File(l.path)}, Redact: logs.RedactSecrets})
	c := s.dial("")
	require.Equal(t, []string{"start"}, c.lines(1))
	l.warm(c)
	l.raw("password=hun")
	timer := time.NewTimer(1300 * time.Millisecond) // unfinished lines are shown after a second
	<-timer.C
	l.rename(".1")
	fresh := logFile{t: t, path: l.path}
	fresh.reopen()
	defer fresh.f.Close()
	fresh.add("another file's line")
	require.Equal(t, []string{"another file's line"}, c.lines(1))
	l.raw("ter2\n")
	require.Equal(t, []string{"password=[redacted]"}, c.lines(1))
}

// A command's last line has no end and was held back for it: it is shown when
// the command ends, and by itself.
func TestRedactedLastLineOfACommand(t *testing.T) {
	t.Parallel()
	for name, redact := range map[string]func([]byte) []byte{"redacted": logs.RedactSecrets, "as it is": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, logs.Config{Sources: map[string]logs.Source{"app": shell(
				`printf 'password=hunter2'; sleep 1.3; exit 1`)}, Redact: redact})
			find := openers()["text"](s, "")
			want := "password=hunter2\n"
			if redact != nil {
				want = "password=[redacted]\n"
			}
			find(want)
			find(want)
		})
	}
}

// What redaction hides cannot be found out by searching for it.
func TestGrepSeesRedactedTextOnly(t *testing.T) {
	t.Parallel()
	l := newLog(t, "password=hunter2")
	s := serve(t, logs.Config{Sources: map[string]logs.Source{"app": logs.File(l.path)}, Redact: logs.RedactSecrets})
	require.Empty(t, s.text("follow=0&grep=hunter"))
	done, _ := s.dial("grep=hunter").until("search")
	require.True(t, done.Done)
	require.Zero(t, done.Match, "the search's count would give it away")
	require.Equal(t, "password=[redacted]\n", s.text("follow=0&grep=redacted"))
}
