package ns

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

const (
	maxOwners = 64   // live processes of one installation
	maxBoxes  = 2048 // live boxes of one process

	// firstUID starts the range of uids that boxes have on the host, 2^27 of them,
	// apart from those of people, systemd and subuid.
	firstUID = 0x70000000
)

// Driver makes boxes. It implements sandbox.Driver.
type Driver struct {
	dir     string
	id      string // of the installation, in names of cgroups
	base    int    // uids of the installation start here
	owner   int    // which of the installation's processes this is
	lock    *os.File
	root    bool
	nice    int // this process's nice value, taken from 20
	groups  cgroups
	seccomp []byte
	null    *os.File
	outlet  sandbox.Outlet // nil: no box has Egress

	kept atomic.Pointer[seed]
	work sync.WaitGroup // sowing

	mu     sync.Mutex
	slots  [maxBoxes]bool
	sowing bool
	closed bool

	imageMu sync.Mutex
	found   *image
}

var _ sandbox.Driver = (*Driver)(nil)

// New returns a driver. It makes no box and runs no program yet. unavailable: RunDir
// can't be used.
func New(c Config) (*Driver, error) {
	dir, err := filepath.Abs(c.RunDir)
	if err != nil || c.RunDir == "" {
		return nil, core.E(core.Invalid, "sandbox.new", "no run folder")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, core.E(core.Unavailable, "sandbox.new", "can't make the run folder").Because(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, core.E(core.Unavailable, "sandbox.new", "can't use the run folder").Because(err)
	}
	sum := sha256.Sum256([]byte(dir))
	d := &Driver{
		dir: dir, id: hex.EncodeToString(sum[:6]), root: os.Geteuid() == 0, outlet: c.Outlet,
		base: firstUID + (int(sum[0])<<1|int(sum[1])&1)*maxOwners*maxBoxes*2,
	}
	if d.nice, err = unix.Getpriority(unix.PRIO_PROCESS, 0); err != nil {
		return nil, core.E(core.Internal, "sandbox.new", "no priority").Because(err)
	}
	if d.seccomp, err = seccompProgram(); err != nil {
		return nil, err
	}
	if d.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
		return nil, core.E(core.Unavailable, "sandbox.new", "no /dev/null").Because(err)
	}
	if err := d.claim(); err != nil {
		d.null.Close()
		return nil, err
	}
	d.groups = findCgroups(d.root)
	return d, nil
}

// Close lets go of the driver's place among the installation's processes. Boxes must
// have been killed. The end of the process does the same.
func (d *Driver) Close() error {
	d.end()
	d.null.Close()
	return d.lock.Close()
}

// end ends what the driver does in the background.
func (d *Driver) end() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.work.Wait()
	if s := d.kept.Swap(nil); s != nil {
		s.end()
	}
}

// claim takes the first free place among the processes of this installation. It is
// held by a file lock, which the kernel drops with the process.
func (d *Driver) claim() error {
	for i := range maxOwners {
		f, err := d.lockOwner(i)
		if err != nil {
			return err
		}
		if f != nil {
			d.owner, d.lock = i, f
			return nil
		}
	}
	return core.E(core.Exhausted, "sandbox.new", fmt.Sprintf("%d processes use %s already", maxOwners, d.dir))
}

// lockOwner locks place i. nil: a live process has it.
func (d *Driver) lockOwner(i int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(d.dir, fmt.Sprintf("owner-%d", i)), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, core.E(core.Unavailable, "sandbox.new", "can't write the run folder").Because(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, nil
	}
	return f, nil
}

// take reserves a slot: a name and a pair of uids.
func (d *Driver) take() (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, used := range d.slots {
		if !used {
			d.slots[i] = true
			return i, nil
		}
	}
	return 0, core.E(core.Exhausted, "sandbox.create", fmt.Sprintf("%d boxes are running", maxBoxes)).
		WithHint("stop some, or run another server")
}

func (d *Driver) release(slot int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slots[slot] = false
}

// What a slot holds.
const (
	nothing byte = iota
	aSeed
	aBox
)

// mark notes in the file of this driver's place what a slot holds, a byte each, for
// Sweep after a crash. A file for each box would be plainer, but making and
// removing one costs a fifth of a box's start.
func (d *Driver) mark(slot int, held byte) error {
	if _, err := d.lock.WriteAt([]byte{held}, int64(slot)); err != nil {
		return core.E(core.Unavailable, "sandbox.create", "can't write the run folder").Because(err)
	}
	return nil
}

// name is the name of a box's cgroups.
func (d *Driver) name(owner, slot int) string {
	return fmt.Sprintf("isekai-%s-%d-%d", d.id, owner, slot)
}

// uid is the first of the two host uids of a box: the workload's, then the first
// process's.
func (d *Driver) uid(slot int) int { return d.base + (d.owner*maxBoxes+slot)*2 }

// Sweep removes what dead processes of this installation left behind. Their boxes'
// processes, mounts and networks ended with them; cgroups and markers stay.
func (d *Driver) Sweep(ctx context.Context) (int, error) {
	n := 0
	for i := range maxOwners {
		if i == d.owner {
			continue
		}
		if _, err := os.Stat(filepath.Join(d.dir, fmt.Sprintf("owner-%d", i))); err != nil {
			continue
		}
		lock, err := d.lockOwner(i)
		if err != nil {
			return n, err
		}
		if lock == nil {
			continue
		}
		n += d.sweepOwner(i, lock)
		lock.Close()
		if err := ctx.Err(); err != nil {
			return n, err
		}
	}
	return n + d.sweepOwner(d.owner, d.lock), nil
}

// sweepOwner removes the boxes of a place whose lock is held, but for those that
// this driver runs.
func (d *Driver) sweepOwner(owner int, lock *os.File) (n int) {
	d.mu.Lock() // a slot that is let go of has no mark and no groups any more
	defer d.mu.Unlock()
	left := map[int]byte{}
	marks, _ := io.ReadAll(io.NewSectionReader(lock, 0, maxBoxes))
	for slot, held := range marks {
		if held != nothing {
			left[slot] = held
		}
	}
	prefix := fmt.Sprintf("isekai-%s-%d-", d.id, owner)
	for _, name := range d.groups.list(prefix) {
		if slot, err := strconv.Atoi(name[len(prefix):]); err == nil {
			left[slot] = max(left[slot], aSeed)
		}
	}
	for slot, held := range left {
		if owner == d.owner && slot < maxBoxes && d.slots[slot] {
			continue
		}
		d.groups.remove(d.name(owner, slot))
		_, _ = lock.WriteAt([]byte{nothing}, int64(slot))
		if held == aBox {
			n++
		}
	}
	return n
}
