package gitdir_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/isekai-run/isekai/internal/tool/gitdir"
	"github.com/isekai-run/isekai/internal/tool/gitdir/gitdirtest"
)

var (
	git      = gitdirtest.Git
	upstream = gitdirtest.Upstream
	fill     = gitdirtest.Fill
	newKey   = gitdirtest.NewKey
)

func overHTTP(t testing.TB, host string) gitdir.Remote {
	t.Helper()
	s := gitdirtest.HTTP(t, host)
	return gitdir.Remote{URL: parse(t, s.URL+"/team/project.git"), Client: s.Client(), Secret: gitdirtest.Password}
}

func parse(t testing.TB, s string) gitdir.URL {
	t.Helper()
	u, err := gitdir.ParseURL(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func overSSH(t testing.TB, host string) gitdir.Remote {
	t.Helper()
	h := gitdirtest.SSH(t, host)
	return gitdir.Remote{
		URL: parse(t, "ssh://git@"+h.Address+"/team/project.git"), Key: h.Key, HostKey: h.HostKey,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
}

func open(t testing.TB, limits gitdir.Limits) *gitdir.Dir {
	t.Helper()
	d, err := gitdir.Open(filepath.Join(t.TempDir(), "git"), limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// workspace returns a folder and its root.
func workspace(t testing.TB) (string, *os.Root) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return dir, root
}
