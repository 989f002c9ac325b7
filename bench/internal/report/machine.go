package report

import (
	"fmt"
	"runtime"
	"time"

	"github.com/pruvon/pruvon/bench/internal/procfs"
)

// Machine is where and when figures were measured.
type Machine struct {
	Processor  string    `json:"processor"`
	Processors int       `json:"processors"`
	MemoryGiB  float64   `json:"memory_gib"`
	Kernel     string    `json:"kernel"`
	Go         string    `json:"go"`
	At         time.Time `json:"at"`
}

// ThisMachine describes the one that this runs on.
func ThisMachine() Machine {
	return Machine{
		Processor: procfs.Processor(), Processors: runtime.GOMAXPROCS(0),
		MemoryGiB: float64(procfs.Memory()) / (1 << 30),
		Kernel:    procfs.Kernel(), Go: runtime.Version(), At: time.Now().UTC().Truncate(time.Second),
	}
}

// String is one sentence.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d processors, %.0f GiB of memory, Linux %s, %s, %s.",
		m.Processor, m.Processors, m.MemoryGiB, m.Kernel, m.Go, m.At.Format("2006-01-02"))
}
