// Package addresses measures how long it takes to find out a client's address,
// and to look it up in a list, against the libraries that a service would use
// otherwise. Only benchmarks are here; read them as ratios within one run:
//
//	go test -run '^$' -bench . -benchmem -count 6 ./addresses
package addresses
