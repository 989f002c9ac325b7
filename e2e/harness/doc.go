// Package harness starts what the end-to-end tests need around the standalone binary: nginx with the
// files of examples/nginx, Chromium, Prometheus and PostgreSQL.
//
// Everything belongs to a [Run]. A Run owns one temporary folder and the children started for it; each
// child leads its own process group, writes its output to a file that is printed when a test fails, and
// is ended by its own pid. [Run.Close] says which processes outlived it.
package harness
