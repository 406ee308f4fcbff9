package ns

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/sandbox"
)

// cgroups says where boxes' cgroups go: one folder for each v1 controller that can be
// used, or one v2 folder for all. Both empty: there are none, and boxes watch
// themselves.
type cgroups struct {
	memory, pids, cpu string // v1 folders; "" if that controller isn't to be had
	unified           string // v2 folder with all three controllers
}

func (c *cgroups) v1() (dirs []string) {
	for _, dir := range []string{c.memory, c.pids, c.cpu} {
		if dir != "" {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// list returns the names of the groups that start with prefix.
func (c *cgroups) list(prefix string) (names []string) {
	dirs := c.v1()
	if c.unified != "" {
		dirs = append(dirs, c.unified)
	}
	for _, dir := range dirs {
		found, _ := filepath.Glob(filepath.Join(dir, prefix+"*"))
		for _, path := range found {
			names = append(names, filepath.Base(path))
		}
	}
	return names
}

// remove ends what is in a box's groups and removes them. It waits a little for the
// kernel to let go of them.
func (c *cgroups) remove(name string) {
	for _, dir := range c.v1() {
		removeGroup(filepath.Join(dir, name))
	}
	if c.unified == "" {
		return
	}
	dir := filepath.Join(c.unified, name)
	_ = writeTo(dir, "cgroup.kill", "1")
	removeGroup(filepath.Join(dir, "work"))
	removeGroup(filepath.Join(dir, "init"))
	removeGroup(dir)
}

func removeGroup(dir string) {
	for wait := 100 * time.Microsecond; wait < time.Second; wait *= 2 {
		if err := unix.Rmdir(dir); err != unix.EBUSY {
			return
		}
		time.Sleep(wait)
	}
}

func writeTo(dir, file, value string) error {
	fd, err := unix.Open(dir+"/"+file, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir + "/" + file, Err: err}
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(value)); err != nil {
		return &os.PathError{Op: "write", Path: dir + "/" + file, Err: err}
	}
	return nil
}

// group is a box's cgroups.
type group struct {
	tasks []int // v1 "tasks" files, opened for writing
	work  int   // v2 folder of the workload, or -1
	init  int   // v2 folder of the first process, or -1
}

// close lets go of the descriptors; the groups stay. It is idempotent.
func (g *group) close() {
	for _, fd := range append(g.tasks, g.work, g.init) {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	g.tasks, g.work, g.init = nil, -1, -1
}

// create makes a box's groups. owner is the host uid of its first process, which starts
// workloads in the v2 group.
func (c *cgroups) create(name string, owner int) (g *group, err error) {
	g = &group{work: -1, init: -1}
	defer func() {
		if err != nil {
			g.close()
			c.remove(name)
		}
	}()
	for _, dir := range c.v1() {
		if err := unix.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			return g, &os.PathError{Op: "mkdir", Path: filepath.Join(dir, name), Err: err}
		}
	}
	if c.unified != "" {
		return g, createUnified(g, filepath.Join(c.unified, name), owner)
	}
	for _, dir := range c.v1() {
		fd, err := unix.Open(filepath.Join(dir, name, "tasks"), unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return g, &os.PathError{Op: "open", Path: filepath.Join(dir, name, "tasks"), Err: err}
		}
		g.tasks = append(g.tasks, fd)
	}
	return g, nil
}

// limit gives a box's groups their limits.
func (c *cgroups) limit(name string, l sandbox.Limits) error {
	if c.unified != "" {
		return limitUnified(filepath.Join(c.unified, name, "work"), l)
	}
	if c.memory != "" {
		if err := limitMemory1(filepath.Join(c.memory, name), l.Memory); err != nil {
			return err
		}
	}
	if c.pids != "" {
		if err := writeTo(filepath.Join(c.pids, name), "pids.max", strconv.Itoa(l.Pids)); err != nil {
			return err
		}
	}
	if c.cpu != "" {
		dir := filepath.Join(c.cpu, name)
		if err := writeTo(dir, "cpu.cfs_quota_us", strconv.Itoa(int(l.CPU*cpuPeriod))); err != nil {
			return err
		}
		if err := writeTo(dir, "cpu.shares", strconv.Itoa(1024/behind)); err != nil {
			return err
		}
	}
	return nil
}

const (
	cpuPeriod = 100_000 // microseconds; the kernel's default
	behind    = 4       // what a box weighs less than others when cores are short: the server and the watch come first
)

func limitMemory1(dir string, bytes int64) error {
	value := strconv.FormatInt(bytes, 10)
	if err := writeTo(dir, "memory.limit_in_bytes", value); err != nil {
		return err
	}
	if err := writeTo(dir, "memory.memsw.limit_in_bytes", value); err != nil && !errors.Is(err, syscall.ENOENT) {
		return err
	}
	return nil
}

func limitUnified(work string, l sandbox.Limits) error {
	for _, f := range [][2]string{
		{"memory.max", strconv.FormatInt(l.Memory, 10)},
		{"memory.swap.max", "0"},
		{"pids.max", strconv.Itoa(l.Pids)},
		{"cpu.weight", strconv.Itoa(100 / behind)},
		{"cpu.max", strconv.Itoa(int(l.CPU*cpuPeriod)) + " " + strconv.Itoa(cpuPeriod)},
	} {
		if err := writeTo(work, f[0], f[1]); err != nil && !(f[0] == "memory.swap.max" && errors.Is(err, syscall.ENOENT)) {
			return err
		}
	}
	return nil
}

func createUnified(g *group, dir string, owner int) error {
	work := filepath.Join(dir, "work")
	for _, path := range []string{dir, work, filepath.Join(dir, "init")} {
		if err := os.Mkdir(path, 0o755); err != nil {
			return err
		}
		if path == dir {
			if err := writeTo(dir, "cgroup.subtree_control", "+memory +pids +cpu"); err != nil {
				return err
			}
		}
	}
	for _, path := range []string{dir, work} {
		if err := os.Chown(filepath.Join(path, "cgroup.procs"), owner, -1); err != nil {
			return err
		}
	}
	var err error
	if g.work, err = unix.Open(work, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return err
	}
	g.init, err = unix.Open(filepath.Join(dir, "init"), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return err
}

// groupUsage is what a box's groups know of it: bytes and tasks.
type groupUsage struct{ memory, pids int64 }

// ooms counts the processes of a box that the kernel ended for memory.
func (c *cgroups) ooms(name string) int64 {
	switch {
	case c.unified != "":
		return keyed(filepath.Join(c.unified, name, "work", "memory.events"), "oom_kill")
	case c.memory != "":
		return keyed(filepath.Join(c.memory, name, "memory.oom_control"), "oom_kill")
	}
	return 0
}

// keyed reads a number from a file of lines "name number".
func keyed(path, key string) int64 {
	data, _ := os.ReadFile(path)
	for _, line := range strings.Split(string(data), "\n") {
		if name, value, ok := strings.Cut(line, " "); ok && name == key {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}

// number reads a file that holds one number; -1 if it can't.
func number(path string) int64 {
	data, err := os.ReadFile(path)
	if err != nil {
		return -1
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// usage reads what a box uses; -1 for what its groups don't say.
func (c *cgroups) usage(name string) groupUsage {
	if c.unified != "" {
		work := filepath.Join(c.unified, name, "work")
		return groupUsage{memory: number(filepath.Join(work, "memory.current")), pids: number(filepath.Join(work, "pids.current"))}
	}
	u := groupUsage{memory: -1, pids: -1}
	if c.memory != "" {
		u.memory = number(filepath.Join(c.memory, name, "memory.usage_in_bytes"))
	}
	if c.pids != "" {
		u.pids = number(filepath.Join(c.pids, name, "pids.current"))
	}
	return u
}
