package pruvon_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/pruvon/pruvon/imports"
)

// job is what the visits look at in an import.
type job struct {
	ID      string
	State   string
	Outcome string
}

// ask sends a request about an import and expects one of the answers.
func (s *soak) ask(v *visit, method, path string, body io.Reader, headers []string, want ...int) (job, error) {
	req, err := s.request(v, method, path, body)
	if err != nil {
		return job{}, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	status, b, err := s.answer(req)
	if err != nil {
		return job{}, err
	}
	for _, w := range want {
		if status == w {
			var j job
			if len(b) > 0 {
				err = json.Unmarshal(b, &j)
			}
			return j, err
		}
	}
	return job{}, fmt.Errorf("%s %s: %d, want %v: %s", method, path, status, want, b)
}

// finish watches an import to its end, expects an outcome and deletes it.
func (s *soak) finish(v *visit, target, id, outcome string) error {
	if err := s.watchTo(v, target, id, outcome); err != nil {
		return err
	}
	_, err := s.ask(v, http.MethodDelete, "/imports/"+target+"/"+id, nil, nil, http.StatusNoContent)
	return err
}

// watchTo reads an import's events, in one form or another, to the end.
func (s *soak) watchTo(v *visit, target, id, outcome string) error {
	path := "/imports/" + target + "/" + id + "/events"
	want := `"outcome":"` + outcome + `"`
	if v.rng.IntN(2) == 0 {
		ws, err := s.dial(v, path, imports.Subprotocol)
		if err != nil {
			return err
		}
		defer func() { _ = ws.CloseNow() }()
		for {
			_, data, err := ws.Read(v.ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if bytes.HasPrefix(data, []byte(`{"type":"end"`)) {
				return contains(path, data, want)
			}
		}
	}
	res, err := s.stream(v, path, pick(v.rng, transports[:2]))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return errors.Join(err, contains(path, b, `"type":"end"`), contains(path, b, want))
}

func contains(what string, b []byte, want string) error {
	if !bytes.Contains(b, []byte(want)) {
		return fmt.Errorf("%s: no %s in %s", what, want, b)
	}
	return nil
}

// payload is the content of an upload.
func payload(v *visit) string { return strings.Repeat("a line of some text\n", 1+v.rng.IntN(2000)) }

func importWhole(s *soak, v *visit) error {
	j, err := s.ask(v, http.MethodPost, "/imports/count", strings.NewReader(payload(v)), nil, http.StatusAccepted)
	if err != nil {
		return err
	}
	return s.finish(v, "count", j.ID, "succeeded")
}

func importInParts(s *soak, v *visit) error {
	whole := payload(v)
	j, err := s.create(v, "count", len(whole))
	if err != nil {
		return err
	}
	at := v.rng.IntN(len(whole)) + 1
	first, rest := whole[:at], whole[at:]
	content := "/imports/count/" + j.ID + "/content"
	part := func(body string, offset int, complete string, want int) error {
		_, err := s.ask(v, http.MethodPatch, content, strings.NewReader(body),
			[]string{"Upload-Offset", fmt.Sprint(offset), "Upload-Complete", complete, "Content-Type", "application/partial-upload"}, want)
		return err
	}
	if rest == "" {
		err = part(first, 0, "?1", http.StatusAccepted)
	} else {
		err = errors.Join(
			part(first, 0, "?0", http.StatusNoContent),
			part(first, 0, "?0", http.StatusConflict),
			part(rest, at, "?1", http.StatusAccepted),
		)
	}
	if err != nil {
		return err
	}
	return s.finish(v, "count", j.ID, "succeeded")
}

func (s *soak) create(v *visit, target string, length int) (job, error) {
	return s.ask(v, http.MethodPost, "/imports/"+target, nil,
		[]string{"Upload-Complete", "?0", "Upload-Length", fmt.Sprint(length)}, http.StatusCreated)
}

func cancelImport(s *soak, v *visit) error {
	j, err := s.ask(v, http.MethodPost, "/imports/slow", strings.NewReader(payload(v)), nil, http.StatusAccepted)
	if err != nil {
		return err
	}
	if _, err := s.ask(v, http.MethodPost, "/imports/slow/"+j.ID+"/cancel", nil, nil, http.StatusAccepted); err != nil {
		return err
	}
	return s.finish(v, "slow", j.ID, "canceled")
}

func failImport(s *soak, v *visit) error {
	j, err := s.ask(v, http.MethodPost, "/imports/fail", strings.NewReader(payload(v)), nil, http.StatusAccepted)
	if err != nil {
		return err
	}
	if err := s.watchTo(v, "fail", j.ID, "failed"); err != nil {
		return err
	}
	if v.rng.IntN(2) == 0 {
		if _, err := s.ask(v, http.MethodPost, "/imports/fail/"+j.ID+"/retry", nil, nil, http.StatusAccepted); err != nil {
			return err
		}
	}
	return s.finish(v, "fail", j.ID, "failed")
}

// cutUpload loses its connection in the middle of a body.
func cutUpload(s *soak, v *visit) error {
	var d net.Dialer
	c, err := d.DialContext(v.ctx, "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c, "PUT /imports/count HTTP/1.1\r\nHost: panel.example\r\nOrigin: %s\r\nX-Forwarded-For: %s\r\nX-Soak-User: %s\r\nContent-Length: 1000000\r\n\r\n%s",
		origin, v.addr, v.user, payload(v))
	if v.rng.IntN(2) == 0 {
		err = errors.Join(err, c.(*net.TCPConn).SetLinger(0)) // a reset instead of an end
	}
	return errors.Join(err, c.Close())
}

func giveUpUpload(s *soak, v *visit) error {
	j, err := s.create(v, "count", 1000)
	if err != nil {
		return err
	}
	if _, err := s.ask(v, http.MethodDelete, "/imports/count/"+j.ID+"/content", nil, nil, http.StatusNoContent, http.StatusAccepted); err != nil {
		return err
	}
	return s.finish(v, "count", j.ID, "canceled")
}
