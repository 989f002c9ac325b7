// Package e2e holds no code of its own: its tests run the standalone binary the way operators do,
// behind a real nginx with the configuration files of examples/nginx, watched by a real Chromium and
// scraped by a real Prometheus.
//
// One stack of servers is started on free loopback ports when the first test asks for it and is shared
// by the package; tests that stop, reload or break something start their own. TestMain fails when a
// process of the run is still alive at its end.
//
// Environment: PRUVON_FULL=1 asks for the long counts, PRUVON_E2E_RACE=1 builds the standalone with
// the race detector.
package e2e
