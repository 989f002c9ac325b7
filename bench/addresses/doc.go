// Package addresses measures how long it takes to find out a client's address,
// and to look it up in a list, against the libraries that a service would use
// otherwise. Its scenarios are part of the comparison; as benchmarks:
//
//	go test -run '^$' -bench . -benchmem -count 6 ./addresses
package addresses
