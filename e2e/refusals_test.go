package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/e2e/harness"
)

// refusals are requests that must be answered with a problem document, through nginx as well as to a
// local program that knocks at the loopback port.
var refusals = []struct {
	name    string
	method  string
	path    string
	socket  string // a WebSocket handshake with this subprotocol; "-" offers none
	headers []string
	want    int
}{
	{name: "foreign origin opens a terminal", path: "/terminals/shell", socket: "pruvon.terminal.v1", headers: []string{"Origin: https://evil.example"}, want: 403},
	{name: "foreign origin opens a raw terminal", path: "/terminals/shell", socket: "-", headers: []string{"Origin: https://evil.example"}, want: 403},
	{name: "foreign origin opens a log", path: "/logs/app", socket: "pruvon.logs.v1", headers: []string{"Origin: https://evil.example"}, want: 403},
	{name: "no origin", path: "/terminals/shell", socket: "pruvon.terminal.v1", want: 403},
	{name: "origin null", path: "/terminals/shell", socket: "pruvon.terminal.v1", headers: []string{"Origin: null"}, want: 403},
	{name: "our name by http", path: "/terminals/shell", socket: "pruvon.terminal.v1", headers: []string{"Origin: http://pruvon.example.internal"}, want: 403},
	{name: "our name on another port", path: "/terminals/shell", socket: "pruvon.terminal.v1", headers: []string{"Origin: https://pruvon.example.internal:8443"}, want: 403},
	{name: "our name as user", path: "/terminals/shell", socket: "pruvon.terminal.v1", headers: []string{"Origin: https://pruvon.example.internal@evil.example"}, want: 403},
	{name: "our name with a dot", path: "/terminals/shell", socket: "pruvon.terminal.v1", headers: []string{"Origin: https://pruvon.example.internal."}, want: 403},
	{name: "our name as prefix", path: "/terminals/shell", socket: "pruvon.terminal.v1", headers: []string{"Origin: https://pruvon.example.internal.evil.example"}, want: 403},
	{name: "two origins", path: "/terminals/shell", socket: "pruvon.terminal.v1", headers: []string{"Origin: " + harness.Origin, "Origin: https://evil.example"}, want: 403},
	{name: "foreign origin reads a log", method: "GET", path: "/logs/app?follow=0", headers: []string{"Origin: https://evil.example"}, want: 403},
	{name: "foreign origin posts", method: "POST", path: "/imports/count", headers: []string{"Origin: https://evil.example"}, want: 403},
	{name: "another site's fetch", method: "GET", path: "/logs/app?follow=0", headers: []string{"Sec-Fetch-Site: cross-site"}, want: 403},
	{name: "a sibling's fetch", method: "GET", path: "/logs/app?follow=0", headers: []string{"Sec-Fetch-Site: same-site"}, want: 403},
	{name: "foreign host", path: "/terminals/shell", socket: "pruvon.terminal.v1", headers: []string{"Host: evil.example", "Origin: https://evil.example"}, want: 421},
	{name: "foreign host reads a log", method: "GET", path: "/logs/app?follow=0", headers: []string{"Host: evil.example"}, want: 421},
	{name: "foreign host reads the page", method: "GET", path: "/", headers: []string{"Host: evil.example"}, want: 421},
	{name: "unknown terminal", path: "/terminals/nope", socket: "pruvon.terminal.v1", headers: []string{"Origin: " + harness.Origin}, want: 404},
	{name: "unknown log", method: "GET", path: "/logs/nope", want: 404},
	{name: "unknown import", method: "GET", path: "/imports/nope", want: 404},
	{name: "unknown job", method: "GET", path: "/imports/count/nope", want: 404},
	{name: "unknown route", method: "GET", path: "/nope", want: 404},
	{name: "a name with dots", method: "GET", path: "/logs/..%2fapp", want: 404},
	{name: "unknown subprotocol for a terminal", path: "/terminals/shell", socket: "chat", headers: []string{"Origin: " + harness.Origin}, want: 400},
	{name: "unknown subprotocol for a log", path: "/logs/app", socket: "chat", headers: []string{"Origin: " + harness.Origin}, want: 400},
	{name: "a terminal without a WebSocket", method: "GET", path: "/terminals/shell", want: 426},
	{name: "POST to a terminal", method: "POST", path: "/terminals/shell", headers: []string{"Origin: " + harness.Origin}, want: 405},
	{name: "DELETE of a log", method: "DELETE", path: "/logs/app", headers: []string{"Origin: " + harness.Origin}, want: 405},
	{name: "PATCH of an import target", method: "PATCH", path: "/imports/count", headers: []string{"Origin: " + harness.Origin}, want: 405},
	{name: "empty upload", method: "POST", path: "/imports/count", headers: []string{"Origin: " + harness.Origin}, want: 422},
	{name: "negative tail", method: "GET", path: "/logs/app?tail=-1", want: 400},
	{name: "endless tail", method: "GET", path: "/logs/app?tail=1000000000000", want: 400},
	{name: "forged cursor", method: "GET", path: "/logs/app?cursor=AAAA", want: 400},
	{name: "a pattern that is none", method: "GET", path: "/logs/app?grep=(", want: 400},
}

