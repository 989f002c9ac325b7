//go:build !linux

package terminal

import (
	"os"
	"time"
)

// setInputMode leaves the terminal as the system opens it: not every system
// has IUTF8.
func setInputMode(*os.File) error { return nil }

// pauseShort rests for some microseconds.
func pauseShort() { time.Sleep(20 * time.Microsecond) }
