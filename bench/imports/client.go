package imports

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// client talks to one server.
type client struct {
	http *http.Client
	base string
}

func newClient(addr string) *client {
	return &client{http: &http.Client{Transport: &http.Transport{}}, base: "http://" + addr}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// send sends a body of so many bytes and wants a status.
func (c *client) send(ctx context.Context, method, path string, body io.Reader, n int64, want int, headers ...string) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, path, body)
	if err != nil {
		return nil, nil, err
	}
	req.ContentLength = n
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != want {
		err = fmt.Errorf("%s: %s %.200q", method, res.Status, b)
	}
	return res, b, err
}

// upload sends n bytes, in one request or in parts of a size. Each server is
// spoken to in its own way.
func (c *client) upload(ctx context.Context, kind string, n, part int64) error {
	if part == 0 && kind != tusd {
		path, want := c.base+"/db", http.StatusAccepted
		if kind == floor {
			want = http.StatusNoContent
		}
		_, _, err := c.send(ctx, http.MethodPost, path, data(n), n, want)
		return err
	}
	if part == 0 {
		part = n
	}
	path, err := c.create(ctx, kind, n)
	if err != nil {
		return err
	}
	for offset := int64(0); offset < n; offset += part {
		size := min(part, n-offset)
		complete, want := "?0", http.StatusNoContent
		if kind == pruvon && offset+size == n {
			complete, want = "?1", http.StatusAccepted
		}
		_, _, err := c.send(ctx, http.MethodPatch, path, data(size), size, want, "Upload-Offset", strconv.FormatInt(offset, 10),
			"Upload-Complete", complete, "Tus-Resumable", "1.0.0", "Content-Type", contentType(kind))
		if err != nil {
			return err
		}
	}
	return nil
}

// create begins an upload in parts and returns the URL that they are sent to.
func (c *client) create(ctx context.Context, kind string, n int64) (string, error) {
	length := strconv.FormatInt(n, 10)
	switch kind {
	case floor:
		return c.base + "/", nil
	case tusd:
		res, _, err := c.send(ctx, http.MethodPost, c.base+"/files/", nil, 0, http.StatusCreated, "Upload-Length", length, "Tus-Resumable", "1.0.0")
		if err != nil {
			return "", err
		}
		return res.Header.Get("Location"), nil
	}
	_, b, err := c.send(ctx, http.MethodPost, c.base+"/db", nil, 0, http.StatusCreated, "Upload-Length", length, "Upload-Complete", "?0")
	if err != nil {
		return "", err
	}
	id, err := importID(b)
	return c.base + "/db/" + id + "/content", err
}

func contentType(kind string) string {
	if kind == tusd {
		return "application/offset+octet-stream"
	}
	return "application/partial-upload"
}

// importID reads the id in a snapshot.
func importID(snapshot []byte) (string, error) {
	var s struct{ ID string }
	if err := json.Unmarshal(snapshot, &s); err != nil {
		return "", err
	}
	if s.ID == "" {
		return "", fmt.Errorf("no id in %.200q", snapshot)
	}
	return s.ID, nil
}

// fromServer starts the import of a file that is on the server, and returns
// when it has ended well.
func (c *client) fromServer(ctx context.Context, name string) error {
	_, b, err := c.send(ctx, http.MethodPost, c.base+"/db?file="+url.QueryEscape(name), nil, 0, http.StatusAccepted)
	if err != nil {
		return err
	}
	id, err := importID(b)
	if err != nil {
		return err
	}
	_, events, err := c.send(ctx, http.MethodGet, c.base+"/db/"+id+"/events", nil, 0, http.StatusOK)
	if err != nil {
		return err
	}
	return succeeded(events)
}

// data is what is uploaded: n bytes of text.
func data(n int64) io.Reader { return io.LimitReader(text{}, n) }

// text never ends.
type text struct{}

func (text) Read(b []byte) (int, error) {
	for i := 0; i < len(b); {
		i += copy(b[i:], block)
	}
	return len(b), nil
}
