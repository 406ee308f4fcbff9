package ns

import (
	"context"
	"math"
	"time"

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
	if spec.Egress != nil && d.outlet == nil {
		return nil, core.E(core.Unsupported, op, "no box can reach outside here")
	}
	im, err := d.image()
	if err != nil {
		return nil, err
	}
	defer func() { time.AfterFunc(afterStart, func() { d.sow(im) }) }()
	if s := d.kept.Swap(nil); s != nil {
		if b, err := d.grow(ctx, s, im, spec); err == nil || ctx.Err() != nil {
			return b, err
		} // else it has died since, or a new one will say the same
	}
	s, err := d.newSeed(im)
	if err != nil {
		return nil, err
	}
	return d.grow(ctx, s, im, spec)
}

// grow makes a box of a seed, which it ends if it can't.
func (d *Driver) grow(ctx context.Context, s *seed, im *image, spec sandbox.Spec) (sandbox.Box, error) {
	b := &box{seed: s, image: im, limits: spec.Limits, killed: make(chan struct{})}
	err := b.setUp(ctx, spec)
	if err == nil {
		err = ctx.Err() // a kept seed may be quicker than the news that nobody waits
	}
	if err == nil {
		return b, nil
	}
	_ = b.Kill(context.WithoutCancel(ctx)) // it never fails
	if ctx.Err() != nil {
		return nil, core.E(core.CodeOf(ctx.Err()), op, "gave up").Because(ctx.Err())
	}
	return nil, err
}

// setUp makes a box of a seed.
func (b *box) setUp(ctx context.Context, spec sandbox.Spec) error {
	if err := b.d.mark(b.slot, aBox); err != nil {
		return err
	}
	if err := b.makeGroup(); err != nil {
		return err
	}
	if err := b.d.groups.limit(b.name, b.limits); err != nil {
		return core.E(core.Unsupported, op, "can't limit memory, processes and CPU with cgroups").Because(err).WithHint(hintDoctor)
	}
	s := b.d.describe(spec)
	s.Groups, s.Group2 = uint64(len(b.group.tasks)), b.group.work >= 0
	fds := append([]int(nil), b.group.tasks...)
	if s.Group2 {
		fds = append(fds, b.group.work)
	}
	if b.d.root {
		trees, err := openTrees(s.Mounts)
		defer closeAll(trees)
		if err != nil {
			return err
		}
		if err := b.mapOwners(ctx, spec, trees); err != nil {
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
	b.group.close()
	if b.d.root {
		b.ahead()
	}
	if err := b.openMounts(spec); err != nil || spec.Egress == nil {
		return err
	}
	return b.openEgress(ctx, *spec.Egress)
}

const hintDoctor = "`isekai doctor` lists what this host lacks"

// describe says in the first process's words what spec says.
func (d *Driver) describe(spec sandbox.Spec) *boot.Setup {
	l := spec.Limits
	s := &boot.Setup{
		Shared: !d.root, Nice: uint64(d.nice),
		Disk: uint64(l.Disk), Inodes: uint64(l.Inodes), Seccomp: d.seccomp, Rlimits: rlimits(l),
	}
	for _, m := range spec.Mounts {
		s.Mounts = append(s.Mounts, boot.Mount{Source: m.Host, Target: m.Target, Writable: m.Writable, Counted: m.Counted})
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
