// Package e2e holds no code of its own: its tests run the standalone binary the way operators do,
// behind a real nginx with the configuration files of examples/nginx, watched by a real Chromium and
// scraped by a real Prometheus.
//
// One stack of servers is started on free loopback ports when the first test asks for it and is shared
// by the package; tests that stop, reload or break something start their own. TestMain fails when a
// process of the run is still alive at its end.
//
// Faults of the network, of the disk and of the terminals' file system are made in network and mount
// namespaces of their own; the machine is not touched. These tests need root, or user namespaces. A test
// records what it has seen kept with keep, and PRUVON_WRITE_DOCS=1 makes docs/reliability.md of that.
//
// Environment: PRUVON_FULL=1 asks for the long counts, PRUVON_E2E_RACE=1 builds the standalone with
// the race detector.
package e2e
