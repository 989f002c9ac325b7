// Package terminal compares terminals: how fast their output is, how long a key takes to come back and
// Ctrl-C to be seen, and what a thousand of them cost.
package terminal

import "github.com/pruvon/pruvon/bench/internal/harness"

// Scenarios are the comparisons of this package.
func Scenarios() []harness.Scenario {
	return []harness.Scenario{
		throughput(),
		echo(),
		echoFlood(),
		interrupt(),
		interruptLine(),
		sessions(),
		growth(),
		echoGrowth(),
		window(),
		ring(),
	}
}

// Roles are the servers of this package.
func Roles() map[string]harness.Role {
	return map[string]harness.Role{
		rolePruvon: servePruvon,
		roleFloor:  serveFloor,
		rolePty:    readPty,
	}
}
