package procfs

// Group is what a process and all its descendants have used and hold: of a
// server that starts a program for each client, the programs are part of the
// price. CPU time of those that have ended already is not in it. Pages that
// several of them share count once for each in RSS, but not in Anon.
func Group(pid int) (sum Usage, processes int, err error) {
	if sum, err = Read(pid); err != nil {
		return sum, 0, err
	}
	children := make(map[int][]int)
	each(func(p int) {
		if s, err := readStat(p); err == nil {
			children[s.parent] = append(children[s.parent], p)
		}
	})
	processes = 1
	for queue := children[pid]; len(queue) > 0; queue = queue[1:] {
		queue = append(queue, children[queue[0]]...)
		u, err := Read(queue[0])
		if err != nil {
			continue // it has ended meanwhile
		}
		processes++
		sum.CPU += u.CPU
		sum.RSS += u.RSS
		sum.Anon += u.Anon
		sum.Threads += u.Threads
		sum.Descriptors += u.Descriptors
	}
	return sum, processes, nil
}
