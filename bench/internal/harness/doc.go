// Package harness runs scenarios: it starts the servers that are compared, each in a process of its
// own, calls the scenario once for each target and repetition, and collects the samples.
package harness
