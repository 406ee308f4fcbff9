package platform

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/core"
)

func TestADataDirectoryHasOneHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b")
	for range 3 {
		d, err := OpenDataDir(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenDataDir(path); core.CodeOf(err) != core.Conflict || !Busy(err) || core.HintOf(err) == "" {
			t.Fatalf("a second holder: %v", err)
		}
		if err := d.Announce("http://x", "t"); err != nil {
			t.Fatal(err)
		}
		s, ok := FindServer(path)
		if !ok || s.URL != "http://x" || s.Token != "t" || s.PID != os.Getpid() {
			t.Fatalf("%+v", s)
		}
		if info, err := os.Stat(filepath.Join(path, serverName)); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("others may read the token: %v, %v", info, err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if _, ok := FindServer(path); ok {
			t.Fatal("the announcement stays")
		}
	}
}

// TestAStaleAnnouncementGoes: whoever holds the folder next isn't that server.
func TestAStaleAnnouncementGoes(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, serverName), []byte(`{"url":"http://gone","token":"t"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := OpenDataDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if s, ok := FindServer(path); ok {
		t.Errorf("%+v", s)
	}
}

func TestADataDirectoryThatIsAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDataDir(path); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
		t.Errorf("%v", err)
	}
}

func TestDiskErrors(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]core.Code{
		fs.ErrPermission: core.Denied, unix.EROFS: core.Denied, unix.ENOSPC: core.Exhausted, unix.EDQUOT: core.Exhausted,
		unix.ENOTDIR: core.Invalid, errors.New("x"): core.Unavailable,
	} {
		if got := diskError("op", "/p", &fs.PathError{Err: err}); core.CodeOf(got) != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	a, b := newToken(), newToken()
	if a == b || len(a) != 43 || !sameToken(a, a) || sameToken(a, b) || sameToken("", "") {
		t.Errorf("%s, %s", a, b)
	}
}
