//go:build linux

package ns_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
)

// TestAHostsFilesKeepTheirOwner mounts a folder in which another file system is
// mounted that can't map owners: the box is refused, and no file changes hands.
func TestAHostsFilesKeepTheirOwner(t *testing.T) {
	if os.Getuid() != 0 {
		return // an ordinary user's folders need no mapping, and can't be mounted on
	}
	dir := t.TempDir()
	file, inner := filepath.Join(dir, "file"), filepath.Join(dir, "proc")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("proc", inner, "proc", 0, ""); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(inner, syscall.MNT_DETACH)

	d, err := ns.New(ns.Config{RunDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	scope := core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorSystem, ID: "test"}}
	box, err := d.Create(t.Context(), scope, sandbox.Spec{Mounts: []sandbox.Mount{{Host: dir, Target: "/workspace", Writable: true}}})
	if err == nil {
		_ = box.Kill(t.Context())
	}
	if core.CodeOf(err) != core.Unsupported || core.HintOf(err) == "" {
		t.Errorf("create: %v", err)
	}
	for _, path := range []string{dir, file} {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 0 {
			t.Errorf("%s belongs to %d now", path, uid)
		}
	}
}
