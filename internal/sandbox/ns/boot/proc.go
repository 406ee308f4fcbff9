//go:build linux

package boot

import (
	"syscall"
	"unsafe"
)

// each calls f for every process of the box but this one.
func (b *box) each(f func(pid string)) {
	list(b.proc, func(name string) bool {
		if name[0] >= '0' && name[0] <= '9' && name != "1" {
			f(name)
		}
		return true
	})
}

// list calls f for each name in the folder dir until it returns false.
func list(dir int, f func(name string) bool) error {
	if _, err := syscall.Seek(dir, 0, 0); err != nil {
		return err
	}
	buf := make([]byte, 8192)
	for {
		n, err := syscall.ReadDirent(dir, buf)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return err
		}
		_, _, names := syscall.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			if !f(name) {
				return nil
			}
		}
	}
}

// read returns the first 4 KiB of a file in /proc, or nothing if it is gone.
func (b *box) read(path string) []byte {
	buf := make([]byte, 4096)
	n, _ := readFile(b.proc, path, buf)
	return buf[:n]
}

// statm returns a process's resident bytes.
func (b *box) statm(pid string) uint64 {
	buf := b.read(pid + "/statm")
	for len(buf) > 0 && buf[0] != ' ' {
		buf = buf[1:]
	}
	if len(buf) == 0 {
		return 0
	}
	return uint64(atoi(buf[1:])) * uint64(syscall.Getpagesize())
}

// field returns the first number after a label at the start of a line, 0 if there is
// none.
func field(buf []byte, label string) uint64 {
	if l := fields(buf, label); len(l) > 0 {
		return l[0]
	}
	return 0
}

// fields returns the numbers after a label at the start of a line.
func fields(buf []byte, label string) (l []uint64) {
	for i := 0; i+len(label) <= len(buf); i++ {
		if (i > 0 && buf[i-1] != '\n') || string(buf[i:i+len(label)]) != label {
			continue
		}
		for rest := buf[i+len(label):]; len(rest) > 0; {
			switch c := rest[0]; {
			case c >= '0' && c <= '9':
				l = append(l, uint64(atoi(rest)))
				for len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
					rest = rest[1:]
				}
			case c == ' ' || c == '\t':
				rest = rest[1:]
			default:
				return l
			}
		}
	}
	return l
}

// cpuTime returns the microseconds that the box's processes have used, those that
// they have waited for and the commands that have ended included. It never falls.
func (b *box) cpuTime() uint64 {
	ticks := uint64(0)
	b.each(func(pid string) {
		buf := b.read(pid + "/stat")
		for i := len(buf) - 1; i >= 0; i-- { // the name may hold anything; the fields follow the last ")"
			if buf[i] == ')' {
				buf = buf[i+1:]
				break
			}
		}
		for n := 3; n <= 17; n++ {
			for len(buf) > 0 && buf[0] == ' ' {
				buf = buf[1:]
			}
			if n >= 14 {
				ticks += uint64(atoi(buf))
			}
			for len(buf) > 0 && buf[0] != ' ' {
				buf = buf[1:]
			}
		}
	})
	const userHZ = 100
	return max(ticks*(1e6/userHZ)+b.watch.reaped, b.watch.cpu)
}

func (b *box) scratchUsed() uint64 {
	var fs syscall.Statfs_t
	if syscall.Statfs("/tmp", &fs) != nil {
		return 0
	}
	return (fs.Blocks - fs.Bfree) * uint64(fs.Bsize)
}

func getAffinity() (mask [16]uint64, err error) {
	_, _, e := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)))
	return mask, errOf(e)
}

// stats is what the box uses now.
func (b *box) stats() (s Stats) {
	b.each(func(pid string) {
		buf := b.read(pid + "/status")
		s.Memory += (field(buf, "RssAnon:") + field(buf, "RssShmem:")) << 10
		s.Pids += field(buf, "Threads:")
	})
	s.Pids -= min(s.Pids, uint64(len(b.execs))) // the leaders
	s.CPU = b.cpuTime()
	s.Disk = b.scratchUsed()
	for i := range b.writable {
		s.Disk += b.writable[i].measure(b, ^uint64(0), ^uint64(0)).bytes
	}
	return s
}
