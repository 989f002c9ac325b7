package harness

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// isolatedName is set in the environment of a test binary that runs in a network namespace of its own.
const isolatedName = "PRUVON_E2E_ISOLATED"

// Isolated says whether this process has a network and mounts to itself: ports 80, 443 and 8080 are free,
// any address can be given to it, and what it mounts nobody else sees.
func Isolated() bool { return os.Getenv(isolatedName) == "1" }

// Isolate runs the calling test once more in network and mount namespaces of its own, or, where the kernel or
// the container forbids that, says so by returning false: the caller then runs it on loopback with free
// ports. The outcome of the isolated run becomes that of the test.
func Isolate(tb testing.TB) (ran bool) {
	tb.Helper()
	for _, attr := range []*syscall.SysProcAttr{
		{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS},
		{
			Cloneflags:  syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		},
	} {
		attr.Pdeathsig = syscall.SIGTERM
		cmd := exec.Command("/proc/self/exe", "-test.run=^"+tb.Name()+"$", "-test.v", "-test.timeout=5m")
		cmd.Env = append(os.Environ(), isolatedName+"=1")
		cmd.SysProcAttr = attr
		out, err := cmd.CombinedOutput()
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EINVAL) {
			continue
		}
		if err != nil {
			tb.Errorf("in a network namespace: %v\n%s", err, out)
		}
		return true
	}
	tb.Log("this machine allows no network namespace: loopback addresses and free ports stand in")
	return false
}

// LoopbackUp starts the loopback interface of an isolated process and gives it further IPv4 addresses.
// A connection from the process to one of them has that address on both ends.
func LoopbackUp(tb testing.TB, addresses ...netip.Addr) {
	tb.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer unix.Close(fd)
	set := func(name string, request uint, fill func(*unix.Ifreq) error) {
		tb.Helper()
		ifr, err := unix.NewIfreq(name)
		if err == nil {
			err = fill(ifr)
		}
		if err == nil {
			err = unix.IoctlIfreq(fd, request, ifr)
		}
		if err != nil {
			tb.Fatalf("configuring %s: %v", name, err)
		}
	}
	set("lo", unix.SIOCSIFFLAGS, func(ifr *unix.Ifreq) error {
		ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		return nil
	})
	for i, address := range addresses {
		set("lo:"+string(rune('a'+i)), unix.SIOCSIFADDR, func(ifr *unix.Ifreq) error {
			return ifr.SetInet4Addr(address.AsSlice())
		})
	}
}
