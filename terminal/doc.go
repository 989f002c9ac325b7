// Package terminal serves terminals to browsers: an http.Handler that runs a
// command on a pseudo-terminal and carries its bytes over a WebSocket.
//
//	h, err := terminal.New(terminal.Config{
//		Authorize: who,
//		Origins:   []string{"https://pruvon.example.internal"},
//		Terminals: map[string]terminal.Terminal{
//			"shell": {Command: func(ctx context.Context, s terminal.Start) (*exec.Cmd, error) {
//				return exec.Command("/bin/bash", "-l"), nil
//			}},
//		},
//	})
//	…
//	mux.Handle("/terminals/{name}", h)
//	…
//	err = errors.Join(h.Shutdown(ctx), srv.Shutdown(ctx))
//
// # Sessions and connections
//
// A session is one running process. It outlives its connections: a client that
// comes back within DetachGrace gets every byte that it missed, or, when that
// is too much, a picture of the screen and what follows.
//
//	starting ── started ──> running ── exited ──> draining ── drained ──> ended
//	   │ end                   │ end                  ▲
//	   ▼                       ▼                      │ exited
//	 doomed ─── started ───> ending ──────────────────┘
//
// Any number of connections may watch a session. One of them is the primary:
// it sets the pace at which output is read, and may type unless it is
// read-only. A connection asks for that place with take.
//
// # Flow
//
// Nothing is dropped between the process and the primary. A page says with
// acks what it has drawn; when a window of bytes is not drawn, the terminal is
// not read and the process blocks in its write. That is what makes an interrupt
// show at once on a slow page. Input goes the other way under a credit.
//
// # The raw dialect
//
// A client that names no subprotocol (websocat, the attach add-on of xterm.js)
// gets the output as binary messages and sends input as text or binary ones.
// The size comes from ?cols= and ?rows=. TCP does the flow control, the session
// ends with the connection, and the close code says how.
//
// # Recording
//
// With Record set, a session is written to an asciicast (version 2): "o" and
// "i" events, "r" for sizes, markers "gap: …", "cap: …", "input hidden: …" and
// at last "exit: …". Bytes that are not UTF-8 show as U+FFFD; an event "b",
// which players ignore, follows with the exact bytes in base64, so that the
// text of each event, or the bytes after it, make up the whole stream.
//
// Input is left out while the terminal does not echo whole lines, as at the
// password prompts of sudo, passwd and ssh. A prompt on another machine, inside
// an ssh session, cannot be told from any other key: what is typed there is
// recorded.
//
// # Limits of the kernel
//
// A program that reads whole lines (a shell's read, cat without a raw mode)
// gets at most 4095 bytes of a line from the kernel's line editing; the rest of
// a longer pasted line is lost there. Programs in raw mode, shells with line
// editing among them, get everything.
//
// # Concurrency
//
// All methods of [Handler] may be called concurrently. The functions of a
// [Config] are called concurrently too, Audit excepted.
//
// # Threats
//
// A terminal is the most that an attacker can want. The handler answers only
// requests with an exact Origin and Host, before anything is started for them;
// the URL chooses a name and never an argument; session ids are 128 random bits
// and bound to their user; the environment is an allowlist. On a machine with
// other local users, loopback is no protection: listen on a Unix socket.
package terminal
