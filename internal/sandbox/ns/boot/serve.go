//go:build linux

package boot

import (
	"syscall"
	"unsafe"
)

// message and rightsBuf are where requests arrive. They are no heap memory because
// that would be made resident whole at every start of a box; these are, page by page,
// as far as messages reach.
var (
	message   [MaxMessage]byte
	rightsBuf [2048]byte
)

type pollFd struct {
	fd              int32
	events, revents int16
}

// serve answers the driver until its end of the control socket closes: because it
// killed the box, or because it died. When this process returns from here it
// exits, and the kernel ends every process of the box and takes down its mounts
// and its network.
func serve() {
	defaultSignals()
	_, _ = syscall.Setsid()
	prctl(prSetName, uintptr(cstr(Argv0)), 0)
	b := &box{execs: map[uint64]*running{}, group2: -1, proc: -1}
	for {
		polls := []pollFd{{fd: controlFD, events: pollIn}}
		order := make([]*running, 0, len(b.execs))
		for _, r := range b.execs {
			polls = append(polls, pollFd{fd: int32(r.pidfd), events: pollIn})
			order = append(order, r)
		}
		if !poll(polls, b.wait()) {
			continue
		}
		for i, r := range order {
			if polls[i+1].revents != 0 {
				b.reap(r)
			}
		}
		if polls[0].revents != 0 && !b.receive(message[:], rightsBuf[:]) {
			return
		}
		b.tick()
	}
}

// defaultSignals gives every signal its default action, which the kernel withholds
// from the first process of a namespace: a workload can't end or disturb it, and
// the Go runtime's handlers, which would, are gone.
func defaultSignals() {
	var act [4]uintptr // struct sigaction, all zero: SIG_DFL
	for sig := uintptr(1); sig < 65; sig++ {
		syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&act)), 0, 8, 0, 0)
	}
}

// poll waits until a descriptor is ready or timeout nanoseconds have passed;
// negative: for ever. It reports false when it was interrupted.
func poll(fds []pollFd, timeout int64) bool {
	var ts *syscall.Timespec
	if timeout >= 0 {
		t := syscall.NsecToTimespec(timeout)
		ts = &t
	}
	_, _, e := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), uintptr(len(fds)), uintptr(unsafe.Pointer(ts)), 0, 0, 0)
	return e == 0
}

// receive takes one request. It reports false when there will be no more.
func (b *box) receive(buf, oob []byte) bool {
	n, on, _, _, err := syscall.Recvmsg(controlFD, buf, oob, syscall.MSG_CMSG_CLOEXEC|syscall.MSG_DONTWAIT)
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return true
	}
	if err != nil || n == 0 {
		return false
	}
	d := &Decoder{B: buf[:n]}
	op, seq := Op(d.Uint()), d.Uint()
	b.handle(op, seq, d, rights(oob[:on]))
	return true
}

func rights(oob []byte) (fds []int) {
	msgs, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range msgs {
		if l, err := syscall.ParseUnixRights(&msgs[i]); err == nil {
			fds = append(fds, l...)
		}
	}
	return fds
}

func (b *box) handle(op Op, seq uint64, d *Decoder, fds []int) {
	switch op {
	case OpImage:
		var m Image
		m.Decode(d)
		b.broken = b.prepare(&m, fds)
	case OpIDMap:
		fd, err := -1, b.broken
		if err == nil {
			fd, err = b.idmap(IDMap{UID: d.Uint(), GID: d.Uint()})
		}
		answer(seq, err, nil, fd)
	case OpSetup:
		b.setup.Decode(d)
		err := error(syscall.EBADMSG)
		if b.broken != nil {
			err = b.broken
		} else if !d.Bad {
			err = b.build(fds)
		}
		answer(seq, err, nil, -1)
	case OpExec:
		b.exec(d, fds)
	case OpKill:
		if r := b.execs[d.Uint()]; r != nil {
			r.end(Killed)
		}
	case OpSocket:
		s, err := syscall.Socket(int(d.Uint()), int(d.Uint())|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
		answer(seq, err, nil, s)
	case OpStats:
		var e Encoder
		s := b.stats()
		s.Encode(&e)
		answer(seq, nil, e.B, -1)
	default:
		closeAll(fds)
		answer(seq, syscall.ENOSYS, nil, -1)
	}
}

// answer sends an answer and closes fd, if there is one.
func answer(seq uint64, err error, body []byte, fd int) {
	var e Encoder
	e.Uint(seq)
	if err != nil {
		e.String(err.Error())
	} else {
		e.String("")
	}
	e.B = append(e.B, body...)
	var oob []byte
	if err == nil && fd >= 0 {
		oob = syscall.UnixRights(fd)
	}
	_ = syscall.Sendmsg(controlFD, e.B, oob, nil, syscall.MSG_NOSIGNAL)
	if err == nil && fd >= 0 {
		syscall.Close(fd)
	}
}

func closeAll(fds []int) {
	for _, fd := range fds {
		syscall.Close(fd)
	}
}
