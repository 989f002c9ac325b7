// Package gate decides whether a request may come in at all, and on whose
// behalf: the Host and Origin rules, the host application's Authorize hook,
// revalidation while a stream lives, finite caps, the audit queue and the
// problem documents that every refusal is answered with.
//
// The threat it exists for is the operator's own browser. An IP allowlist in
// front of the service admits every page that browser has open, SameSite
// cookies ignore ports and sibling subdomains, a WebSocket handshake is a GET
// that CSRF middleware waves through, and DNS rebinding makes Origin and Host
// agree. So a request is only let through when its Host is one of ours and its
// Origin, wherever one is sent, is one of ours to the letter.
//
// # Concurrency
//
// Every method may be called concurrently. [NewGuard] starts one goroutine
// when an Audit hook is set; [Guard.Shutdown] ends it.
package gate
