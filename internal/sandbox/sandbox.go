// Package sandbox is the port for running untrusted code.
//
// The command tool and app previews call it. The driver ns isolates with Linux
// namespaces and needs no other program; every driver passes the suite in
// sandboxtest, the hostile part included. A driver that can't enforce a limit
// refuses to create a box: it never runs code with less isolation than asked.
package sandbox

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Driver makes boxes. Methods are safe for concurrent use.
type Driver interface {
	// Create starts a box without a workload. unsupported: this host can't
	// enforce the spec; the message says what and why. invalid: the spec is
	// wrong. The caller must Kill the box.
	Create(ctx context.Context, scope core.Scope, spec Spec) (Box, error)
	// Sweep removes what a killed process of this installation left behind
	// (processes, mounts, cgroups, folders) and returns how many boxes it removed.
	Sweep(ctx context.Context) (int, error)
	// Probe says what this host can enforce.
	Probe(ctx context.Context) Report
}

// Spec describes a box. The root is read-only and holds the host's toolchains
// (read-only) and what is mounted here; there is no network but the box's own
// loopback, and with Egress a proxy on it.
type Spec struct {
	Mounts []Mount
	Limits Limits
	Egress *Egress // nil: nothing outside can be reached
}

// Mount makes a host folder visible. Targets don't overlap, with one exception: after
// a writable mount, a read-only one may name a folder directly in it, on the host and in
// the box alike ({ws, "/workspace", writable}, then {ws/.git, "/workspace/.git"}). The
// workload then sees that folder but can't change, rename, remove or replace it.
type Mount struct {
	Host     string // absolute, clean path on the host, of a folder and not of a link to one
	Target   string // absolute path in the box, outside system folders: "/app", "/data", "/workspace"
	Writable bool   // the workload may write; the host can read and remove what it wrote
	Counted  bool   // what a writable mount holds at Create counts against Disk and Inodes too: for a folder that boxes alone fill
}

// Limits bound a box, all its processes together. Zero means the default of
// DefaultLimits; every limit is always enforced.
type Limits struct {
	Memory    int64         // bytes, swap included
	CPU       float64       // cores
	CPUTime   time.Duration // of one process
	Wall      time.Duration // of one Exec; negative: until killed
	Pids      int           // processes and threads
	Output    int64         // bytes of stdout and stderr of one Exec; negative: unbounded, for a caller that keeps a ring
	OpenFiles int           // descriptors of one process
	FileSize  int64         // bytes of one file
	Disk      int64         // bytes that are added below all writable mounts and /tmp; see Mount.Counted
	Inodes    int64         // files that are added below all writable mounts and /tmp
}

// DefaultLimits are the bounds of a box that names none.
var DefaultLimits = Limits{
	Memory: 512 << 20, CPU: 0.5, CPUTime: 5 * time.Minute, Wall: 2 * time.Minute, Pids: 64,
	Output: 1 << 20, OpenFiles: 256, FileSize: 64 << 20, Disk: 256 << 20, Inodes: 16384,
}

// OrDefault returns l with every zero replaced by the default.
func (l Limits) OrDefault() Limits {
	d := DefaultLimits
	setDefault(&l.Memory, d.Memory)
	setDefault(&l.CPU, d.CPU)
	setDefault(&l.CPUTime, d.CPUTime)
	setDefault(&l.Wall, d.Wall)
	setDefault(&l.Pids, d.Pids)
	setDefault(&l.Output, d.Output)
	setDefault(&l.OpenFiles, d.OpenFiles)
	setDefault(&l.FileSize, d.FileSize)
	setDefault(&l.Disk, d.Disk)
	setDefault(&l.Inodes, d.Inodes)
	return l
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Box is a running sandbox. Methods are safe for concurrent use. After Kill
// every method fails with unavailable.
type Box interface {
	// Exec runs a command and returns when it has ended, and with it every
	// process that it started. The error is for what isn't the command's doing; a
	// failing command is an Exit. Ending ctx kills the command's processes.
	Exec(ctx context.Context, c Command) (Exit, error)
	// Dial connects to an address inside the box ("tcp", "127.0.0.1:8000").
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	// Copy reads a regular file inside a mount of the box, up to limit bytes. It
	// follows no link out of the mount. not_found, invalid, exhausted.
	Copy(ctx context.Context, path string, w io.Writer, limit int64) (int64, error)
	// Kill ends every process of the box and removes everything that it held on
	// the host. It is idempotent.
	Kill(ctx context.Context) error
	// Stats says what the box uses now.
	Stats(ctx context.Context) (Stats, error)
}

// Command is one program to run in a box. There is no shell in between.
type Command struct {
	Argv   []string          // Argv[0] is an absolute path or found in the box's PATH
	Dir    string            // working folder in the box; "" means "/"
	Env    map[string]string // the whole environment, besides PATH, HOME, LANG and TMPDIR, and ProxyEnv in a box with Egress
	Stdin  io.Reader         // nil: empty
	Stdout io.Writer         // nil: discarded
	Stderr io.Writer         // nil: discarded
}

// Reason says what ended a command.
type Reason string

// The reasons.
const (
	Exited    Reason = "exited"   // by itself: Code holds
	Signaled  Reason = "signaled" // by a signal from inside: Signal holds
	OutOfMem  Reason = "memory"   // the memory limit
	TimedOut  Reason = "time"     // the wall or CPU time limit
	TooMuch   Reason = "output"   // the output limit
	DiskFull  Reason = "disk"     // the disk limit, where the driver stops the command for it
	KilledOff Reason = "killed"   // by Kill or by the end of ctx
)

// Exit is how a command ended.
type Exit struct {
	Code   int // exit code, 128 + signal when signaled
	Signal int // 0 if none
	Reason Reason
	Wall   time.Duration
	CPU    time.Duration // user and system, of all its processes that are known
}

// OK reports whether the command ended by itself with code 0.
func (e Exit) OK() bool { return e.Reason == Exited && e.Code == 0 }

// Stats is what a box uses.
type Stats struct {
	Memory int64 // bytes
	Pids   int
	CPU    time.Duration
	Disk   int64 // bytes below writable mounts and /tmp
}

// Report is what a host can enforce.
type Report struct {
	Checks []Check
}

// Check is one capability of the host.
type Check struct {
	Name   string // "memory limit"
	OK     bool
	Detail string // by what it is enforced, or why not
	Hint   string // how to get it
}

// Err returns nil if every check passed, else an unsupported error that names
// the first that didn't.
func (r Report) Err() error {
	for _, c := range r.Checks {
		if !c.OK {
			return core.E(core.Unsupported, "sandbox", "this host can't isolate code: "+c.Name+": "+c.Detail).WithHint(c.Hint)
		}
	}
	return nil
}
