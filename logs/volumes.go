package logs

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// volume is one file of a log's history: the live one or a rotated sibling.
type volume struct {
	path   string
	id     fileID
	size   int64
	mtime  time.Time
	packed bool
	live   bool
}

// volumes lists the history, oldest first and the live file last. A sibling is
// name.SUFFIX or name-SUFFIX, or, where the rotator keeps the extension,
// stem-SUFFIX.ext and stem.SUFFIX.ext, with SUFFIX made of digits and what
// dates are written with.
func (f *fileSource) volumes() ([]volume, error) {
	dir, base := filepath.Split(f.path)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []volume
	for _, e := range entries {
		name := e.Name()
		live := name == base
		if !live && !isSibling(base, name) {
			continue
		}
		path := filepath.Join(dir, name)
		// A rotated sibling that is a link is none of a rotator's; the live
		// name may be one.
		fi, err := os.Lstat(path)
		if live {
			fi, err = os.Stat(path)
		}
		if err != nil || !fi.Mode().IsRegular() {
			continue
		}
		_, packed := unpackedName(name)
		out = append(out, volume{
			path: path, id: idOf(fi), size: fi.Size(), mtime: fi.ModTime(), packed: packed && !live, live: live,
		})
	}
	slices.SortStableFunc(out, olderFirst)
	return dropDoubles(out), nil
}

// olderFirst orders volumes: by their last write (gzip keeps it), and where
// that is the same by the number that counts up with age.
func olderFirst(a, b volume) int {
	switch {
	case a.live != b.live:
		if a.live {
			return 1
		}
		return -1
	case !a.mtime.Equal(b.mtime):
		return a.mtime.Compare(b.mtime)
	}
	if an, bn := trailingNumber(a.path), trailingNumber(b.path); an > 0 && bn > 0 {
		return cmp.Compare(bn, an)
	}
	return cmp.Compare(a.path, b.path)
}

// dropDoubles removes what stands in the list twice: a hard link to the live
// file, and name.1.gz while name.1 is still being compressed into it.
func dropDoubles(vs []volume) []volume {
	plain := map[string]bool{}
	ids := map[fileID]bool{}
	for _, v := range vs {
		plain[v.path] = true
		if v.live {
			ids[v.id] = true
		}
	}
	return slices.DeleteFunc(vs, func(v volume) bool {
		if v.live {
			return false
		}
		if name, packed := unpackedName(v.path); packed && plain[name] || ids[v.id] {
			return true
		}
		ids[v.id] = true
		return false
	})
}

// isSibling says whether a rotator would call a rotated base that.
func isSibling(base, name string) bool {
	name, _ = unpackedName(name)
	if rest, ok := strings.CutPrefix(name, base); ok {
		return isSuffix(rest)
	}
	ext := filepath.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	if ext == "" || stem == "" {
		return false
	}
	rest, ok := strings.CutPrefix(name, stem)
	if !ok {
		return false
	}
	rest, ok = strings.CutSuffix(rest, ext)
	return ok && isSuffix(rest)
}

// isSuffix accepts .1, -20260101, .2026-01-01_03:04:05 and the like.
func isSuffix(s string) bool {
	if len(s) < 2 || len(s) > 40 || (s[0] != '.' && s[0] != '-' && s[0] != '_') {
		return false
	}
	digits := 0
	for _, c := range s[1:] {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case strings.ContainsRune("-._:T+Z", c):
		default:
			return false
		}
	}
	return digits > 0
}

// trailingNumber is the N of name.N and name.N.gz, or 0.
func trailingNumber(path string) int {
	path, _ = unpackedName(path)
	i := strings.LastIndexByte(path, '.')
	n, err := strconv.Atoi(path[i+1:])
	if err != nil || n < 0 || n > 1<<20 {
		return 0
	}
	return n
}