func TestBadRequestsAreAnsweredWithAProblem(t *testing.T) {
	s := shared(t)
	before := spawned(t, s)
	for _, way := range []struct {
		name, base string
		client     *http.Client
	}{
		{"through nginx", harness.Origin, s.client().HTTP},
		{"to the loopback port", "http://" + s.service.Addr, harness.Plain()},
	} {
		t.Run(way.name, func(t *testing.T) {
			for _, r := range refusals {
				t.Run(r.name, func(t *testing.T) {
					headers := r.headers
					if !strings.Contains(strings.Join(headers, "\n"), "Host: ") {
						headers = append([]string{"Host: " + harness.ServerName}, headers...)
					}
					var answer harness.Answer
					if r.socket != "" {
						_, refused, err := harness.DialURL(t, way.client, way.base+r.path, strings.Trim(r.socket, "-"), headers...)
						if err == nil {
							t.Fatal("the socket was opened")
						}
						answer = refused
					} else {
						answer = harness.Send(t, way.client, r.method, way.base+r.path, "", headers...)
					}
					checkProblem(t, answer, r.want)
				})
			}
		})
	}
	if after := spawned(t, s); after != before {
		t.Errorf("%v processes were started for refused requests", after-before)
	}
}

// checkProblem expects an RFC 9457 document whose status is that of the answer and which echoes nothing.
func checkProblem(t *testing.T, answer harness.Answer, status int) {
	t.Helper()
	if answer.Status != status {
		t.Fatalf("status %d, want %d: %s", answer.Status, status, answer.Body)
	}
	if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q", got)
	}
	if got := answer.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	var problem struct {
		Type, Title, Detail string
		Status              int
	}
	if err := json.Unmarshal([]byte(answer.Body), &problem); err != nil {
		t.Fatalf("%v: %s", err, answer.Body)
	}
	if !strings.HasPrefix(problem.Type, "urn:pruvon:problem:") || problem.Title == "" || problem.Status != status {
		t.Errorf("problem %+v", problem)
	}
	if strings.Contains(answer.Body, "evil") {
		t.Errorf("the answer repeats what the client sent: %s", answer.Body)
	}
	if status == http.StatusMethodNotAllowed && answer.Header.Get("Allow") == "" {
		t.Error("405 without Allow")
	}
}

// spawned is the number of sessions that the service has opened so far.
func spawned(t *testing.T, s *stack) float64 {
	t.Helper()
	n, ok := harness.Metric(harness.Scrape(t, s.service.Addr), "pruvon_terminal_spawn_seconds_count")
	if !ok {
		t.Fatal("no metric counts the terminals that were started")
	}
	return n
}

