package procgroup

import "strings"

// An ident names one process for ever: its number may be used again, but not
// with the same start.
type ident struct {
	pid   int
	start uint64
}

func (p proc) ident() ident { return ident{p.pid, p.start} }

// A snapshot is one look at all processes of the machine.
type snapshot struct {
	procs    map[int]proc     // alive only
	sessions map[int][]int    // sid → members
	children map[int][]int    // ppid → children
	marked   map[string][]int // one element of a mark path → processes
	partial  bool             // descriptors ran out: what is not here may exist all the same
}

func newSnapshot(procs []proc, marks map[ident]string) *snapshot {
	s := &snapshot{
		procs:    make(map[int]proc, len(procs)),
		sessions: make(map[int][]int),
		children: make(map[int][]int, len(procs)),
		marked:   make(map[string][]int),
	}
	for _, p := range procs {
		if p.dead {
			continue
		}
		s.procs[p.pid] = p
		s.sessions[p.sid] = append(s.sessions[p.sid], p.pid)
		s.children[p.ppid] = append(s.children[p.ppid], p.pid)
		for _, mark := range strings.Split(marks[p.ident()], ",") {
			if mark != "" {
				s.marked[mark] = append(s.marked[mark], p.pid)
			}
		}
	}
	return s
}

// A selector says which processes of a snapshot form a tree.
type selector struct {
	session int                // members of this session; 0 = none
	mark    string             // carriers of this mark
	pids    []int              // these, known from a cgroup
	seen    map[ident]struct{} // members found before: a process cannot leave
	except  int                // the host itself
}

// find returns the processes that sel names, all their descendants, and all
// that share a session with one of them: the command began a session of its
// own, so every session with a member in it was begun by a member. That finds
// a child that has cleared its environment, while its parent or anybody else of
// its session is still there to tell.
func (s *snapshot) find(sel selector) []proc {
	var found []proc
	in := make(map[int]struct{})
	add := func(pid int) {
		p, alive := s.procs[pid]
		if _, dup := in[pid]; dup || !alive || pid == sel.except || pid <= 1 {
			return
		}
		in[pid] = struct{}{}
		found = append(found, p)
	}
	addAll := func(pids []int) {
		for _, pid := range pids {
			add(pid)
		}
	}
	if sel.session > 0 {
		addAll(s.sessions[sel.session])
	}
	if sel.mark != "" {
		addAll(s.marked[sel.mark])
	}
	addAll(sel.pids)
	for id := range sel.seen {
		if s.procs[id.pid].start == id.start {
			add(id.pid)
		}
	}
	sessions := map[int]struct{}{0: {}, s.procs[sel.except].sid: {}}
	for i := 0; i < len(found); i++ {
		p := found[i]
		addAll(s.children[p.pid])
		if _, dup := sessions[p.sid]; !dup {
			sessions[p.sid] = struct{}{}
			addAll(s.sessions[p.sid])
		}
	}
	return found
}
