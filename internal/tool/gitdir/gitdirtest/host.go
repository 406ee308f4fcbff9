// Package gitdirtest serves repositories with the git of this machine, for tests.
//
// Tests alone import it.
package gitdirtest

import (
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
)

// Password is what HTTP asks for, of any user.
const Password = "s3cret"

// Git runs the real one in a folder, and returns what it says.
func Git(t testing.TB, dir string, args ...string) string {
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

// Upstream makes a bare repository of files, with a commit for each change, and returns the
// folder that holds it as "team/project.git".
func Upstream(t testing.TB, changes ...map[string]string) string {
	t.Helper()
	base := t.TempDir()
	work := filepath.Join(base, "work")
	Git(t, base, "init", "-q", "-b", "main", work)
	for i, files := range changes {
		Fill(t, work, files)
		Git(t, work, "add", "-A", ".")
		Git(t, work, "commit", "-q", "--allow-empty", "-m", "change "+string(rune('1'+i)))
	}
	bare := filepath.Join(base, "host", "team", "project.git")
	Git(t, base, "clone", "-q", "--bare", work, bare)
	Git(t, bare, "config", "http.receivepack", "true")
	return filepath.Join(base, "host")
}

// Fill writes files.
func Fill(t testing.TB, dir string, files map[string]string) {
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

// HTTP serves a folder's repositories by git's own program to who knows the password, at the
// URL and below.
func HTTP(t testing.TB, host string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(Handler(t, host, Password))
	t.Cleanup(s.Close)
	return s
}

// Handler is what HTTP serves, for a server that has more, to who knows a password.
func Handler(t testing.TB, host, password string) http.Handler {
	t.Helper()
	program := filepath.Join(Git(t, host, "--exec-path"), "git-http-backend")
	h := &cgi.Handler{Path: program, Env: []string{"GIT_PROJECT_ROOT=" + host, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null", "REMOTE_USER=me"}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, given, _ := r.BasicAuth(); given != password {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// SSHHost is a host that serves git over SSH to one key.
type SSHHost struct {
	Address string // HOST:PORT
	HostKey string // as in known_hosts, without the host
	Key     []byte // the private key that it lets in
}

// SSH serves a folder's repositories by git's own programs.
func SSH(t testing.TB, host string) SSHHost {
	t.Helper()
	hostKey, _ := NewKey(t)
	mine, private := NewKey(t)
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
	return SSHHost{Address: l.Addr().String(), HostKey: string(ssh.MarshalAuthorizedKey(hostKey.PublicKey())), Key: private}
}

// NewKey makes a key for SSH, and its private part in PEM.
func NewKey(t testing.TB) (ssh.Signer, []byte) {
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
