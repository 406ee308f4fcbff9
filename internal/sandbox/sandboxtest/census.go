package sandboxtest

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// counted is what this process and its boxes hold on the host: how many of each
// kind, since a driver may keep something ready for the next box, which isn't the
// same one later. Two of them are compared, so a suite mustn't run in parallel with
// other tests of its process; other processes may make boxes at the same time.
type counted map[string]int

// census counts.
func (g rig) census(t *testing.T) counted {
	t.Helper()
	c := counted{}
	c.descriptors(t)
	c.processes(t)
	c.mounts(t)
	c.groups(g.families)
	return c
}

// leaves fails the test if more is there now than was, and stays.
func (g rig) leaves(t *testing.T, before counted) {
	t.Helper()
	var extra []string
	for end := time.Now().Add(soon); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		extra = extra[:0]
		now := g.census(t)
		for _, kind := range slices.Sorted(maps.Keys(now)) {
			if n := now[kind] - before[kind]; n > 0 {
				extra = append(extra, fmt.Sprintf("%d more: %s", n, kind))
			}
		}
		if len(extra) == 0 {
			return
		}
	}
	t.Errorf("left behind:\n%s", strings.Join(extra, "\n"))
}

func (c counted) descriptors(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil {
			continue // the one that read the folder
		}
		kind, _, _ := strings.Cut(target, "[")
		c["descriptor "+kind]++
	}
}

// processes counts the descendants of this one, zombies included.
func (c counted) processes(t *testing.T) {
	t.Helper()
	parents := map[int]int{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has just ended
		}
		pid, _ := strconv.Atoi(strings.Split(path, "/")[2]) // the pattern says that it is one
		f := strings.Fields(string(b[strings.LastIndex(string(b), ")")+1:]))
		parents[pid], _ = strconv.Atoi(f[1]) // proc(5): a number
	}
	mine := map[int]bool{os.Getpid(): true}
	for range len(parents) {
		before := len(mine)
		for pid, parent := range parents {
			if mine[parent] {
				mine[pid] = true
			}
		}
		if len(mine) == before {
			break
		}
	}
	for pid := range mine {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // it may have just ended
		c[fmt.Sprintf("process %q", line)]++
	}
}

func (c counted) mounts(t *testing.T) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		c["mount "+strings.TrimSpace(line)]++
	}
}

// groups counts the control groups whose names begin as those of the driver under
// test do: others on this machine may have theirs.
func (c counted) groups(families []string) {
	for _, path := range groupFolders() {
		if slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(path, f) }) {
			c["cgroup "+strings.TrimRight(path, "0123456789")]++
		}
	}
}

// groupFolders are the paths of all control groups.
func groupFolders() []string {
	var all []string
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() { // else it is gone meanwhile
			all = append(all, path)
		}
		return nil
	})
	return all
}

// groupFamilies are the beginnings of the names of the groups that came with a
// box: what is left without the number at the end.
func groupFamilies(before, with []string) []string {
	var all []string
	for _, path := range with {
		if !slices.Contains(before, path) {
			all = append(all, strings.TrimRight(path, "0123456789"))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
