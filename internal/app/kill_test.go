package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// The environment of a child process that kills itself.
const (
	killDir = "ISEKAI_TEST_KILL_DIR"
	killAt  = "ISEKAI_TEST_KILL_AT"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		doomed(dir)
		return
	}
	os.Exit(m.Run())
}

const killApp core.AppID = "app_kill"

// installation is a data directory with the real drivers on it.
type installation struct {
	store  *sqlite.Store
	blobs  *local.Store
	driver *ns.Driver
}

func open(ctx context.Context, dir string) (installation, error) {
	var i installation
	var errs [3]error
	i.store, errs[0] = sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
	i.blobs, errs[1] = local.Open(filepath.Join(dir, "blobs"))
	i.driver, errs[2] = ns.New(ns.Config{RunDir: filepath.Join(dir, "run")})
	return i, errors.Join(errs[:]...)
}

// doomed is the child: it runs the saga and dies by SIGKILL before or after a
// certain call of a port.
func doomed(dir string) {
	i, err := open(context.Background(), dir)
	if err != nil {
		panic(err)
	}
	at, err := strconv.ParseInt(os.Getenv(killAt), 10, 64)
	if err != nil {
		panic(err)
	}
	m := &meter{deadly: true}
	m.failAt.Store(at)
	s := New(faultyStore{i.store, m}, faultyBlobs{i.blobs, m}, faultyDriver{i.driver, m}, Config{Dir: filepath.Join(dir, "apps")})
	g, err := newSaga(s, killScope(), killApp, 0, filepath.Join(dir, "src"))
	if err != nil || !g.forward(context.Background()) {
		panic(fmt.Sprint("the saga failed: ", err))
	}
	_, _ = os.Stdout.WriteString("through\n")
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // with the app running
}

func killScope() core.Scope {
	return core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_1"}}
}

// TestKilled: the platform is killed at points all along the saga, with the real
// drivers. Nothing of it runs on, and the next start sweeps, and then repeats
// the saga to its end: one version, one app that answers.
func TestKilled(t *testing.T) {
	t.Parallel()
	stride := int64(6)
	if testing.Short() {
		stride = 18
	}
	for at, through := int64(1), false; !through; at += stride {
		through = killedAt(t, at)
		if through && at < 15 {
			t.Fatalf("only %d points were met", at)
		}
	}
}

func killedAt(t *testing.T, at int64) (through bool) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "src"), os.DirFS("testdata/web")); err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), killDir+"="+dir, killAt+"="+strconv.FormatInt(at, 10))
	out, err := child.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child wasn't killed at %d: %v\n%s", at, err, out)
	}
	i, err := open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = errors.Join(i.store.Close(), i.blobs.Close(), i.driver.Close()) }()
	s := New(i.store, i.blobs, i.driver, Config{Dir: filepath.Join(dir, "apps")})
	defer func() {
		if err := s.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	if _, err := i.driver.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Sweep(t.Context()), restore(t.Context(), s)); err != nil {
		t.Fatal(err)
	}
	eventually(t, fmt.Sprintf("killed at %d, no process uses the folder", at), func() bool { return users(dir) == 0 })
	st, err := s.Get(t.Context(), killScope(), killApp)
	if whole := err == nil && len(st.Versions) == 1; !whole && core.CodeOf(err) != core.NotFound {
		t.Fatalf("killed at %d, the app is %+v, %v", at, st.effective(), err)
	}
	g, err := newSaga(s, killScope(), killApp, 0, filepath.Join(dir, "src"))
	if err != nil || !g.forward(t.Context()) {
		t.Fatalf("killed at %d, the saga can't be repeated: %v", at, err)
	}
	if st, err = s.Get(t.Context(), killScope(), killApp); err != nil || len(st.Versions) != 1 || st.Started != 1 {
		t.Fatalf("killed at %d, the app became %+v, %v", at, st.effective(), err)
	}
	return strings.Contains(string(out), "through")
}

// users counts the processes, besides this one, that have a file system from
// below dir mounted: those of a box that shows it.
func users(dir string) int {
	n := 0
	mounts, _ := filepath.Glob("/proc/[0-9]*/mountinfo")
	for _, m := range mounts {
		if b, err := os.ReadFile(m); err == nil && bytes.Contains(b, []byte(dir+"/apps/")) {
			n++
		}
	}
	return n
}
