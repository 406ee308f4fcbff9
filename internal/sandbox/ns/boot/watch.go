//go:build linux

package boot

import "syscall"

// watch enforces what the kernel doesn't enforce for this box: the disk limit over
// writable mounts, and, where no cgroup is to be had, memory and CPU. It looks as
// often as it takes to be in time: the less is left, the sooner the next look.
type watch struct {
	next    int64 // when to look again, monotonic nanoseconds; 0: nothing to watch
	reaped  uint64
	cpu     uint64 // microseconds used when last looked
	at      int64  // when that was
	credit  int64  // microseconds of CPU that may be used
	stopped bool
}

const (
	millisecond = int64(1e6)
	lookSoon    = 5 * millisecond
	lookLate    = 40 * millisecond

	// fastest is more than two cores can dirty or write in a nanosecond, in bytes.
	fastest = 10
)

// started is called when a command has started.
func (w *watch) started() {
	if w.next == 0 || w.next > now()+lookSoon {
		w.next = now() + lookSoon
	}
}

// wait returns how long to sleep, in nanoseconds; negative: until something happens.
func (b *box) wait() int64 {
	if len(b.execs) == 0 || b.watch.next == 0 {
		return -1
	}
	return max(b.watch.next-now(), 0)
}

// tick looks if it is time.
func (b *box) tick() {
	w := &b.watch
	if w.next == 0 || now() < w.next {
		return
	}
	if len(b.execs) == 0 {
		b.resume()
		w.next = 0
		return
	}
	pause := int64(-1)
	for _, look := range []func() int64{b.lookDisk, b.lookMemory, b.lookCPU} {
		if p := look(); p >= 0 && (pause < 0 || p < pause) {
			pause = p
		}
	}
	if pause < 0 {
		w.next = 0
		return
	}
	w.next = now() + pause
}

// soon returns when to look again while left bytes are left.
func soon(left uint64) int64 {
	return int64(min(max(left/fastest, uint64(lookSoon)), uint64(lookLate)))
}

// endAll ends every command of the box for one reason.
func (b *box) endAll(why Why) {
	for _, r := range b.execs {
		r.end(why)
	}
}

func (b *box) lookMemory() int64 {
	limit := b.setup.Memory
	if limit == 0 {
		return -1
	}
	used := b.memory(limit)
	if used > limit {
		b.endAll(OverMem)
		return lookSoon
	}
	return soon(limit - used)
}

// memory is what the box uses, as exactly as needed to tell whether that is above
// limit: resident pages, which count shared ones many times, then those that no file
// backs, then a fair share of those.
func (b *box) memory(limit uint64) uint64 {
	scratch := b.scratchUsed()
	var resident, anon, shmem uint64
	b.each(func(pid string) { resident += b.statm(pid) })
	if resident+scratch <= limit {
		return resident + scratch
	}
	b.each(func(pid string) {
		buf := b.read(pid + "/status")
		anon += field(buf, "RssAnon:") << 10
		shmem += field(buf, "RssShmem:") << 10
	})
	if anon+max(shmem, scratch) <= limit {
		return anon + max(shmem, scratch)
	}
	anon, shmem = 0, 0
	b.each(func(pid string) {
		buf := b.read(pid + "/smaps_rollup")
		anon += field(buf, "Pss_Anon:") << 10
		shmem += field(buf, "Pss_Shmem:") << 10
	})
	return anon + max(shmem, scratch)
}

// lookCPU stops every process of the box while it has used more than its share, and
// lets them go on when the share has grown again.
func (b *box) lookCPU() int64 {
	share := int64(b.setup.CPU)
	if share == 0 {
		return -1
	}
	const burst = 100_000 // microseconds of wall clock whose share may be saved up
	w := &b.watch
	t, used := now(), b.cpuTime()
	if w.at == 0 {
		w.at, w.credit, w.cpu = t, burst*share/1000, used
	}
	w.credit = min(w.credit+(t-w.at)/1000*share/1000, burst*share/1000)
	if used > w.cpu {
		w.credit -= int64(used - w.cpu)
		w.cpu = used
	}
	w.at = t
	switch {
	case w.credit < 0 && !w.stopped:
		w.stopped = true
		syscall.Kill(-1, syscall.SIGSTOP)
	case w.credit > 0 && w.stopped:
		b.resume()
	}
	if w.stopped {
		return max(-w.credit*1000/share*1000, lookSoon)
	}
	return max(min(w.credit*1000, 20*millisecond), lookSoon)
}

func (b *box) resume() {
	if b.watch.stopped {
		b.watch.stopped = false
		syscall.Kill(-1, syscall.SIGCONT)
	}
}

// affinity picks as many cores of those that this process may use as share needs,
// in thousandths of one. It bounds what escapes the watch: the time of children
// that end unseen.
func affinity(share uint64) (mask [16]uint64, ok bool) {
	got, err := getAffinity()
	if err != nil {
		return mask, false
	}
	want := (share + 999) / 1000
	skip := int(now()/1000) & 1023
	for pass := 0; pass < 2 && want > 0; pass++ {
		for i := 0; i < len(got)*64 && want > 0; i++ {
			cpu := (i + skip) % (len(got) * 64)
			if got[cpu/64]&(1<<(cpu%64)) != 0 {
				got[cpu/64] &^= 1 << (cpu % 64)
				mask[cpu/64] |= 1 << (cpu % 64)
				want--
			}
		}
	}
	return mask, true
}
