//go:build linux

package boot

// The words on the control socket, one datagram each (SOCK_SEQPACKET): a request
// is an op, a sequence number and a body, with descriptors beside it; an answer is
// the sequence number, an error text ("" for none) and a body. One request is
// answered at a time, in order. Exec is not answered here: its result comes on a
// pipe of its own, so a long command never holds up a dial.

// MaxMessage bounds a datagram, in bytes.
const MaxMessage = 160 << 10

// Op is what the driver asks for.
type Op uint64

// The ops.
const (
	OpImage  Op = 1 + iota // body: Image; descriptors: mounts without a Source. OpSetup answers for it
	OpIDMap                // body: IDMap; answer's descriptor: a user namespace
	OpSetup                // body: Setup; descriptors: cgroups, then mounts without a Source
	OpExec                 // body: Exec; descriptors: result pipe, stdin unless empty, stdout, stderr
	OpKill                 // body: the id of an Exec
	OpSocket               // body: domain, type; answer's descriptor: a socket
	OpStats                // answer: Stats
)

// IDMap asks for a user namespace by which the driver can mount a folder such that
// what belongs to UID and GID on disk belongs to the workload in the box.
type IDMap struct{ UID, GID uint64 }

// Image describes what every box has.
type Image struct {
	Links  []Link  // symbolic links in the root
	Mounts []Mount // in the order in which they are made
	Leave  bool    // let go of the host's root at once: no later mount has a Source
}

// Setup describes a box.
type Setup struct {
	Mounts  []Mount // in the order in which they are made
	Shared  bool    // the first process and the workload have one uid: the box of an ordinary user
	Disk    uint64  // bytes that may be added below /tmp, /dev/shm and the writable mounts
	Inodes  uint64  // files that may be added below them
	Memory  uint64  // bytes; 0: a cgroup limits it
	CPU     uint64  // thousandths of a core; 0: a cgroup limits it
	Pids    uint64  // 0: a cgroup limits it
	Nice    uint64  // the workload's nice value, taken from 20
	Rlimits []Rlimit
	Groups  uint64 // how many descriptors follow, one per cgroup v1 "tasks" file that a workload joins
	Group2  bool   // after them, one of a cgroup v2 folder that a workload is started in
	Seccomp []byte // struct sock_filter, in host order
}

// Link is a symbolic link.
type Link struct{ Path, To string }

// Mount is a folder or a file that the box sees.
type Mount struct {
	Source   string // "": the next descriptor is the detached mount
	Target   string // in the box, absolute
	File     bool   // Source is no folder
	Device   bool   // Source is a device node
	Writable bool
	Counted  bool // what a writable one holds now counts against Disk and Inodes
}

// Rlimit is one resource limit, soft and hard.
type Rlimit struct{ Resource, Value uint64 }

// Exec describes a command.
type Exec struct {
	ID         uint64
	Paths      []string // what to try to execute, in order
	Argv       []string
	Env        []string // "NAME=value"
	Dir        string
	EmptyStdin bool // no descriptor for stdin was sent
}

// Why says what of the first process's own doing ended a command.
type Why uint64

// The reasons that the first process knows.
const (
	Ended     Why = iota // by itself, or by somebody else
	Killed               // OpKill
	OverMem              // the memory limit
	OverDisk             // the disk or file limit
	NoProgram            // it could not be executed: Errno says why
	NoStart              // Stage failed with Errno
)

// Result is how a command ended.
type Result struct {
	Why    Why
	Status uint64 // as wait(2) has it
	CPU    uint64 // user and system time in microseconds of the command and all that it started
	Errno  uint64
	Stage  uint64
}

// Stats is what the box uses. Memory and CPU are those of living processes.
type Stats struct{ Memory, Pids, CPU, Disk uint64 }

// Encoder writes a message. Its zero value is empty.
type Encoder struct{ B []byte }

// Uint appends a number.
func (e *Encoder) Uint(v uint64) {
	for ; v >= 0x80; v >>= 7 {
		e.B = append(e.B, byte(v)|0x80)
	}
	e.B = append(e.B, byte(v))
}

// Bool appends a truth value.
func (e *Encoder) Bool(v bool) {
	if v {
		e.Uint(1)
	} else {
		e.Uint(0)
	}
}

// String appends a text.
func (e *Encoder) String(s string) {
	e.Uint(uint64(len(s)))
	e.B = append(e.B, s...)
}

// Strings appends a list of texts.
func (e *Encoder) Strings(l []string) {
	e.Uint(uint64(len(l)))
	for _, s := range l {
		e.String(s)
	}
}

// Decoder reads a message. After the first thing that isn't there Bad is true and
// everything reads as zero.
type Decoder struct {
	B   []byte
	Bad bool
}

// Uint reads a number.
func (d *Decoder) Uint() (v uint64) {
	for shift := 0; shift < 64; shift += 7 {
		if len(d.B) == 0 {
			break
		}
		c := d.B[0]
		d.B = d.B[1:]
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	d.Bad, d.B = true, nil
	return 0
}

// Bool reads a truth value.
func (d *Decoder) Bool() bool { return d.Uint() != 0 }

// String reads a text.
func (d *Decoder) String() string {
	n := d.Uint()
	if n > uint64(len(d.B)) {
		d.Bad, d.B = true, nil
		return ""
	}
	s := string(d.B[:n])
	d.B = d.B[n:]
	return s
}

// Count reads the length of a list, which can't be longer than what is left.
func (d *Decoder) Count() int {
	n := d.Uint()
	if n > uint64(len(d.B)) {
		d.Bad, d.B = true, nil
		return 0
	}
	return int(n)
}

// Strings reads a list of texts.
func (d *Decoder) Strings() []string {
	l := make([]string, d.Count())
	for i := range l {
		l[i] = d.String()
	}
	return l
}

// WorkloadID is the user and the group of a workload, in the box's terms.
const WorkloadID = 1000
