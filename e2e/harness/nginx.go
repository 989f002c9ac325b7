package harness

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// examples is the folder of the files that operators copy, seen from a test package of this module.
const examples = "../examples/nginx"

// NginxConfig says which files of examples/nginx to serve and what the machine's values are.
type NginxConfig struct {
	Upstream string // address:port of Pruvon

	// Listen and Plain replace the ports of the two servers; "" stands for free ones on 127.0.0.1.
	Listen, Plain string
	// KeepAccess keeps the allow and deny lines of the file.
	KeepAccess bool
	// Allowlist is the content of the file included in place of the allow and deny lines;
	// "" stands for [Operators].
	Allowlist string
	// Edit changes the files further, for tests about what operators get wrong.
	Edit func(site string) string
	// Main is added to the main context, for example a worker_shutdown_timeout.
	Main string
	// HTTP is added to the http context, for example further servers.
	HTTP string
}

// Nginx is a running nginx with the operator's site and the redirecting server.
type Nginx struct {
	*Child
	Addr      string // of the TLS server
	PlainAddr string // of the redirecting server
	Allowlist string // path of the included file, "" with KeepAccess
	Dir       string

	binary string
	run    *Run
}

// StartNginx starts nginx with pruvon.conf and redirect.conf on free ports.
func (r *Run) StartNginx(tb testing.TB, config NginxConfig) *Nginx {
	tb.Helper()
	dir := r.Sub(tb)
	n := &Nginx{
		Addr:      cmp.Or(config.Listen, fmt.Sprintf("127.0.0.1:%d", FreePort(tb))),
		PlainAddr: cmp.Or(config.Plain, fmt.Sprintf("127.0.0.1:%d", FreePort(tb))),
		Dir:       dir,
		binary:    Binary(tb, "nginx"),
		run:       r,
	}
	if !config.KeepAccess {
		n.Allowlist = filepath.Join(dir, "allowlist.conf")
		write(tb, n.Allowlist, cmp.Or(config.Allowlist, Operators))
	}
	site := Site{Listen: n.Addr, Upstream: config.Upstream, CertFile: r.Cert.CertFile, KeyFile: r.Cert.KeyFile, Allowlist: n.Allowlist}
	pruvon := n.site(tb, site, "pruvon.conf")
	site.Listen = n.PlainAddr
	redirect := n.site(tb, site, "redirect.conf")
	if config.Edit != nil {
		pruvon = config.Edit(pruvon)
	}
	write(tb, filepath.Join(dir, "pruvon.conf"), pruvon)
	write(tb, filepath.Join(dir, "redirect.conf"), redirect)
	write(tb, filepath.Join(dir, "nginx.conf"), mainConfig(dir, config))

	n.Restart(tb)
	return n
}

// Restart starts nginx with its configuration once more after it has ended.
func (n *Nginx) Restart(tb testing.TB) {
	tb.Helper()
	n.Child = n.run.Start(tb, "nginx", exec.Command(n.binary, n.args()...), 0)
	WaitForPort(tb, n.Reach("127.0.0.1"))
}

// KillAll kills the master and its workers without warning.
func (n *Nginx) KillAll(tb testing.TB) {
	tb.Helper()
	if err := syscall.Kill(-n.Pid(), syscall.SIGKILL); err != nil {
		tb.Fatal(err)
	}
	<-n.Done()
}

// Reach is where a client finds the TLS server when nginx listens on every address.
func (n *Nginx) Reach(address string) string { return reach(n.Addr, address) }

// ReachPlain is where a client finds the redirecting server.
func (n *Nginx) ReachPlain(address string) string { return reach(n.PlainAddr, address) }

func reach(listen, address string) string {
	if strings.Contains(listen, ":") {
		return listen
	}
	return net.JoinHostPort(address, listen)
}

// site reads a file of examples/nginx and puts this machine's values in.
func (n *Nginx) site(tb testing.TB, site Site, name string) string {
	tb.Helper()
	config, err := os.ReadFile(filepath.Join(examples, name))
	if err != nil {
		tb.Fatal(err)
	}
	text, err := site.Apply(string(config))
	if err != nil {
		tb.Fatalf("%s would not be the operator's configuration any more: %v", name, err)
	}
	return text
}

func (n *Nginx) args() []string {
	return []string{"-c", filepath.Join(n.Dir, "nginx.conf"), "-e", filepath.Join(n.Dir, "error.log")}
}

// Test runs nginx -t over the configuration and returns what it says.
func (n *Nginx) Test() (string, error) {
	out, err := exec.Command(n.binary, append(n.args(), "-t")...).CombinedOutput()
	return string(out), err
}

// Reload applies the configuration files as an operator does: nginx -t, then reload. It returns when the
// old worker accepts no connections any more; for a moment the old and the new one both do.
func (n *Nginx) Reload(tb testing.TB) {
	tb.Helper()
	if out, err := n.Test(); err != nil {
		tb.Fatalf("nginx -t: %v\n%s", err, out)
	}
	old := n.workers()
	if out, err := exec.Command(n.binary, append(n.args(), "-s", "reload")...).CombinedOutput(); err != nil {
		tb.Fatalf("nginx -s reload: %v\n%s", err, out)
	}
	Eventually(tb, 10*time.Second, func() error {
		for _, pid := range old {
			if title := commandLine(pid); title != "" && !strings.Contains(title, "shutting down") {
				return fmt.Errorf("worker %s is still %q", pid, title)
			}
		}
		return nil
	})
}

// workers are the pids of the running worker processes.
func (n *Nginx) workers() []string {
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", n.Pid()))
	return strings.Fields(string(children))
}

// ErrorLog returns nginx's own error log.
func (n *Nginx) ErrorLog() string {
	text, _ := os.ReadFile(filepath.Join(n.Dir, "error.log"))
	return string(text)
}

// mainConfig is what a distribution's nginx.conf provides around the operator's files. The worker runs
// as root because the folders of the tests are not open to nobody.
func mainConfig(dir string, config NginxConfig) string {
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n"
	}
	var temp strings.Builder
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "    %s_temp_path %s/%s;\n", name, dir, name)
	}
	return fmt.Sprintf(`%[2]sdaemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log info;
%[4]s
events { worker_connections 1024; }
http {
    access_log %[1]s/access.log;
%[3]s%[5]s
    include %[1]s/pruvon.conf;
    include %[1]s/redirect.conf;
}
`, dir, user, temp.String(), config.Main, config.HTTP)
}

func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// WaitForPort waits until something accepts connections at addr.
func WaitForPort(tb testing.TB, addr string) {
	tb.Helper()
	Eventually(tb, 20*time.Second, func() error {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			err = c.Close()
		}
		return err
	})
}
