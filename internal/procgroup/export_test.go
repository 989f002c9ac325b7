package procgroup

// HoldSlot takes one of m's spawn slots.
func HoldSlot(m *Manager) (release func()) {
	m.slots <- struct{}{}
	return m.release
}
