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

// counted is what this process and its boxes hold on the host: a set of names.
// Two of them are compared, so a suite mustn't run in parallel with other tests
// of its process; other processes may make boxes at the same time.
type counted map[string]bool

// census counts.
func census(t *testing.T) counted {
	t.Helper()
	c := counted{}
	c.descriptors(t)
	mine := c.processes(t)
	c.mounts(t)
	c.groups(mine)
	return c
}

// compare fails the test if something is there now that wasn't, and stays.
func (c counted) compare(t *testing.T) {
	t.Helper()
	var extra []string
	for end := time.Now().Add(soon); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		extra = extra[:0]
		for _, name := range slices.Sorted(maps.Keys(census(t))) {
			if !c[name] {
				extra = append(extra, name)
			}
		}
		if len(extra) == 0 {
			return
		}
	}
	t.Errorf("left behind:\n%s", strings.Join(extra, "\n"))
}

// descriptors counts by kind, since numbers are used again.
func (c counted) descriptors(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil {
			continue // the one that read the folder
		}
		kind, _, _ := strings.Cut(target, "[")
		kinds[kind]++
		c[fmt.Sprintf("descriptor %s, number %d", kind, kinds[kind])] = true
	}
}

// processes counts the descendants of this one, zombies included.
func (c counted) processes(t *testing.T) map[int]bool {
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
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // for the message
		c[fmt.Sprintf("process %d %q", pid, name)] = true
	}
	return mine
}

func (c counted) mounts(t *testing.T) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		c["mount "+strings.TrimSpace(line)] = true
	}
}

// groups counts control groups. One with processes in it that aren't ours
// belongs to somebody else who makes boxes now.
func (c counted) groups(mine map[int]bool) {
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // gone meanwhile
		}
		procs, err := os.ReadFile(path + "/cgroup.procs")
		if err != nil {
			return nil
		}
		for _, field := range strings.Fields(string(procs)) {
			if pid, err := strconv.Atoi(field); err == nil && !mine[pid] {
				return nil
			}
		}
		c["cgroup "+path] = true
		return nil
	})
}
