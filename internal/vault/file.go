package vault

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/isekai-run/isekai/internal/core"
)

const maxMasterFile = 1 << 20 // bytes

// GenerateMaster makes a new master key in a file that its owner alone can read, whole
// or not at all, and durably. conflict: there is a file.
func GenerateMaster(path string) error {
	handle, err := keyset.NewHandle(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return core.E(core.Internal, "vault.generate", "can't make a key").Because(err)
	}
	keys, err := newMasterKeys(handle)
	if err != nil {
		return err
	}
	return writeMaster(path, keys, os.Link) // which replaces nothing
}

// readMaster reads a master file that nobody else can read.
func readMaster(path string) (*masterKeys, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, masterFile(path, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, masterFile(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, malformed()
	}
	if exposed(info.Mode(), ownerOf(info), os.Geteuid()) {
		return nil, core.E(core.Denied, "vault.master", "others can read the master key in "+path).
			WithHint("make it this user's or root's, chmod 600 " + path + ", and rotate the key if somebody may have read it")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxMasterFile))
	if err != nil {
		return nil, masterFile(path, err)
	}
	return parseMaster(text)
}

// exposed reports whether others than user and root can get at a file of owner's. The
// group of a file of root's may read it, which is how secrets are mounted for who isn't
// root.
func exposed(mode fs.FileMode, owner, user int) bool {
	if owner != user && owner != 0 { // who reads it as root, or by a group, isn't the only one
		return true
	}
	allowed := fs.FileMode(0o700)
	if owner == 0 && user != 0 {
		allowed = 0o740
	}
	return mode.Perm()&^allowed != 0
}

func ownerOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return os.Geteuid()
}

// writeMaster writes the keys beside path, and installs them there when they are on
// the disk.
func writeMaster(path string, keys *masterKeys, install func(from, to string) error) error {
	text, err := keys.encode()
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(newMaster(path, "*"))) // mode 0600
	if err != nil {
		return masterFile(path, err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = install(f.Name(), path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	return masterFile(path, err)
}

// newMaster is the name of a master file that is being written, with a word of its own.
func newMaster(path, word string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new-"+word)
}

// sweepMaster removes what writers left that were killed: it may hold keys that were
// destroyed since. No other may be writing.
func sweepMaster(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return masterFile(path, err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(newMaster(path, ""))) {
			if err := os.Remove(filepath.Join(filepath.Dir(path), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return masterFile(path, err)
			}
		}
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}

// masterFile translates an error about the file.
func masterFile(path string, err error) error {
	const op = "vault.master"
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return core.E(core.NotFound, op, "there is no master key at "+path).
			WithHint("put back the one that this installation was used with; only a new installation can have a new one")
	case errors.Is(err, fs.ErrExist):
		return core.E(core.Conflict, op, "there is a file at "+path+" already").
			WithHint("keep it: what it has wrapped is lost without it")
	case errors.Is(err, fs.ErrPermission):
		return core.E(core.Denied, op, "can't get at the master key "+path).WithHint("make its owner the user that isekai runs as").Because(err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return core.E(core.Exhausted, op, "the disk is full").WithHint("free space, then repeat").Because(err)
	}
	return core.E(core.Unavailable, op, "can't read or write the master key "+path).WithHint("check the disk").Because(err)
}
