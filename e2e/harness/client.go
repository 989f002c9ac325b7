package harness

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Origin is the origin under which browsers know the operator's site.
const Origin = "https://" + ServerName

// The addresses of the tests' clients. Any address of 127.0.0.0/8 can be a source on Linux; only
// 127.0.0.1, which is the browser's, is also a trusted proxy.
const (
	Operator = "127.0.0.2"
	Stranger = "127.0.0.3"
	// Operators is an allowlist of the browser and the operator.
	Operators = "allow 127.0.0.1;\nallow " + Operator + ";\ndeny all;\n"
)

// Client is an HTTP client that reaches https://pruvon.example.internal at a running nginx from a
// chosen loopback address, which is how one machine plays several.
type Client struct {
	HTTP *http.Client
}

// Client returns a client for the TLS server at addr. source is the client's own address.
// It speaks HTTP/1.1, as browsers do for WebSockets to nginx 1.22.
func (r *Run) Client(addr, source string) *Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, addr)
		},
		TLSClientConfig:   &tls.Config{RootCAs: r.Cert.Pool, ServerName: ServerName},
		DisableKeepAlives: true,
	}
	return &Client{HTTP: &http.Client{Transport: transport, CheckRedirect: stay}}
}

// Plain returns a client for requests without TLS and without a proxy's name in between.
func Plain() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: stay}
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Answer is a whole HTTP response.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Send sends a request with optional headers given as "Name: value" and reads the answer.
func Send(tb testing.TB, client *http.Client, method, url, body string, headers ...string) Answer {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if strings.EqualFold(name, "Host") {
			req.Host = value
			continue
		}
		req.Header.Add(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		tb.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatalf("%s %s: %v", method, url, err)
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: string(text)}
}

// Get fetches a path of the site through nginx.
func (c *Client) Get(tb testing.TB, path string, headers ...string) Answer {
	tb.Helper()
	return Send(tb, c.HTTP, http.MethodGet, Origin+path, "", headers...)
}

// Socket is an open WebSocket of a test. Every call fails the test when it takes longer than 20 s.
type Socket struct {
	*websocket.Conn
	tb testing.TB
}

// Dial opens a WebSocket through nginx with the site's own Origin and closes it when the test ends.
func (c *Client) Dial(tb testing.TB, path, subprotocol string) *Socket {
	tb.Helper()
	s, answer, err := DialURL(tb, c.HTTP, Origin+path, subprotocol, "Origin: "+Origin)
	if err != nil {
		tb.Fatalf("WebSocket %s: %v (%d %s)", path, err, answer.Status, answer.Body)
	}
	return s
}

// DialURL tries a WebSocket handshake and returns the HTTP answer when it is refused.
func DialURL(tb testing.TB, client *http.Client, url, subprotocol string, headers ...string) (*Socket, Answer, error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	options := &websocket.DialOptions{HTTPClient: client, HTTPHeader: http.Header{}}
	if subprotocol != "" {
		options.Subprotocols = []string{subprotocol}
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if strings.EqualFold(name, "Host") {
			options.Host = value
			continue
		}
		options.HTTPHeader.Add(name, value)
	}
	conn, resp, err := websocket.Dial(ctx, url, options)
	var answer Answer
	if resp != nil {
		answer = Answer{Status: resp.StatusCode, Header: resp.Header}
		if err != nil && resp.Body != nil {
			text, _ := io.ReadAll(resp.Body)
			answer.Body = string(text)
		}
	}
	if err != nil {
		return nil, answer, err
	}
	conn.SetReadLimit(4 << 20)
	tb.Cleanup(func() { _ = conn.CloseNow() })
	return &Socket{Conn: conn, tb: tb}, answer, nil
}

// SendText sends a text message.
func (s *Socket) SendText(text string) {
	s.tb.Helper()
	s.send(websocket.MessageText, []byte(text))
}

// TrySendText sends a text message on a connection that may be lost.
func (s *Socket) TrySendText(text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return s.Conn.Write(ctx, websocket.MessageText, []byte(text))
}

// SendBinary sends a binary message.
func (s *Socket) SendBinary(data []byte) {
	s.tb.Helper()
	s.send(websocket.MessageBinary, data)
}

func (s *Socket) send(kind websocket.MessageType, data []byte) {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Conn.Write(ctx, kind, data); err != nil {
		s.tb.Fatalf("sending: %v", err)
	}
}

// Next reads one message; the error is the close or the loss of the connection.
func (s *Socket) Next() (binary bool, data []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	kind, data, err := s.Conn.Read(ctx)
	return kind == websocket.MessageBinary, data, err
}

// Closed reads until the connection ends and returns the close code and reason, -1 for a connection
// that ended without a close frame, together with all text messages read on the way.
func (s *Socket) Closed() (code int, reason string, texts []string) {
	s.tb.Helper()
	for {
		binary, data, err := s.Next()
		if err == nil {
			if !binary {
				texts = append(texts, string(data))
			}
			continue
		}
		if errors.Is(err, context.DeadlineExceeded) {
			s.tb.Fatalf("the server did not close the connection")
		}
		var closed websocket.CloseError
		if errors.As(err, &closed) {
			return int(closed.Code), closed.Reason, texts
		}
		return -1, err.Error(), texts
	}
}
