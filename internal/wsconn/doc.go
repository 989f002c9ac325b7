// Package wsconn is the server end of a WebSocket as the three parts need it:
// refusals before the upgrade, pings, rolling write deadlines, flood limits,
// UTF-8 checks and close codes, over github.com/coder/websocket.
//
// # Concurrency
//
// One goroutine reads. [Conn.Write], [Conn.Close] and [Conn.Kill] may be
// called from any goroutine. The handler that accepted the connection calls
// [Conn.Wait] before it returns, so that no goroutine outlives it.
package wsconn
