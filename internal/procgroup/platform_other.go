//go:build unix && !linux

package procgroup

import (
	"context"
	"os"
	"syscall"
)

// platform and groupPlatform are empty: elsewhere than on Linux a tree is the
// command's process group, and waiting takes a thread for each command.
type (
	platform      struct{}
	groupPlatform struct{}
)

func (m *Manager) openPlatform() error { return nil }

func (m *Manager) closePlatform(bool) error {
	m.wg.Wait()
	return nil
}

func (m *Manager) launch(g *Group) error {
	path := g.spec.Cmd.Path
	if g.spec.KillOnParentDeath {
		setDeathSignal(g.spec.Cmd.SysProcAttr)
	}
	if err := g.spec.Cmd.Start(); err != nil {
		return startError(path, err)
	}
	return nil
}

func (m *Manager) started(*Group)                       {}
func (m *Manager) forget(*Group, bool)                  {}
func (m *Manager) orphans(context.Context) (int, error) { return 0, nil }

// watch reaps the command at once, because these systems have no way to ask
// for the status and keep the zombie that Go gives access to.
func (m *Manager) watch(g *Group) {
	m.wg.Go(func() {
		state, err := g.spec.Cmd.Process.Wait()
		g.exited(exitOf(state, err))
	})
}

func exitOf(state *os.ProcessState, err error) Exit {
	if err != nil {
		return Exit{Code: -1, Err: err}
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return Exit{Code: -1, Signal: ws.Signal()}
	}
	return Exit{Code: state.ExitCode()}
}
