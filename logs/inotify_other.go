//go:build !linux

package logs

import "context"

// newWaiter returns a waiter that polls: inotify is Linux's.
func newWaiter(context.Context, string, bool) waiter { return newPoller() }
