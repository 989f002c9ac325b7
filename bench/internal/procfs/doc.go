// Package procfs reads what the Linux kernel says about other processes and about the machine, as
// proc(5) describes it.
package procfs
