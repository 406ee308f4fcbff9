package e2e

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool/gitdir/gitdirtest"
	"github.com/isekai-run/isekai/internal/tool/github/githubtest"
)

// codeHost is where a project's code is, by TLS: a git server, and the API of GitHub.
type codeHost struct {
	*httptest.Server
	token string
	trust string // the file with its certificate
}

// newCodeHost serves files as the repository team/project.
func newCodeHost(t *testing.T, files map[string]string) *codeHost {
	t.Helper()
	repositories, token := gitdirtest.Upstream(t, files), "forge-token-"+core.NewID("x")
	forge := githubtest.New(githubtest.Config{Repository: "team/project", Token: token, Site: "https://forge.test", Has: func(branch string) bool {
		return slices.Contains(strings.Fields(gitdirtest.Git(t, filepath.Join(repositories, "team/project.git"), "branch", "--format=%(refname:short)")), branch)
	}})
	mux := http.NewServeMux()
	mux.Handle("/api/v3/", http.StripPrefix("/api/v3", forge))
	mux.Handle("/team/", gitdirtest.Handler(t, repositories, token))
	h := hostBehind(t, mux)
	h.token = token
	return h
}

// hostBehind is a host that answers as h does.
func hostBehind(t *testing.T, handler http.Handler) *codeHost {
	t.Helper()
	h := &codeHost{Server: httptest.NewTLSServer(handler), trust: filepath.Join(t.TempDir(), "host.pem")}
	t.Cleanup(h.Close)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw})
	if err := os.WriteFile(h.trust, cert, 0o644); err != nil {
		t.Fatal(err)
	}
	return h
}

// reached are the settings by which an installation may reach the host.
func (h *codeHost) reached() []string {
	return []string{"SSL_CERT_FILE=" + h.trust, "ISEKAI_EGRESS_ALLOW=" + h.address()}
}

// has gives the project the host's repository, and a credential for it. It returns what the command line said.
func (j *job) has(h *codeHost, name string) string {
	j.t.Helper()
	if _, err := j.PutSecret(j.t.Context(), "forge", false, client.NewSecret{Kind: "token", Value: h.token, Hosts: []string{h.address()}}, ""); err != nil {
		j.t.Fatal(err)
	}
	return j.does("repo", "add", name, h.URL+"/team/project.git", "--credential", "forge")
}

// address is HOST:PORT.
func (h *codeHost) address() string { return strings.TrimPrefix(h.URL, "https://") }

// api makes a request to the host's API, with the token.
func (h *codeHost) api(t *testing.T, method, path, body string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.URL+"/api/v3"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.token)
	r.Header.Set("Content-Type", "application/json")
	res, err := h.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// pulls asks the host for its open pull requests.
func (h *codeHost) pulls(t *testing.T) []map[string]any {
	t.Helper()
	status, text := h.api(t, http.MethodGet, "/repos/team/project/pulls", "")
	var all []map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s: %v", status, text, err)
	}
	return all
}

// branches asks the git server.
func (h *codeHost) branches(t *testing.T) []string {
	t.Helper()
	var all []string
	for line := range strings.Lines(h.git(t, ".", "ls-remote", "--heads", h.URL+"/team/project.git")) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), "refs/heads/")
		all = append(all, name)
	}
	return all
}

// git runs the real one with the host's password. It takes any certificate: the environment may name others to trust.
func (h *codeHost) git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	login := base64.StdEncoding.EncodeToString([]byte("me:" + h.token))
	return gitdirtest.Git(t, dir, append([]string{"-c", "http.sslVerify=false", "-c", "http.extraHeader=Authorization: Basic " + login}, args...)...)
}

// tests runs the tests of a branch as it is on the host, and returns what they say.
func (h *codeHost) tests(t *testing.T, branch string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	h.git(t, dir, "clone", "-q", "--branch", branch, h.URL+"/team/project.git", "checkout")
	c := exec.CommandContext(t.Context(), "go", "test", "./...")
	c.Dir, c.Env = filepath.Join(dir, "checkout"), append(os.Environ(), "GOPROXY=off", "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	out, err := c.CombinedOutput()
	return string(out), err
}

// storesNone fails if a file below a folder holds a text.
func storesNone(t *testing.T, dir, secret string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), secret) {
			t.Errorf("%s holds the credential", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
