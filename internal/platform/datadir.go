package platform

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/core"
)

// DataDir is the folder with everything that is kept, locked for one process.
type DataDir struct {
	Path string
	lock *os.File
}

const (
	lockName   = "lock"
	serverName = "server.json"
)

// errBusy is in the chain of the error of a data directory that is locked.
var errBusy = errors.New("locked")

// OpenDataDir makes the folder if it isn't there, locks it, and returns it. The
// lock ends with the process, however that ends. Errors: conflict (another
// process holds it; Busy(err) is true), denied (it can't be written).
func OpenDataDir(path string) (*DataDir, error) {
	const op = "data directory"
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, core.E(core.Invalid, op, path).Because(err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, diskError(op, abs, err)
	}
	f, err := os.OpenFile(filepath.Join(abs, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, diskError(op, abs, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, core.E(core.Conflict, op, abs+" is in use by another isekai").Because(errBusy).
			WithHint("stop that one, or choose another folder with --data-dir; isekai app list and the like talk to the one that runs")
	}
	d := &DataDir{Path: abs, lock: f}
	// What a killed process announced is no more: something else may be there.
	if err := d.withdraw(); err != nil {
		return nil, errors.Join(diskError(op, abs, err), f.Close())
	}
	return d, nil
}

// withdraw removes the announcement, if there is one.
func (d *DataDir) withdraw() error {
	if err := os.Remove(d.Join(serverName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Busy reports whether err says that another process holds the data directory.
func Busy(err error) bool { return errors.Is(err, errBusy) }

// diskError translates what the file system says.
func diskError(op, path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		return core.E(core.Denied, op, "can't write to "+path).Because(err).
			WithHint("give this user write access to it, or choose another folder with --data-dir or ISEKAI_DATA_DIR")
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return core.E(core.Exhausted, op, "the disk that holds "+path+" is full").Because(err).WithHint("free some space; nothing that was accepted is lost")
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, fs.ErrExist):
		return core.E(core.Invalid, op, path+" isn't a folder").WithHint("choose a folder with --data-dir")
	}
	return core.E(core.Unavailable, op, "can't use "+path).Because(err)
}

// Join returns a path below the folder.
func (d *DataDir) Join(elem ...string) string {
	return filepath.Join(append([]string{d.Path}, elem...)...)
}

// Close gives the folder back, and withdraws the announcement.
func (d *DataDir) Close() error {
	return errors.Join(d.withdraw(), d.lock.Close())
}

// Server says how to reach the process that holds a data directory.
type Server struct {
	URL   string `json:"url"`
	Token string `json:"token"` // proves that its bearer may read the data directory
	PID   int    `json:"pid"`
}

// Announce writes how to reach this process, readable by this user alone.
func (d *DataDir) Announce(url, token string) error {
	b, err := json.Marshal(Server{URL: url, Token: token, PID: os.Getpid()})
	if err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	tmp := d.Join(serverName + ".tmp")
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return diskError("announce", d.Path, err)
	}
	if err := os.Rename(tmp, d.Join(serverName)); err != nil {
		return diskError("announce", d.Path, err)
	}
	return nil
}

// FindServer returns how to reach the process that holds the data directory at
// path; ok is false if none announces itself there.
func FindServer(path string) (s Server, ok bool) {
	b, err := os.ReadFile(filepath.Join(path, serverName))
	if err != nil || json.Unmarshal(b, &s) != nil || s.URL == "" {
		return Server{}, false
	}
	return s, true
}

// newToken returns 256 random bits in base 64.
func newToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// sameToken compares in constant time.
func sameToken(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
