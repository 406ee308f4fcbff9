package ns

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns/boot"
)

const op = "sandbox.create"

// Create starts a box. See sandbox.Driver.
func (d *Driver) Create(ctx context.Context, scope core.Scope, spec sandbox.Spec) (sandbox.Box, error) {
	if err := scope.Valid(); err != nil {
		return nil, err
	}
	spec.Limits = spec.Limits.OrDefault()
	if err := check(spec); err != nil {
		return nil, err
	}
	im, err := d.image()
	if err != nil {
		return nil, err
	}
	slot, err := d.take()
	if err != nil {
		return nil, err
	}
	b := &box{d: d, slot: slot, name: d.name(d.owner, slot), limits: spec.Limits, path: im.path, killed: make(chan struct{})}
	if err := b.start(ctx, im, spec); err != nil {
		b.Kill(context.Background())
		if ctx.Err() != nil {
			return nil, core.E(core.CodeOf(ctx.Err()), op, "gave up").Because(ctx.Err())
		}
		return nil, err
	}
	return b, nil
}

// systemFolders can't be mounted over.
var systemFolders = []string{"/bin", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/proc", "/root", "/sbin", "/sys", "/usr"}

func check(spec sandbox.Spec) error {
	invalid := func(format string, args ...any) error {
		return core.E(core.Invalid, op, fmt.Sprintf(format, args...))
	}
	for i, m := range spec.Mounts {
		switch {
		case !filepath.IsAbs(m.Host) || strings.ContainsRune(m.Host, 0):
			return invalid("mount: %q is no absolute path on the host", m.Host)
		case !path.IsAbs(m.Target) || path.Clean(m.Target) != m.Target || strings.ContainsRune(m.Target, 0) || m.Target == "/" || m.Target == "/tmp" || m.Target == "/dev/shm":
			return invalid("mount: %q can't be a place in the box", m.Target)
		}
		for _, dir := range systemFolders {
			if within(m.Target, dir) {
				return invalid("mount: %s is a system folder", m.Target)
			}
		}
		for _, other := range spec.Mounts[:i] {
			if within(m.Target, other.Target) || within(other.Target, m.Target) {
				return invalid("mounts: %s and %s overlap", m.Target, other.Target)
			}
		}
		if info, err := os.Stat(m.Host); err != nil {
			return core.E(core.Invalid, op, "mount: can't see the host's folder").Because(err)
		} else if !info.IsDir() {
			return invalid("mount: %s is no folder", m.Host)
		}
	}
	l := spec.Limits
	if l.Memory < 0 || l.CPU < 0.01 || math.IsNaN(l.CPU) || l.CPU > 1<<16 || l.CPUTime < 0 || l.Pids < 1 || l.OpenFiles < 1 || l.FileSize < 0 || l.Disk < 0 || l.Inodes < 0 {
		return invalid("a limit is negative or too small")
	}
	return nil
}

func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// start makes the groups, the first process and, through it, the rest.
func (b *box) start(ctx context.Context, im *image, spec sandbox.Spec) (err error) {
	if err := b.d.mark(b.slot, 1); err != nil {
		return err
	}
	early := b.d.groups.unified != "" // the first process starts in one of the groups
	var g *group
	if early {
		if g, err = b.makeGroups(); err != nil {
			return err
		}
		defer g.close()
	}
	if err := b.startInit(g); err != nil {
		return err
	}
	if !early { // while the first process starts
		if g, err = b.makeGroups(); err != nil {
			return err
		}
		defer g.close()
	}
	return b.setUp(ctx, im, spec, g)
}

// startInit starts the first process.
func (b *box) startInit(g *group) error {
	control, end, err := newControl()
	if err != nil {
		return core.E(core.Unavailable, op, "no control socket").Because(err)
	}
	defer end.Close()
	b.control = control
	cgroup := -1
	if g != nil {
		cgroup = g.init
	}
	if err := b.spawn(end, cgroup); err != nil {
		return spawnError(err)
	}
	return b.control.send(request(boot.OpHello, 0))
}

// makeGroups makes the box's groups, and once more if a box of a dead process is in
// the way.
func (b *box) makeGroups() (*group, error) {
	g, err := b.d.groups.create(b.name, b.limits, b.firstUID())
	if errors.Is(err, os.ErrExist) {
		b.d.groups.remove(b.name)
		g, err = b.d.groups.create(b.name, b.limits, b.firstUID())
	}
	if err != nil {
		return nil, core.E(core.Unsupported, op, "can't limit memory, processes and CPU with cgroups").Because(err).WithHint(hintDoctor)
	}
	return g, nil
}

// firstUID is the host uid of the box's first process.
func (b *box) firstUID() int {
	if b.d.root {
		return b.d.uid(b.slot) + 1
	}
	return os.Getuid()
}

// setUp tells the first process what the box is like.
func (b *box) setUp(ctx context.Context, im *image, spec sandbox.Spec, g *group) error {
	s := b.d.describe(im, spec)
	fds := append([]int(nil), g.tasks...)
	s.Groups, s.Group2 = uint64(len(g.tasks)), g.work >= 0
	if s.Group2 {
		fds = append(fds, g.work)
	}
	if b.d.root {
		trees, err := b.trees(ctx, im, spec, s.Mounts)
		defer closeAll(trees)
		if err != nil {
			return err
		}
		fds = append(fds, trees...)
	}
	_, _, err := b.control.ask(ctx, boot.OpSetup, s.Encode, fds...)
	if failed := b.child.Failed(); failed != nil {
		return spawnError(failed)
	}
	if err != nil {
		return core.E(core.Unsupported, op, "can't build the box").Because(err).WithHint(hintDoctor)
	}
	return b.openMounts(spec)
}

const hintDoctor = "`isekai doctor` lists what this host lacks"

// describe says in the first process's words what spec says.
func (d *Driver) describe(im *image, spec sandbox.Spec) *boot.Setup {
	l := spec.Limits
	s := &boot.Setup{
		Links: im.links, Mounts: append([]boot.Mount(nil), im.mounts...), Shared: !d.root,
		Disk: uint64(l.Disk), Inodes: uint64(l.Inodes), Seccomp: d.seccomp, Rlimits: rlimits(l),
	}
	for _, m := range spec.Mounts {
		s.Mounts = append(s.Mounts, boot.Mount{Source: m.Host, Target: m.Target, Writable: m.Writable})
	}
	if d.groups.unified != "" {
		return s
	}
	if d.groups.memory == "" {
		s.Memory = uint64(l.Memory)
		// A bound on how far one process gets between two looks. It counts what is
		// promised, not what is used, so it must be generous.
		s.Rlimits = append(s.Rlimits, rlimit(unix.RLIMIT_DATA, 2*uint64(l.Memory)+1<<30))
	}
	if d.groups.pids == "" {
		s.Pids = uint64(l.Pids)
	}
	if d.groups.cpu == "" {
		s.CPU = uint64(l.CPU * 1000)
	}
	return s
}

func rlimits(l sandbox.Limits) []boot.Rlimit {
	return []boot.Rlimit{
		rlimit(unix.RLIMIT_CPU, cpuSeconds(l)),
		rlimit(unix.RLIMIT_FSIZE, uint64(l.FileSize)),
		rlimit(unix.RLIMIT_NOFILE, uint64(l.OpenFiles)),
		rlimit(unix.RLIMIT_CORE, 0),
		rlimit(unix.RLIMIT_MEMLOCK, 64<<10),
		rlimit(unix.RLIMIT_MSGQUEUE, 0),
		rlimit(unix.RLIMIT_SIGPENDING, 1024),
		rlimit(unix.RLIMIT_NICE, 0),
		rlimit(unix.RLIMIT_RTPRIO, 0),
	}
}

// rlimit is a limit that this process can give: one can't have more than one's own.
func rlimit(resource int, value uint64) boot.Rlimit {
	var own unix.Rlimit
	if err := unix.Getrlimit(resource, &own); err == nil {
		value = min(value, own.Max)
	}
	return boot.Rlimit{Resource: uint64(resource), Value: value}
}

// cpuSeconds is CPUTime in the kernel's unit, rounded up.
func cpuSeconds(l sandbox.Limits) uint64 { return uint64(math.Ceil(l.CPUTime.Seconds())) }

// spawn starts the first process of a box in new namespaces: this binary, in which
// package boot takes over. As root it is root in the box only, under a uid that
// nothing else on the host has; otherwise it has the caller's uid.
//
// The process isn't tied to this one by PR_SET_PDEATHSIG: that fires when the thread
// that started it ends, which Go threads may do at any time. The control socket ties
// it: the kernel closes our end however this process dies.
func (b *box) spawn(control *os.File, cgroup int) (err error) {
	null := int(b.d.null.Fd())
	b.child, err = boot.Spawn(boot.Start{
		Exe: "/proc/self/exe", Files: [4]int{null, null, null, int(control.Fd())}, Cgroup: cgroup, Caps: setupCaps, Root: b.d.root,
		Flags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
	})
	if err != nil {
		return err
	}
	if b.init, err = os.FindProcess(b.child.Pid); err != nil { // our child, not waited for: the pid is its own
		return err
	}
	return b.d.writeMaps(b.child.Pid, b.d.uid(b.slot))
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
