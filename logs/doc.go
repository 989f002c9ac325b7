// Package logs shows logs live in a browser, or to curl.
package logs
