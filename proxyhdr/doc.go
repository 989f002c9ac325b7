// Package proxyhdr finds out who the client of an HTTP request is.
package proxyhdr
