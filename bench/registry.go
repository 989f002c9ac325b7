package main

import (
	"maps"
	"slices"

	"github.com/pruvon/pruvon/bench/addresses"
	"github.com/pruvon/pruvon/bench/imports"
	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/logs"
	"github.com/pruvon/pruvon/bench/terminal"
)

// scenarios are all scenarios, in the order in which they are run and shown.
func scenarios() []harness.Scenario {
	return slices.Concat(
		terminal.Scenarios(),
		logs.Scenarios(),
		imports.Scenarios(),
		addresses.Scenarios(),
	)
}

// roles are the servers that this program can be.
func roles() map[string]harness.Role {
	all := map[string]harness.Role{}
	maps.Copy(all, terminal.Roles())
	maps.Copy(all, logs.Roles())
	maps.Copy(all, imports.Roles())
	return all
}
