package ns

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns/boot"
)

// openTrees opens, as root, what mounts name as mounts that are attached nowhere, and
// rewrites mounts to take those: a box's first process has no rights on the host to
// open them by path. A link at the end of a path isn't followed, as a box may have made
// it. The caller closes them, also with an error.
func openTrees(mounts []boot.Mount) (fds []int, err error) {
	for i := range mounts {
		fd, err := unix.OpenTree(unix.AT_FDCWD, mounts[i].Source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE|unix.AT_SYMLINK_NOFOLLOW)
		if err != nil {
			return fds, core.E(core.Unsupported, op, "can't mount "+mounts[i].Source).Because(err)
		}
		fds = append(fds, fd)
		mounts[i].Source = ""
	}
	return fds, nil
}

// mapOwners maps the owner of each mount's folder.
func (b *box) mapOwners(ctx context.Context, spec sandbox.Spec, trees []int) error {
	spaces := map[boot.IDMap]int{}
	defer func() {
		for _, fd := range spaces {
			unix.Close(fd)
		}
	}()
	for i, m := range spec.Mounts {
		if err := b.mapOwner(ctx, m, trees[i], spaces); err != nil {
			return err
		}
	}
	return nil
}

// mapOwner makes the owner of a folder appear as the box's workload in it, so that the
// workload may do there what the owner may, and what it writes belongs to the owner.
// Where the file system can't do that the mount is refused: a host's file is never
// given to another owner.
func (b *box) mapOwner(ctx context.Context, m sandbox.Mount, tree int, spaces map[boot.IDMap]int) error {
	var st unix.Stat_t
	if err := unix.Fstat(tree, &st); err != nil {
		return core.E(core.Unavailable, op, "can't look at "+m.Host).Because(err)
	}
	owner := boot.IDMap{UID: uint64(st.Uid), GID: uint64(st.Gid)}
	space, ok := spaces[owner]
	if !ok {
		_, fd, err := b.control.ask(ctx, boot.OpIDMap, func(e *boot.Encoder) { e.Uint(owner.UID); e.Uint(owner.GID) })
		if failed := b.child.Failed(); failed != nil {
			return spawnError(failed)
		}
		if err != nil {
			return core.E(core.Unsupported, op, "can't map the owner of "+m.Host).Because(err)
		}
		space, spaces[owner] = fd, fd
	}
	err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE,
		&unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(space)})
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.EPERM) {
		if !m.Writable {
			return nil // readable as far as its permissions say
		}
		return core.E(core.Unsupported, op, "can't make "+m.Host+" writable for the box: its file system, or one mounted in it, can't map owners").Because(err).
			WithHint("use a folder on ext4, XFS, Btrfs or tmpfs without other file systems in it, or run Isekai as an ordinary user, who needs no mapping")
	}
	if err != nil {
		return core.E(core.Unsupported, op, "can't make "+m.Host+" writable for the box").Because(err)
	}
	return nil
}

// openMounts keeps the host's folders of the box's mounts, to read files back from.
func (b *box) openMounts(spec sandbox.Spec) error {
	for _, m := range spec.Mounts {
		fd, err := unix.Open(m.Host, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return core.E(core.Unavailable, op, "can't open "+m.Host).Because(err)
		}
		b.mounts = append(b.mounts, mounted{Mount: m, dir: fd})
	}
	return nil
}

// restorePermissions, of a folder that is open as dir, lets the caller read and remove what the workload left in a
// folder, whatever mode it gave to the folders in it. Nothing of the box runs any more.
func restorePermissions(dir int) {
	root, err := os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", dir)) // nothing outside, whatever links are swapped in meanwhile
	if err != nil {
		return
	}
	defer root.Close()
	_ = fs.WalkDir(root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			if e != nil && e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := e.Info()
		if err == nil && e.IsDir() && info.Mode().Perm()&0o700 != 0o700 {
			_ = root.Chmod(path, info.Mode().Perm()|0o700)
		}
		return nil
	})
}