const hello = `{"type":"hello","cols":80,"rows":24}`

func TestBadMessagesEndTheConnectionWithAReason(t *testing.T) {
	client := shared(t).client()
	for _, c := range []struct {
		name     string
		messages []string
		binary   int // a binary message of this length after the messages
		want     int
	}{
		{name: "malformed JSON as hello", messages: []string{`{"type":"hello",`}, want: 1008},
		{name: "something else than hello", messages: []string{`{"type":"resize","cols":80,"rows":24}`}, want: 1008},
		{name: "malformed JSON", messages: []string{hello, `nonsense`}, want: 1008},
		{name: "an unknown message", messages: []string{hello, `{"type":"format-disk"}`}, want: 1008},
		{name: "an unknown field", messages: []string{hello, `{"type":"resize","cols":80,"rows":24,"depth":3}`}, want: 1008},
		{name: "a second hello", messages: []string{hello, hello}, want: 1008},
		{name: "no columns", messages: []string{`{"type":"hello","cols":0,"rows":24}`}, want: 1008},
		{name: "an absurd size", messages: []string{hello, `{"type":"resize","cols":1000000000,"rows":24}`}, want: 1008},
		{name: "an acknowledgement of what was never sent", messages: []string{hello, `{"type":"ack","offset":1000000000000}`}, want: 1008},
		{name: "a message over the limit", messages: []string{hello}, binary: 64<<10 + 1, want: 1009},
		{name: "a first message over the limit", binary: 64<<10 + 1, want: 1009},
	} {
		t.Run(c.name, func(t *testing.T) {
			socket := client.Dial(t, "/terminals/shell", "pruvon.terminal.v1")
			for _, message := range c.messages {
				socket.SendText(message)
			}
			if c.binary > 0 {
				socket.SendBinary(make([]byte, c.binary))
			}
			if code, reason, _ := socket.Closed(); code != c.want || reason == "" {
				t.Errorf("closed with %d %q, want %d and a reason", code, reason, c.want)
			}
		})
	}
}

func TestCommandThatDoesNotExistEndsInAnExitMessage(t *testing.T) {
	socket := shared(t).client().Dial(t, "/terminals/missing", "pruvon.terminal.v1")
	socket.SendText(hello)
	code, _, texts := socket.Closed()
	if len(texts) == 0 {
		t.Fatalf("no message before the close %d", code)
	}
	var exit struct{ Type, Reason, Detail string }
	if err := json.Unmarshal([]byte(texts[len(texts)-1]), &exit); err != nil {
		t.Fatal(err)
	}
	if exit.Type != "exit" || exit.Reason != "start_failed" || !strings.Contains(exit.Detail, "does not exist") {
		t.Errorf("the last message is %+v", exit)
	}
}

// What nginx does when the operator leaves out the two Upgrade lines: it forwards the handshake as a
// plain request. The answer must say so.
func TestMissingUpgradeHeadersAreExplained(t *testing.T) {
	s := start(t, origins, targets, harness.NginxConfig{Edit: func(site string) string {
		var kept []string
		for line := range strings.Lines(site) {
			if !strings.Contains(line, "$http_upgrade") && !strings.Contains(line, `Connection "upgrade"`) {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "")
	}})
	for path, protocol := range map[string]string{"/terminals/shell": "pruvon.terminal.v1", "/logs/app": "pruvon.logs.v1"} {
		_, answer, err := harness.DialURL(t, s.client().HTTP, harness.Origin+path, protocol, "Origin: "+harness.Origin)
		if err == nil {
			t.Fatalf("%s: a WebSocket came through an nginx that drops Upgrade", path)
		}
		checkProblem(t, answer, http.StatusUpgradeRequired)
		for _, line := range []string{"proxy_set_header Upgrade $http_upgrade", "proxy_set_header Connection"} {
			if !strings.Contains(answer.Body, line) {
				t.Errorf("%s: the answer does not name %q: %s", path, line, answer.Body)
			}
		}
	}
}
