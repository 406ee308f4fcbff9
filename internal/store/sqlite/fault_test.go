package sqlite_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// told is what a child says of an error.
type told struct {
	Code core.Code
	Msg  string
	Hint string
	Kept int // events, of those that were acknowledged
	Lost int
}

func tell(err error, t told) {
	if err != nil {
		t.Code, t.Msg, t.Hint = core.CodeOf(err), err.Error(), core.HintOf(err)
	}
	_ = json.NewEncoder(os.Stdout).Encode(t)
}

// openAndTell opens the store, and appends if that works.
func openAndTell(path string) {
	s, err := sqlite.Open(context.Background(), sqlite.Config{Path: path})
	if err == nil {
		_, err = s.Append(context.Background(), crashScope, store.Append{Stream: "tsk_1", Events: []store.NewEvent{{ID: "e", Type: "x.y", Data: []byte("1")}}})
	}
	tell(err, told{})
}

// fillAndTell appends on a disk of one megabyte until that fails, and counts
// what is left of what was acknowledged.
func fillAndTell(dir string) {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		tell(err, told{})
		return
	}
	ctx, path := context.Background(), filepath.Join(dir, "isekai.db")
	s, err := sqlite.Open(ctx, sqlite.Config{Path: path})
	acknowledged := 0
	for err == nil {
		_, err = s.Append(ctx, crashScope, store.Append{Stream: "tsk_1", Expected: int64(acknowledged),
			Events: []store.NewEvent{{ID: "e", Type: "x.y", Data: make([]byte, 5000)}}})
		if err == nil {
			acknowledged++
		}
	}
	kept, rerr := s.ReadStream(ctx, "org_a", "tsk_1", 0, 1000)
	if rerr != nil {
		err = rerr
	}
	tell(err, told{Kept: len(kept), Lost: acknowledged - len(kept)})
}

// child runs this binary as one of the children and returns what it told. As
// root, it runs it as nobody, whom permissions bind.
func child(t *testing.T, what, arg string, attr *syscall.SysProcAttr) told {
	t.Helper()
	binary := os.Args[0]
	if attr.Credential != nil { // which can't read the folder that go test built in
		binary = filepath.Join(openTemp(t), "child")
		in, err := os.Open(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = in.Close() }()
		out, err := os.OpenFile(binary, os.O_WRONLY|os.O_CREATE, 0o755)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(out, in)
		if e := out.Close(); err != nil || e != nil {
			t.Fatal(err, e)
		}
	}
	cmd := exec.Command(binary, arg)
	cmd.Dir, cmd.Env, cmd.SysProcAttr, cmd.Stderr = "/", append(os.Environ(), childVariable+"="+what), attr, os.Stderr
	b, err := cmd.Output()
	var got told
	if err != nil || json.Unmarshal(b, &got) != nil {
		t.Fatalf("the child says %q (%v)", b, err)
	}
	return got
}

// openTemp returns a temporary folder that everyone may enter.
func openTemp(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for p := dir; strings.HasPrefix(p, os.TempDir()+"/"); p = filepath.Dir(p) {
		if err := os.Chmod(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	attr := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		attr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	for name, prepare := range map[string]func(path string) error{
		"folder": func(path string) error { return os.Chmod(filepath.Dir(path), 0o555) },
		"file": func(path string) error {
			s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
			if err != nil {
				return err
			}
			_ = s.Close()
			return os.Chmod(path, 0o444)
		},
		"missing folder": func(path string) error {
			_ = os.Remove(filepath.Dir(path))
			return os.Chmod(filepath.Dir(filepath.Dir(path)), 0o555)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(openTemp(t), "data", "isekai.db")
			if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := prepare(path); err != nil {
				t.Fatal(err)
			}
			got := child(t, "open", path, attr)
			if got.Code != core.Denied || got.Hint == "" || !strings.Contains(got.Msg, "permission") {
				t.Errorf("%+v, want denied with a hint", got)
			}
		})
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Unshareflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		attr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}}
	}
	got := child(t, "fill", t.TempDir(), attr)
	if got.Code != core.Exhausted || got.Hint == "" || got.Kept == 0 || got.Lost != 0 {
		t.Errorf("%+v, want exhausted with a hint, some events kept and none lost", got)
	}
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "isekai.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if core.CodeOf(err) != core.Unavailable || core.HintOf(err) == "" || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("opening gives %v (hint %q)", err, core.HintOf(err))
	}
	if b, _ := os.ReadFile(path); !strings.HasPrefix(string(b), "not a database") {
		t.Error("the damaged file was changed")
	}
}

func TestDamagedPage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "isekai.db")
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	var events []store.NewEvent
	for range 200 {
		events = append(events, store.NewEvent{ID: "e", Type: "x.y", Data: make([]byte, 3000)})
	}
	if _, err := s.Append(t.Context(), crashScope, store.Append{Stream: "tsk_1", Events: events}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(b) / 4; i < len(b)*3/4; i++ {
		b[i] = 0xa5
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err = sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if err == nil {
		defer func() { _ = s.Close() }()
		_, err = s.ReadOrg(t.Context(), "org_a", 0, 1000)
	}
	if core.CodeOf(err) != core.Unavailable || core.HintOf(err) == "" {
		t.Errorf("reading gives %v", err)
	}
}

func TestNotAFile(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", t.TempDir(), "/proc/none/isekai.db"} {
		_, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
		if code := core.CodeOf(err); err == nil || code == core.Internal || path != "" && core.HintOf(err) == "" {
			t.Errorf("%q gives %v (%s, hint %q)", path, err, code, core.HintOf(err))
		}
	}
}
