package gitdir_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

// git runs the real one.
func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	c := exec.Command("git", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=me", "GIT_AUTHOR_EMAIL=me@example.org",
		"GIT_COMMITTER_NAME=me", "GIT_COMMITTER_EMAIL=me@example.org")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// upstream makes a bare repository of files, with a commit for each change, and returns the
// folder that holds it as "team/project.git".
func upstream(t testing.TB, changes ...map[string]string) string {
	t.Helper()
	base := t.TempDir()
	work := filepath.Join(base, "work")
	git(t, base, "init", "-q", "-b", "main", work)
	for i, files := range changes {
		fill(t, work, files)
		git(t, work, "add", "-A", ".")
		git(t, work, "commit", "-q", "--allow-empty", "-m", "change "+string(rune('1'+i)))
	}
	bare := filepath.Join(base, "host", "team", "project.git")
	git(t, base, "clone", "-q", "--bare", work, bare)
	git(t, bare, "config", "http.receivepack", "true")
	return filepath.Join(base, "host")
}

func fill(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// overHTTP serves a folder's repositories by git's own program to who knows the password.
func overHTTP(t testing.TB, host string) gitdir.Remote {
	t.Helper()
	program := filepath.Join(git(t, host, "--exec-path"), "git-http-backend")
	h := &cgi.Handler{Path: program, Env: []string{"GIT_PROJECT_ROOT=" + host, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null", "REMOTE_USER=me"}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "git" || password != "s3cret" {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return gitdir.Remote{URL: parse(t, s.URL+"/team/project.git"), Client: s.Client(), Secret: "s3cret"}
}

func parse(t testing.TB, s string) gitdir.URL {
	t.Helper()
	u, err := gitdir.ParseURL(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// overSSH serves them by git's own programs to one key.
func overSSH(t testing.TB, host string) gitdir.Remote {
	t.Helper()
	hostKey, _ := newKey(t)
	mine, private := newKey(t)
	cfg := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(mine.PublicKey().Marshal()) {
			return nil, os.ErrPermission
		}
		return nil, nil
	}}
	cfg.AddHostKey(hostKey)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveSSH(conn, cfg, host)
		}
	}()
	return gitdir.Remote{
		URL: parse(t, "ssh://git@"+l.Addr().String()+"/team/project.git"), Key: private,
		HostKey: string(ssh.MarshalAuthorizedKey(hostKey.PublicKey())),
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
}

func newKey(t testing.TB) (ssh.Signer, []byte) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return signer, pem.EncodeToMemory(block)
}

func serveSSH(conn net.Conn, cfg *ssh.ServerConfig, host string) {
	c, channels, requests, err := ssh.NewServerConn(conn, cfg)
	if err != nil {
		_ = conn.Close()
		return
	}
	defer c.Close()
	go ssh.DiscardRequests(requests)
	for n := range channels {
		ch, requests, err := n.Accept()
		if err != nil {
			return
		}
		for r := range requests {
			if r.Type != "exec" {
				_ = r.Reply(false, nil)
				continue
			}
			_ = r.Reply(true, nil)
			command := string(r.Payload[4:])
			program, path, _ := strings.Cut(command, " ")
			cmd := exec.Command(program, filepath.Join(host, strings.Trim(path, "'")))
			cmd.Stdin, cmd.Stdout = ch, ch
			_ = cmd.Run()
			_ = ch.Close()
		}
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
