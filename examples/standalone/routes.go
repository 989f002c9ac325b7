package main

import (
	"net/http"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/pruvon/pruvon/proxyhdr"
)

// routes puts /metrics beside the app.
func routes(app http.Handler, reg *prometheus.Registry, metricsForwarded bool) http.Handler {
	mux := http.NewServeMux()
	metrics := promhttp.HandlerFor(reg, promhttp.HandlerOpts{Registry: reg})
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, r *http.Request) {
		if !metricsForwarded && !direct(r) {
			http.NotFound(w, r)
			return
		}
		metrics.ServeHTTP(w, r)
	})
	mux.Handle("/", app)
	return mux
}

// direct reports whether a request comes from this machine itself and not
// through a proxy: any forwarding header at all counts against it.
func direct(r *http.Request) bool {
	if proxyhdr.IsForwarded(r.Header) {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr == "@" || r.RemoteAddr == "" // a unix socket's peer
	}
	return peer.Addr().Unmap().IsLoopback()
}
