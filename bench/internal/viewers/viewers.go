// Package viewers connects to a log server the way a browser does, or over plain
// TCP, and hands back the bytes: what they say is counted elsewhere.
package viewers

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"time"
)

// Protocol is what a server speaks.
type Protocol struct {
	// Path and query of the WebSocket. Empty: plain TCP without a protocol.
	Path string
	// Subprotocol that is asked for. Empty: none.
	Subprotocol string
}

// Dial opens a connection and, where there is a protocol, shakes hands.
func Dial(addr string, p Protocol) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil || p.Path == "" {
		return c, err
	}
	// A server that starts a process for each viewer may take its time.
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if err := upgrade(c, addr, p); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, c.SetDeadline(time.Time{})
}

// upgrade asks for a WebSocket. The answer is read byte by byte, so that no
// frame behind it is swallowed.
func upgrade(c net.Conn, addr string, p Protocol) error {
	request := "GET " + p.Path + " HTTP/1.1\r\nHost: " + addr + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	if p.Subprotocol != "" {
		request += "Sec-WebSocket-Protocol: " + p.Subprotocol + "\r\n"
	}
	if _, err := io.WriteString(c, request+"\r\n"); err != nil {
		return err
	}
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		var one [1]byte
		if _, err := c.Read(one[:]); err != nil {
			return fmt.Errorf("handshake: %w after %q", err, head)
		}
		head = append(head, one[0])
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
		return fmt.Errorf("handshake: %q", head)
	}
	return nil
}
