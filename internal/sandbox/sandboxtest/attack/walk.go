package main

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// walkAttacks look at whole trees.
func walkAttacks() map[string]attack {
	return map[string]attack{"hunt": hunt, "write-everywhere": writeEverywhere, "create-everywhere": createEverywhere}
}

// biggest is the size in bytes of the largest file that the hunt reads.
const biggest = 1 << 20

// hunt looks for the canary on stdin in the environment, and in each readable
// file below the folders in args, /proc included; but not in the host's
// toolchains (/usr and its like), which hold no secret and a million files.
func hunt(r report, args []string) {
	canary, err := io.ReadAll(os.Stdin)
	must(err)
	for _, e := range os.Environ() {
		if strings.Contains(e, string(canary)) {
			r.done("environment", e)
		}
	}
	buf := make([]byte, biggest)
	for _, root := range args {
		walk(root, func(path string) {
			if holds(path, canary, buf) || strings.Contains(path, string(canary)) {
				r.done("hunt", path)
			}
		})
	}
	r.refused("hunt", "looked at everything else")
}

// walk visits what isn't a folder below root.
func walk(root string, visit func(path string)) {
	toolchains := []string{"/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/opt", "/nix", "/sys"}
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // a folder that it may not read
		case d.IsDir() && path != root && slices.Contains(toolchains, path):
			return fs.SkipDir
		case d.IsDir() && (filepath.Base(path) == "task" || filepath.Base(path) == "net") && strings.HasPrefix(path, "/proc/"):
			return fs.SkipDir
		case !d.IsDir():
			visit(path)
		}
		return nil
	})
}

// holds reports whether a file holds the canary. One that was last changed
// before the test began can't: that spares the toolchains that lie elsewhere.
func holds(path string, canary, buf []byte) bool {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || time.Since(time.Unix(st.Ctim.Unix())) > time.Hour {
		return false
	}
	n := 0
	for n < len(buf) {
		k, err := unix.Read(fd, buf[n:])
		if err != nil || k <= 0 {
			break
		}
		n += k
	}
	return bytes.Contains(buf[:n], canary)
}

// writeEverywhere opens each file below args for writing, and writes nothing.
func writeEverywhere(r report, args []string) {
	for _, root := range args {
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && d.Type()&fs.ModeSymlink == 0 && openWrite(path) == nil {
				r.done("open for writing", path)
			}
			return nil
		})
		r.refused("write below "+root, "everything else")
	}
}

// createEverywhere makes a file in each folder at most four deep below /, but
// for /proc and the folders in args.
func createEverywhere(r report, args []string) {
	skip := append([]string{"/proc"}, args...)
	_ = filepath.WalkDir("/", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		if slices.Contains(skip, path) || strings.Count(path, "/") > 4 {
			return fs.SkipDir
		}
		name := filepath.Join(path, "isekai-attack")
		if f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
			_ = f.Close()       // empty
			_ = os.Remove(name) // as it was
			r.done("create a file", name)
		}
		return nil
	})
	r.refused("create a file", "everywhere else")
}
