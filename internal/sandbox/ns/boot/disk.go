//go:build linux

package boot

import (
	"syscall"
	"unsafe"
)

// volume is a writable mount.
type volume struct {
	dir    int // its root
	dev    uint64
	free   uint64 // free blocks of its file system when last measured
	files  uint64 // free inodes then
	base   usage  // what it held at first and isn't counted
	used   usage  // above base
	looked int64  // when
	took   int64  // how long
}

type usage struct{ bytes, files uint64 }

// above is what u holds more than base.
func (u usage) above(base usage) usage {
	return usage{u.bytes - min(u.bytes, base.bytes), u.files - min(u.files, base.files)}
}

const (
	maxDepth   = 192 // folders within folders; more counts as too many files
	remeasure  = 500 * millisecond
	fullFolder = 1 << 40
)

// openVolumes opens the writable mounts, and measures those of which only what is added
// counts.
func (b *box) openVolumes() error {
	for _, m := range b.setup.Mounts {
		if !m.Writable {
			continue
		}
		dir, err := syscall.Open(m.Target, syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return fail(m.Target, err)
		}
		var st syscall.Stat_t
		if err := syscall.Fstat(dir, &st); err != nil {
			return fail(m.Target, err)
		}
		v := volume{dir: dir, dev: st.Dev}
		if !m.Counted {
			v.begin(b)
		}
		b.writable = append(b.writable, v)
	}
	return nil
}

// begin takes what v holds for what isn't counted. Folders that are too deep stay
// too many files: behind them there is no telling what was added.
func (v *volume) begin(b *box) {
	v.changed(0, 0)
	all := v.measure(b, ^uint64(0), ^uint64(0))
	if all.files >= fullFolder {
		v.looked = 0
		return
	}
	v.base, v.took = all, now()-v.looked
}

// lookDisk ends the box's commands when what they wrote is above the limit. /tmp is
// a file system with a size of its own. For mounts it asks their file systems, which
// is cheap, and walks the folder when the answer has changed enough to matter.
func (b *box) lookDisk() int64 {
	if len(b.writable) == 0 {
		return -1
	}
	total := usage{bytes: b.scratchUsed()}
	for i := range b.writable {
		v := &b.writable[i]
		if v.changed(b.setup.Disk, b.setup.Inodes) {
			v.used = v.measure(b, v.base.bytes+b.setup.Disk, v.base.files+b.setup.Inodes).above(v.base)
			v.took = now() - v.looked
		}
		total.bytes += v.used.bytes
		total.files += v.used.files
	}
	if total.bytes > b.setup.Disk || total.files > b.setup.Inodes {
		b.endAll(OverDisk)
		for i := range b.writable {
			b.writable[i].looked = 0
		}
		return lookSoon
	}
	return soon(b.setup.Disk - total.bytes)
}

// changed reports whether the file system's free space has changed by so much since
// v was measured that v could be over its limits, or a little and a while ago, which is
// longer for a large folder. If so, v is to be measured now.
func (v *volume) changed(maxBytes, maxFiles uint64) bool {
	var fs syscall.Statfs_t
	if syscall.Fstatfs(v.dir, &fs) != nil {
		return true
	}
	t := now()
	gone := uint64(0)
	if fs.Bfree < v.free {
		gone = (v.free - fs.Bfree) * uint64(fs.Bsize)
	}
	left := usage{maxBytes, maxFiles}.above(v.used)
	moved := fs.Bfree != v.free || fs.Ffree != v.files || fs.Files == 0
	if v.looked != 0 && gone <= left.bytes/4 && v.files-min(fs.Ffree, v.files) <= max(left.files/4, 32) && (!moved || t-v.looked < max(remeasure, 10*v.took)) {
		return false
	}
	v.free, v.files, v.looked = fs.Bfree, fs.Ffree, t
	return true
}

// measure adds up what is below v, and what was deleted there and is still open. It
// stops where a bound is passed.
func (v *volume) measure(b *box, maxBytes, maxFiles uint64) usage {
	w := walker{maxBytes: maxBytes, maxFiles: maxFiles, dev: v.dev}
	w.walk(v.dir, 0)
	if !w.full() {
		w.deleted(b)
	}
	return w.usage
}

type walker struct {
	usage
	maxBytes, maxFiles uint64
	dev                uint64
	seen               map[uint64]bool // inodes with several names, or none
}

func (w *walker) full() bool { return w.bytes > w.maxBytes || w.files > w.maxFiles }

func (w *walker) add(st *syscall.Stat_t) {
	if st.Nlink != 1 && st.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		if w.seen[st.Ino] {
			return
		}
		if w.seen == nil {
			w.seen = map[uint64]bool{}
		}
		w.seen[st.Ino] = true
	}
	w.files++
	w.bytes += uint64(st.Blocks) * 512
}

func (w *walker) walk(dir, depth int) {
	var st syscall.Stat_t
	list(dir, func(name string) bool {
		if fstatat(dir, name, &st, atSymlinkNoFollow) != nil {
			return true
		}
		w.add(&st)
		if st.Mode&syscall.S_IFMT != syscall.S_IFDIR || st.Dev != w.dev {
			return !w.full()
		}
		if depth == maxDepth {
			w.files = max(w.files, fullFolder)
			return false
		}
		sub, err := syscall.Openat(dir, name, syscall.O_DIRECTORY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
		if err == nil {
			w.walk(sub, depth+1)
			syscall.Close(sub)
		}
		return !w.full()
	})
}

// deleted adds files without a name that a process of the box holds open.
func (w *walker) deleted(b *box) {
	b.each(func(pid string) {
		dir, err := syscall.Openat(b.proc, pid+"/fd", syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return
		}
		defer syscall.Close(dir)
		list(dir, func(name string) bool {
			var st syscall.Stat_t
			if fstatat(dir, name, &st, 0) == nil && st.Dev == w.dev && st.Nlink == 0 {
				w.add(&st)
			}
			return !w.full()
		})
	})
}

func fstatat(dir int, name string, st *syscall.Stat_t, flags uintptr) error {
	_, _, e := syscall.Syscall6(sysFstatat, uintptr(dir), uintptr(cstr(name)), uintptr(unsafe.Pointer(st)), flags, 0, 0)
	return errOf(e)
}
