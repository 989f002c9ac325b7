//go:build !linux

package terminal

import "os"

// setInputMode leaves the terminal as the system opens it: not every system
// has IUTF8.
func setInputMode(*os.File) error { return nil }
