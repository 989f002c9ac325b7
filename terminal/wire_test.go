package terminal

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	off := int64(7)
	long := strings.Repeat("ä", 65)
	for _, c := range []struct {
		in   string
		want any // nil: refused
	}{
		{`{"type":"hello","cols":80,"rows":24}`, hello{Cols: 80, Rows: 24}},
		{
			`{"rows":24,"cols":80,"type":"hello","session":"s","offset":7,"client":"ä","window":65536,"mode":"view"}`,
			hello{Cols: 80, Rows: 24, Session: "s", Offset: &off, Client: "ä", Window: 65536, Mode: "view"},
		},
		{`{"type":"ack","offset":0}`, ack{0}},
		{` { "offset" : 12 , "type" : "ack" } `, ack{12}},
		{`{"type":"resize","cols":1,"rows":1000}`, resize{Size{1, 1000}}},
		{`{"type":"take"}`, take{}},
		{`{"type":"ping","t":1.5}`, ping{1.5}},

		{``, nil},
		{`null`, nil},
		{`[]`, nil},
		{`"hello"`, nil},
		{`{}`, nil},
		{`{"type":"exit"}`, nil},
		{`{"type":7}`, nil},
		{`{"type":"take"} {}`, nil},
		{`{"type":"take","x":1}`, nil},
		{`{"type":"take"`, nil},
		{"{\"type\":\"take\xff\"}", nil},
		{`{"type":"hello"}`, nil},
		{`{"type":"hello","cols":0,"rows":24}`, nil},
		{`{"type":"hello","cols":80,"rows":1001}`, nil},
		{`{"type":"hello","cols":80,"rows":24,"colour":1}`, nil},
		{`{"type":"hello","cols":8e1,"rows":"24"}`, nil},
		{`{"type":"hello","cols":80,"rows":24,"mode":"write"}`, nil},
		{`{"type":"hello","cols":80,"rows":24,"mode":"view"}`, nil},
		{`{"type":"hello","cols":80,"rows":24,"window":-1}`, nil},
		{`{"type":"hello","cols":80,"rows":24,"offset":3}`, nil},
		{`{"type":"hello","cols":80,"rows":24,"session":"s","offset":-1}`, nil},
		{`{"type":"hello","cols":80,"rows":24,"client":"` + long + `"}`, nil},
		{`{"type":"hello","cols":80,"rows":24,"session":"` + long + `"}`, nil},
		{`{"type":"ack"}`, nil},
		{`{"type":"ack","offset":-1}`, nil},
		{`{"type":"ack","offset":1.5}`, nil},
		{`{"type":"ack","offset":99999999999999999999}`, nil},
		{`{"type":"resize","cols":0,"rows":0}`, nil},
		{`{"type":"resize","cols":1000000000,"rows":24}`, nil},
		{`{"type":"resize","cols":-1,"rows":24}`, nil},
		{strings.Repeat(`{"a":`, 5000), nil},
		{strings.Repeat(`[`, 60000), nil},
	} {
		got, err := parse([]byte(c.in))
		if c.want == nil {
			require.ErrorIs(t, err, errMessage, "%.80s", c.in)
			require.LessOrEqual(t, len(err.Error()), 123, "fits a close frame")
			continue
		}
		require.NoError(t, err, c.in)
		require.Equal(t, c.want, got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":"hello","cols":80,"rows":24,"session":"s","offset":7}`))
	f.Add([]byte(`{"type":"ack","offset":123}`))
	f.Add([]byte(`{"type":"ack","offset":00}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := parse(in)
		off, fast := parseAck(in)
		if fast {
			if want, ok := m.(ack); err != nil || !ok || want.Offset != off {
				t.Fatalf("the fast way says %d, the slow one %v, %v", off, m, err)
			}
		}
		if h, ok := m.(hello); ok && err == nil && !(Size{h.Cols, h.Rows}).valid() {
			t.Fatalf("a size of %dx%d was let through", h.Cols, h.Rows)
		}
	})
}

func TestParseAckDoesNotAllocate(t *testing.T) {
	in := []byte(`{"type":"ack","offset":123456789}`)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if off, ok := parseAck(in); !ok || off != 123456789 {
			t.Fatal("not understood")
		}
	}))
}

func TestExitMessageOnTheWire(t *testing.T) {
	code, sig := 3, "KILL"
	for want, m := range map[string]exitMessage{
		`{"type":"exit","code":3,"signal":null,"reason":"exited","detail":"","retryable":false,"retry_after":0}`:      {Type: "exit", Code: &code, Reason: ReasonExited},
		`{"type":"exit","code":null,"signal":"KILL","reason":"killed","detail":"d","retryable":true,"retry_after":5}`: {Type: "exit", Signal: &sig, Reason: ReasonKilled, Detail: "d", Retryable: true, RetryAfter: 5},
	} {
		require.JSONEq(t, want, string(encode(m)))
	}
	require.True(t, json.Valid(appendInput(nil, 12)))
	require.Equal(t, `{"type":"input","offset":12}`, string(appendInput(nil, 12)))
}
