//go:build linux

package boot

// Encode appends m to e.
func (m *Image) Encode(e *Encoder) {
	e.Uint(uint64(len(m.Links)))
	for _, l := range m.Links {
		e.String(l.Path)
		e.String(l.To)
	}
	encodeMounts(e, m.Mounts)
	e.Bool(m.Leave)
}

// Decode reads m from d.
func (m *Image) Decode(d *Decoder) {
	m.Links = make([]Link, d.Count())
	for i := range m.Links {
		m.Links[i] = Link{Path: d.String(), To: d.String()}
	}
	m.Mounts = decodeMounts(d)
	m.Leave = d.Bool()
}

func encodeMounts(e *Encoder, mounts []Mount) {
	e.Uint(uint64(len(mounts)))
	for _, t := range mounts {
		e.String(t.Source)
		e.String(t.Target)
		e.Bool(t.File)
		e.Bool(t.Device)
		e.Bool(t.Writable)
		e.Bool(t.Counted)
	}
}

func decodeMounts(d *Decoder) []Mount {
	mounts := make([]Mount, d.Count())
	for i := range mounts {
		mounts[i] = Mount{Source: d.String(), Target: d.String(), File: d.Bool(), Device: d.Bool(), Writable: d.Bool(), Counted: d.Bool()}
	}
	return mounts
}

// Encode appends m to e.
func (m *Setup) Encode(e *Encoder) {
	encodeMounts(e, m.Mounts)
	e.Bool(m.Shared)
	for _, v := range []uint64{m.Disk, m.Inodes, m.Memory, m.CPU, m.Pids, m.Nice} {
		e.Uint(v)
	}
	e.Uint(uint64(len(m.Rlimits)))
	for _, r := range m.Rlimits {
		e.Uint(r.Resource)
		e.Uint(r.Value)
	}
	e.Uint(m.Groups)
	e.Bool(m.Group2)
	e.String(string(m.Seccomp))
}

// Decode reads m from d.
func (m *Setup) Decode(d *Decoder) {
	m.Mounts = decodeMounts(d)
	m.Shared = d.Bool()
	m.Disk, m.Inodes, m.Memory, m.CPU, m.Pids, m.Nice = d.Uint(), d.Uint(), d.Uint(), d.Uint(), d.Uint(), d.Uint()
	m.Rlimits = make([]Rlimit, d.Count())
	for i := range m.Rlimits {
		m.Rlimits[i] = Rlimit{Resource: d.Uint(), Value: d.Uint()}
	}
	m.Groups, m.Group2 = d.Uint(), d.Bool()
	m.Seccomp = []byte(d.String())
}

// Encode appends m to e.
func (m *Exec) Encode(e *Encoder) {
	e.Uint(m.ID)
	e.Strings(m.Paths)
	e.Strings(m.Argv)
	e.Strings(m.Env)
	e.String(m.Dir)
	e.Bool(m.EmptyStdin)
}

// Decode reads m from d.
func (m *Exec) Decode(d *Decoder) {
	m.ID = d.Uint()
	m.Paths, m.Argv, m.Env = d.Strings(), d.Strings(), d.Strings()
	m.Dir, m.EmptyStdin = d.String(), d.Bool()
}

// Encode appends m to e.
func (m *Result) Encode(e *Encoder) {
	for _, v := range []uint64{uint64(m.Why), m.Status, m.CPU, m.Errno, m.Stage} {
		e.Uint(v)
	}
}

// Decode reads m from d.
func (m *Result) Decode(d *Decoder) {
	m.Why = Why(d.Uint())
	m.Status, m.CPU, m.Errno, m.Stage = d.Uint(), d.Uint(), d.Uint(), d.Uint()
}

// Encode appends m to e.
func (m *Stats) Encode(e *Encoder) {
	for _, v := range []uint64{m.Memory, m.Pids, m.CPU, m.Disk} {
		e.Uint(v)
	}
}

// Decode reads m from d.
func (m *Stats) Decode(d *Decoder) {
	m.Memory, m.Pids, m.CPU, m.Disk = d.Uint(), d.Uint(), d.Uint(), d.Uint()
}
