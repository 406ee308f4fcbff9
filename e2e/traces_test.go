package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// traces is what a program and its boxes have on the host.
type traces struct {
	processes []string // pid and start time
	cgroups   []string // of boxes
	mounts    []string // below the data directory
}

func (h traces) none() bool { return len(h.processes)+len(h.cgroups)+len(h.mounts) == 0 }

// tracesOf looks for what the program that runs as pid has on the host now.
func tracesOf(t *testing.T, pid int, dir string) traces {
	t.Helper()
	h := traces{processes: descendants(t, pid), mounts: mountsBelow(t, dir)}
	groups := map[string]bool{}
	for _, p := range h.processes {
		pid, _, _ := strings.Cut(p, "@")
		b, err := os.ReadFile("/proc/" + pid + "/cgroup")
		if err != nil {
			continue // it has just ended
		}
		for line := range strings.Lines(string(b)) {
			for _, part := range strings.Split(strings.TrimSpace(line), "/") {
				if strings.HasPrefix(part, "isekai-") {
					groups[part] = true
				}
			}
		}
	}
	h.cgroups = slices.Sorted(maps.Keys(groups))
	return h
}

// left returns which of the traces are still there.
func (h traces) left(t *testing.T, dir string) traces {
	t.Helper()
	now := traces{mounts: mountsBelow(t, dir)}
	for _, name := range h.cgroups {
		if cgroupExists(t, name) {
			now.cgroups = append(now.cgroups, name)
		}
	}
	for _, p := range h.processes {
		pid, began, _ := strings.Cut(p, "@")
		n, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		if _, at, ok := parent(n); ok && at == began {
			now.processes = append(now.processes, p)
		}
	}
	return now
}

// descendants returns the processes that pid has started, and those that they
// have, as "pid@start".
func descendants(t *testing.T, pid int) (found []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	type process struct {
		parent int
		began  string
	}
	all := map[int]process{}
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			if up, began, ok := parent(n); ok {
				all[n] = process{up, began}
			}
		}
	}
	for n, p := range all {
		for up := p.parent; up > 0; up = all[up].parent {
			if up == pid {
				found = append(found, strconv.Itoa(n)+"@"+p.began)
				break
			}
		}
	}
	return found
}

// parent reads a live process's parent and start time, proc_pid_stat(5).
func parent(pid int) (up int, began string, ok bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, "", false
	}
	f := strings.Fields(string(b)[strings.LastIndex(string(b), ")")+1:]) // a name may hold a bracket
	if len(f) < 20 || f[0] == "Z" {
		return 0, "", false
	}
	up, err = strconv.Atoi(f[1])
	return up, f[19], err == nil
}

// mountsBelow returns the mounts in this mount namespace below a folder.
func mountsBelow(t *testing.T, dir string) (found []string) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir+"/") {
			found = append(found, f[4])
		}
	}
	return found
}

// cgroupExists reports whether a box's group is in any hierarchy.
func cgroupExists(t *testing.T, name string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir("/sys/fs/cgroup", func(_ string, e os.DirEntry, err error) error {
		if err != nil {
			return nil // a group that went while we walked
		}
		if found = e.IsDir() && e.Name() == name; found {
			return filepath.SkipAll
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
