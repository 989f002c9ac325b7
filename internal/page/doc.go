// Package page serves what a person sees: one HTML document, its style sheet
// and ES modules, the parts' browser modules beside them, and the xterm.js that
// the host has passed in.
//
// Everything is read, hashed and compressed once, in [New]; a request only
// picks bytes from memory. All URLs in the page are relative, so it is right
// under [net/http.StripPrefix] and behind a proxy's sub-path, as long as its
// own address ends in a slash.
//
// The package imports none of the parts: the root passes their modules in.
package page
