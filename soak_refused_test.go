package pruvon_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/pruvon/pruvon/imports"
)

// refusals are requests that no place is taken for.
var refusals = []struct {
	method, path, body string
	change             map[string]string
	want               int
}{
	{"GET", "/terminals/sh", "", map[string]string{"Origin": "https://evil.example"}, 403},
	{"GET", "/terminals/sh", "", map[string]string{"Origin": ""}, 403},
	{"GET", "/terminals/sh", "", map[string]string{"Host": "evil.example"}, 421},
	{"GET", "/terminals/sh", "", map[string]string{"Sec-Websocket-Version": "8"}, 426},
	{"GET", "/terminals/sh", "", map[string]string{"Sec-Websocket-Protocol": "tty"}, 400},
	{"GET", "/terminals/none", "", nil, 404},
	{"GET", "/terminals/sh", "", map[string]string{"X-Soak-User": ""}, 401},
	{"GET", "/logs/none", "", nil, 404},
	{"GET", "/logs/app?tail=-1", "", nil, 400},
	{"GET", "/logs/app?cursor=forged", "", map[string]string{"Upgrade": "", "Sec-Websocket-Key": ""}, 400},
	{"GET", "/logs/app", "", map[string]string{"X-Forwarded-For": "nonsense"}, 400},
	{"POST", "/imports/count", "", map[string]string{"Upgrade": "", "Sec-Websocket-Key": ""}, 422},
	{"POST", "/imports/none", "x", map[string]string{"Upgrade": "", "Sec-Websocket-Key": ""}, 404},
	{"POST", "/imports/count", "x", map[string]string{"Upgrade": "", "Sec-Websocket-Key": "", "Sec-Fetch-Site": "cross-site"}, 403},
	{"GET", "/imports/count/" + strings.Repeat("0a", 16) + "/events", "", map[string]string{"Sec-Websocket-Protocol": imports.Subprotocol}, 404},
	{"GET", "/nothing", "", nil, 404},
}

func refusedRequest(s *soak, v *visit) error {
	r := refusals[v.rng.IntN(len(refusals))]
	req, err := http.NewRequestWithContext(v.ctx, r.method, s.url+r.path, strings.NewReader(r.body))
	if err != nil {
		return err
	}
	req.Host, req.Header = "panel.example", v.header()
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
	} {
		req.Header.Set(name, value)
	}
	for name, value := range r.change {
		switch {
		case name == "Host":
			req.Host = value
		case value == "":
			req.Header.Del(name)
		default:
			req.Header.Set(name, value)
		}
	}
	status, _, err := s.answer(req)
	if err == nil && status != r.want {
		err = fmt.Errorf("%s %s with %v: %d, want %d", r.method, r.path, r.change, status, r.want)
	}
	return err
}
