package vault

import (
	"context"
	"errors"
	"os"
	"syscall"

	"github.com/isekai-run/isekai/internal/core"
)

// RotateFile gives the master file at path a new key, wraps every org's keys with it,
// and removes the older keys from the file, which makes what they have wrapped useless
// wherever a copy of it is. Before that it calls copies, which bring copies of the
// keysets up to date that are to stay useful: those beside backups. It returns how many
// keysets were wrapped anew.
//
// All processes of the installation must read this very file; where each has a copy, use
// AddMasterKey, RotateMaster and PruneMaster, and bring the file to all after the first.
//
// Breaking it off at any moment harms nothing, and repeating it goes on from there.
// conflict: another rotation of the file is running.
func (v *Vault) RotateFile(ctx context.Context, path string, copies ...func(context.Context) error) (rewrapped int, err error) {
	unlock, err := lockMaster(path)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if err := addMasterKey(path); err != nil {
		return 0, err
	}
	next, err := OpenMaster(path)
	if err != nil {
		return 0, err
	}
	if rewrapped, err = v.RotateMaster(ctx, next); err != nil {
		return rewrapped, err
	}
	for _, update := range copies {
		if err := update(ctx); err != nil {
			return rewrapped, err
		}
	}
	return rewrapped, pruneMaster(path)
}

// AddMasterKey adds a key to the master file at path, as its primary. A file that has
// several already is left as it is: its rotation hasn't ended.
func AddMasterKey(path string) error {
	unlock, err := lockMaster(path)
	if err != nil {
		return err
	}
	defer unlock()
	return addMasterKey(path)
}

// PruneMaster removes every key but the primary from the master file at path. What is
// still wrapped by another is lost: RotateMaster comes first.
func PruneMaster(path string) error {
	unlock, err := lockMaster(path)
	if err != nil {
		return err
	}
	defer unlock()
	return pruneMaster(path)
}

func addMasterKey(path string) error {
	keys, err := readMaster(path)
	if err != nil || keys.handle.Len() > 1 {
		return err
	}
	if keys, err = keys.rotated(); err != nil {
		return err
	}
	return writeMaster(path, keys, os.Rename)
}

func pruneMaster(path string) error {
	keys, err := readMaster(path)
	if err != nil || keys.handle.Len() == 1 {
		return err
	}
	if keys, err = keys.pruned(); err != nil {
		return err
	}
	return writeMaster(path, keys, os.Rename)
}

// lockMaster keeps two changes of a master file apart: one of them would be lost, and
// with it what its key has wrapped. The lock is on a file beside it, which stays, and
// ends with the process. What an earlier change left that was killed goes.
func lockMaster(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, masterFile(path, err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		if err := sweepMaster(path); err != nil {
			_ = f.Close()
			return nil, err
		}
		return func() { _ = f.Close() }, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, core.E(core.Conflict, "vault.rotate", "the master key is being rotated already").WithHint("wait until that has ended")
	}
	return nil, masterFile(path, err)
}
