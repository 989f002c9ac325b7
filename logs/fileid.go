package logs

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// A file is known again by its device and inode, by its first bytes and by the
// bytes before the offset that was reached. None of them alone is enough: an
// inode number is reused within minutes, files begin with the same header, and
// a file that was emptied may have grown past the old offset.

const (
	headSize = 1024 // bytes at the beginning that tell one file from another
	tailSize = 64   // bytes before an offset that tell whether it is still ours
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fileID is a device and an inode.
type fileID struct{ dev, ino uint64 }

func idOf(fi fs.FileInfo) fileID {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}
	}
	return fileID{uint64(st.Dev), st.Ino} //nolint:unconvert // Dev is int32 on some systems
}

// links is how many names a file has; 0 once it is deleted.
func links(fi fs.FileInfo) uint64 {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return uint64(st.Nlink) //nolint:unconvert // Nlink is uint16 or uint32 on some systems
}

// hash folds the id into what a position has room for.
func (id fileID) hash() uint64 { return id.dev*0x9e3779b97f4a7c15 ^ id.ino }

// mark is a place in a file, recognizable later: an entry of a position.
type mark struct {
	id      uint64 // fileID.hash
	headLen uint16
	headCRC uint32 // of the first headLen bytes
	off     int64
	tailCRC uint32 // of the up to tailSize bytes before off
}

// filePos is the position of a file source: a mark for each generation that is
// still being read, the oldest first.
type filePos struct {
	at    int64 // Unix seconds
	marks []mark
}

const (
	filePosVersion = 'f'
	filePosHeader  = 1 + 8 + 1
	markSize       = 8 + 2 + 4 + 8 + 4
)

func (m mark) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, m.id)
	b = binary.BigEndian.AppendUint16(b, m.headLen)
	b = binary.BigEndian.AppendUint32(b, m.headCRC)
	b = binary.BigEndian.AppendUint64(b, uint64(m.off))
	return binary.BigEndian.AppendUint32(b, m.tailCRC)
}

func (p filePos) append(b []byte) Position {
	b = append(b, filePosVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(p.at))
	b = append(b, byte(len(p.marks)))
	for _, m := range p.marks {
		b = m.append(b)
	}
	return b
}

// parseFilePos reads a position. It is authenticated before it gets here, but
// a host may have changed what stands behind a name.
func parseFilePos(b Position) (filePos, bool) {
	if len(b) < filePosHeader || b[0] != filePosVersion {
		return filePos{}, false
	}
	p := filePos{at: int64(binary.BigEndian.Uint64(b[1:]))}
	n := int(b[9])
	b = b[filePosHeader:]
	if len(b) != n*markSize || n > maxGenerations {
		return filePos{}, false
	}
	for ; len(b) > 0; b = b[markSize:] {
		m := mark{
			id:      binary.BigEndian.Uint64(b),
			headLen: binary.BigEndian.Uint16(b[8:]),
			headCRC: binary.BigEndian.Uint32(b[10:]),
			off:     int64(binary.BigEndian.Uint64(b[14:])),
			tailCRC: binary.BigEndian.Uint32(b[22:]),
		}
		if m.off < 0 || m.headLen > headSize {
			return filePos{}, false
		}
		p.marks = append(p.marks, m)
	}
	return p, true
}

// matches reports whether r, of the given size, holds what the mark was made
// from. An empty prefix proves nothing.
func (m mark) matches(r io.ReaderAt, size int64) bool {
	if m.off == 0 || size < m.off || int64(m.headLen) > size {
		return false
	}
	var buf [headSize]byte
	head := buf[:m.headLen]
	if n, _ := r.ReadAt(head, 0); n < len(head) || crc32.Checksum(head, castagnoli) != m.headCRC {
		return false
	}
	tail := buf[:min(m.off, tailSize)]
	n, _ := r.ReadAt(tail, m.off-int64(len(tail)))
	return n == len(tail) && crc32.Checksum(tail, castagnoli) == m.tailCRC
}

// markAt makes the mark of a place in an open file.
func markAt(f *os.File, id fileID, off int64) (mark, error) {
	m := mark{id: id.hash(), off: off}
	var buf [headSize]byte
	n, err := f.ReadAt(buf[:min(off, headSize)], 0)
	if err != nil && err != io.EOF {
		return mark{}, err
	}
	m.headLen, m.headCRC = uint16(n), crc32.Checksum(buf[:n], castagnoli)
	tail := buf[:min(off, tailSize)]
	if n, err = f.ReadAt(tail, off-int64(len(tail))); n < len(tail) && err != nil {
		return mark{}, err
	}
	m.tailCRC = crc32.Checksum(tail, castagnoli)
	return m, nil
}

func nowSeconds() int64 { return time.Now().Unix() }
