package ns

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox/ns/boot"
)

// seed is what a box starts from: a slot, cgroups, and a first process that has made
// what every box has. Making one takes most of the time that a box takes to start, so
// the driver makes the next one (sow) when a box has started or ended, and keeps it.
type seed struct {
	d       *Driver
	slot    int
	name    string
	group   *group
	control *control
	init    *os.Process
	child   *boot.Child // the first process's memory until it has started
}

// afterStart is when the driver makes the seed for the box after one that was started:
// not at once, since what that box was made for comes first.
const afterStart = 100 * time.Millisecond

// niceAhead is by how much nice values of first processes are below this process's.
const niceAhead = 10

// Prepare begins what the first Create would wait for, in the background: it finds out
// what boxes see of the host, and makes a seed. Create says what is wrong, if it is.
func (d *Driver) Prepare() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.work.Go(func() {
		if im, err := d.image(); err == nil {
			d.sow(im)
		}
	})
}

// sow makes a seed for the next box, in the background.
func (d *Driver) sow(im *image) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.kept.Load() != nil || d.sowing {
		return
	}
	d.sowing = true
	d.work.Go(func() {
		s, err := d.newSeed(im)
		d.mu.Lock()
		d.sowing = false
		ok := err == nil && !d.closed && d.kept.CompareAndSwap(nil, s)
		d.mu.Unlock()
		if err == nil && !ok {
			s.end()
		} // an error is what the next Create says
	})
}

func (d *Driver) newSeed(im *image) (*seed, error) {
	slot, err := d.take()
	if err != nil {
		return nil, err
	}
	s := &seed{d: d, slot: slot, name: d.name(d.owner, slot)}
	if err := s.start(im); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

func (s *seed) start(im *image) (err error) {
	if err := s.d.mark(s.slot, aSeed); err != nil {
		return err
	}
	if s.d.groups.unified != "" { // the first process starts in one of the groups
		if err := s.makeGroup(); err != nil {
			return err
		}
	}
	control, end, err := newControl()
	if err != nil {
		return core.E(core.Unavailable, op, "no control socket").Because(err)
	}
	defer end.Close()
	s.control = control
	if err := s.spawn(end); err != nil {
		return spawnError(err)
	}
	return s.sendImage(im)
}

// sendImage tells the first process what every box has, and thereby to go ahead. What
// goes wrong there is in the answer to what is asked next.
func (s *seed) sendImage(im *image) error {
	m := boot.Image{Links: im.links, Mounts: append([]boot.Mount(nil), im.mounts...), Leave: s.d.root}
	var fds []int
	if s.d.root {
		trees, err := openTrees(m.Mounts)
		defer closeAll(trees)
		if err != nil {
			return err
		}
		fds = trees
	}
	e := request(boot.OpImage, 0)
	m.Encode(e)
	if err := s.control.send(e, fds...); err != nil {
		return core.E(core.Unavailable, op, "can't reach the box").Because(err)
	}
	return nil
}

// makeGroup makes the box's cgroups if it has none yet, and once more if those of a dead
// process are in the way. Where it can wait it waits for the box: cgroups are what a
// killed server leaves behind until the next one sweeps.
func (s *seed) makeGroup() (err error) {
	if s.group != nil {
		return nil
	}
	owner := os.Getuid()
	if s.d.root {
		owner = s.d.uid(s.slot) + 1
	}
	s.group, err = s.d.groups.create(s.name, owner)
	if errors.Is(err, os.ErrExist) {
		s.d.groups.remove(s.name)
		s.group, err = s.d.groups.create(s.name, owner)
	}
	if err != nil {
		return core.E(core.Unsupported, op, "can't make cgroups").Because(err).WithHint(hintDoctor)
	}
	return nil
}

// end ends the first process, and with it the kernel ends all others and drops the
// mounts and the network; it has done so when Wait returns.
func (s *seed) end() {
	if s.init != nil {
		_ = s.init.Kill()
		s.d.groups.remove(s.name) // while the first process ends; what was in them is ending too
		_, _ = s.init.Wait()
	}
	if s.control != nil {
		s.control.close()
	}
	if s.group != nil {
		s.group.close()
	}
	s.d.groups.remove(s.name)
	_ = s.d.mark(s.slot, nothing) // at worst Sweep finds nothing left of it
	s.d.release(s.slot)
}

// spawn starts the first process of a box in new namespaces: this binary, in which
// package boot takes over. As root it is root in the box only, under a uid that
// nothing else on the host has; otherwise it has the caller's uid.
//
// The process isn't tied to this one by PR_SET_PDEATHSIG: that fires when the thread
// that started it ends, which Go threads may do at any time. The control socket ties
// it: the kernel closes our end however this process dies.
func (s *seed) spawn(control *os.File) (err error) {
	null, cgroup := int(s.d.null.Fd()), -1
	if s.group != nil {
		cgroup = s.group.init
	}
	s.child, err = boot.Spawn(boot.Start{
		Exe: "/proc/self/exe", Files: [4]int{null, null, null, int(control.Fd())}, Cgroup: cgroup, Caps: setupCaps, Root: s.d.root,
		Flags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
	})
	if err != nil {
		return err
	}
	if s.init, err = os.FindProcess(s.child.Pid); err != nil { // our child, not waited for: the pid is its own
		return err
	}
	return s.d.writeMaps(s.child.Pid, s.d.uid(s.slot))
}

// ahead puts the first process before others in the queue for a core: the watch over a
// box must get one when the box has taken them all. It has a session of its own, and so
// a place of its own where the kernel schedules by session (autogroup). Where this isn't
// allowed, in a container say, the watch is as late as its box lets it be.
func (s *seed) ahead() {
	nice := max(20-s.d.nice-niceAhead, -20)
	_ = unix.Setpriority(unix.PRIO_PROCESS, s.init.Pid, nice)
	_ = writeTo(fmt.Sprintf("/proc/%d", s.init.Pid), "autogroup", strconv.Itoa(nice))
}

// writeMaps gives the first process its ids. See user_namespaces(7).
func (d *Driver) writeMaps(pid, uid int) error {
	dir := fmt.Sprintf("/proc/%d", pid)
	if d.root {
		ids := fmt.Sprintf("%d %d 1\n0 %d 1\n", boot.WorkloadID, uid, uid+1)
		return errors.Join(writeTo(dir, "uid_map", ids), writeTo(dir, "gid_map", ids))
	}
	return errors.Join(
		writeTo(dir, "setgroups", "deny"),
		writeTo(dir, "uid_map", fmt.Sprintf("%d %d 1\n", boot.WorkloadID, os.Getuid())),
		writeTo(dir, "gid_map", fmt.Sprintf("%d %d 1\n", boot.WorkloadID, os.Getgid())))
}

// setupCaps are what the first process needs, in its user namespace, to build a box.
const setupCaps = 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_KILL | 1<<unix.CAP_SETGID |
	1<<unix.CAP_SETUID | 1<<unix.CAP_SETPCAP | 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_SYS_ADMIN

func spawnError(err error) error {
	e := core.E(core.Unsupported, op, "can't start a process in new namespaces").Because(err)
	switch {
	case errors.Is(err, syscall.EACCES):
		return e.WithHint("the isekai binary must be executable by everyone (chmod o+x), and user namespaces allowed")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EINVAL):
		return e.WithHint("allow user namespaces: sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0")
	}
	return e.WithHint(hintDoctor)
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
