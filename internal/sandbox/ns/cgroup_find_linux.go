package ns

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// findCgroups looks at what this process may use. root is whether it may make a group
// at the top of a v2 hierarchy.
func findCgroups(root bool) (c cgroups) {
	own := ownCgroups()
	for _, m := range cgroupMounts() {
		if m.unified {
			c.unified = unifiedBase(filepath.Join(m.dir, relative(own[""], m.root)), m.dir, root)
			continue
		}
		for name, to := range map[string]*string{"memory": &c.memory, "pids": &c.pids, "cpu": &c.cpu} {
			dir := filepath.Join(m.dir, relative(own[name], m.root))
			if m.options[name] && unix.Access(dir, unix.W_OK) == nil && (name != "memory" || countsSwap(dir)) {
				*to = dir
			}
		}
	}
	if c.unified != "" {
		c.memory, c.pids, c.cpu = "", "", ""
	}
	return c
}

// countsSwap reports whether a v1 memory group can limit memory with swap, or there
// is no swap.
func countsSwap(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, "memory.memsw.limit_in_bytes")); err == nil {
		return true
	}
	swaps, err := os.ReadFile("/proc/swaps")
	return err == nil && strings.Count(string(swaps), "\n") <= 1
}

// ownCgroups returns this process's path by controller; v2 has the name "".
func ownCgroups() map[string]string {
	own := map[string]string{}
	data, _ := os.ReadFile("/proc/self/cgroup")
	for _, line := range strings.Split(string(data), "\n") {
		if f := strings.SplitN(line, ":", 3); len(f) == 3 {
			for _, name := range strings.Split(f[1], ",") {
				own[name] = f[2]
			}
		}
	}
	return own
}

type cgroupMount struct {
	dir, root string
	unified   bool
	options   map[string]bool
}

// cgroupMounts reads proc_pid_mountinfo(5).
func cgroupMounts() (l []cgroupMount) {
	data, _ := os.ReadFile("/proc/self/mountinfo")
	for _, line := range strings.Split(string(data), "\n") {
		before, after, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 6 || len(g) < 3 || (g[0] != "cgroup" && g[0] != "cgroup2") {
			continue
		}
		m := cgroupMount{dir: f[4], root: f[3], unified: g[0] == "cgroup2", options: map[string]bool{}}
		for _, o := range strings.Split(g[2], ",") {
			m.options[o] = true
		}
		l = append(l, m)
	}
	return l
}

// relative is a cgroup's path below a mount that shows the hierarchy from root on.
func relative(path, root string) string {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(root, "/"))
	if !ok || rest != "" && rest[0] != '/' {
		return "/"
	}
	return rest
}

// unifiedBase returns a v2 folder below which groups get all three controllers: this
// process's own group if it was delegated, else, as root, one at the top.
func unifiedBase(own, top string, root bool) string {
	if delegate(own) {
		return own
	}
	if !root {
		return ""
	}
	dir := filepath.Join(top, "isekai")
	if !delegate(top) || os.Mkdir(dir, 0o755) != nil && unix.Access(dir, unix.W_OK) != nil || !delegate(dir) {
		return ""
	}
	return dir
}

// delegate gives the groups below dir the controllers that limits need. A group that
// has processes can't give any, so this process first moves into a leaf of it.
func delegate(dir string) bool {
	have, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil || !hasFields(string(have), "memory", "pids", "cpu") {
		return false
	}
	enable := func() error { return writeTo(dir, "cgroup.subtree_control", "+memory +pids +cpu") }
	if err := enable(); errors.Is(err, syscall.EBUSY) {
		leaf := filepath.Join(dir, "isekai-server")
		_ = os.Mkdir(leaf, 0o755)
		_ = writeTo(leaf, "cgroup.procs", strconv.Itoa(os.Getpid()))
		return enable() == nil
	}
	return err == nil && enable() == nil
}

func hasFields(s string, want ...string) bool {
	have := map[string]bool{}
	for _, f := range strings.Fields(s) {
		have[f] = true
	}
	for _, w := range want {
		if !have[w] {
			return false
		}
	}
	return true
}
