package ns

import (
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

// systemFolders can't be mounted over.
var systemFolders = []string{"/bin", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/proc", "/root", "/sbin", "/sys", "/tmp", "/usr"}

// check says what is wrong with a spec.
func check(spec sandbox.Spec) error {
	for i, m := range spec.Mounts {
		if err := checkMount(m, spec.Mounts[:i]); err != nil {
			return err
		}
	}
	l := spec.Limits
	if l.Memory < 0 || l.CPU < 0.01 || math.IsNaN(l.CPU) || l.CPU > 1<<16 || l.CPUTime < 0 || l.Pids < 1 || l.OpenFiles < 1 || l.FileSize < 0 || l.Disk < 0 || l.Inodes < 0 {
		return invalid("a limit is negative or too small")
	}
	if e := spec.Egress; e != nil && (len(e.Allow) == 0 || e.Open < 0 || e.Rate < 0 || e.Bytes < 0) {
		return invalid("egress: it allows no host, or a bound is negative")
	}
	return nil
}

func invalid(format string, args ...any) error {
	return core.E(core.Invalid, op, fmt.Sprintf(format, args...))
}

func checkMount(m sandbox.Mount, others []sandbox.Mount) error {
	switch {
	case !filepath.IsAbs(m.Host) || filepath.Clean(m.Host) != m.Host || strings.ContainsRune(m.Host, 0):
		return invalid("mount: %q is no absolute and clean path on the host", m.Host)
	case !path.IsAbs(m.Target) || path.Clean(m.Target) != m.Target || strings.ContainsRune(m.Target, 0) || m.Target == "/":
		return invalid("mount: %q can't be a place in the box", m.Target)
	}
	for _, dir := range systemFolders {
		if within(m.Target, dir) {
			return invalid("mount: %s is a system folder", m.Target)
		}
	}
	for _, other := range others {
		if (within(m.Target, other.Target) || within(other.Target, m.Target)) && !keeps(m, other) {
			return invalid("mounts: %s and %s overlap", m.Target, other.Target)
		}
	}
	if info, err := os.Lstat(m.Host); err != nil {
		return core.E(core.Invalid, op, "mount: can't see the host's folder").Because(err)
	} else if !info.IsDir() {
		return invalid("mount: %s is no folder, or a link to one", m.Host)
	}
	return nil
}

// keeps reports whether m makes a folder directly in a writable mount read-only. Only
// that, as a mount point can't be renamed, but a folder that holds one can.
func keeps(m, whole sandbox.Mount) bool {
	name := path.Base(m.Target)
	return whole.Writable && !m.Writable && m.Target == path.Join(whole.Target, name) && m.Host == filepath.Join(whole.Host, name)
}

func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }
