package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/tool/gitdir/gitdirtest"
)

// giteaVersion is what scripts/gitea builds.
const giteaVersion = "1.26.0"

// TestAJobFixesATest has a failing test of a real repository mended: from the repository on a real Gitea, with a
// credential that nobody is shown, to a pull request there. What reaches outside waits for a person each time. Gitea's
// API is GitHub's in what is asked for here, at another path.
func TestAJobFixesATest(t *testing.T) {
	t.Parallel()
	runs(t, "Gitea")
	fixesATest(t, newGitea(t, wrapping))
}

// newGitea starts a Gitea with files as the private repository team/project.
func newGitea(t *testing.T, files map[string]string) *codeHost {
	t.Helper()
	g := gitea{t: t, dir: t.TempDir()}
	socket := filepath.Join(g.dir, "http")
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "gitea"
			if rest, ok := strings.CutPrefix(r.In.URL.Path, "/api/v3/"); ok {
				r.Out.URL.Path, r.Out.URL.RawPath = "/api/v1/"+rest, ""
			}
		},
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}},
	}
	h := hostBehind(t, proxy)
	g.configure(h.URL, socket)
	g.does("migrate")
	said := g.does("admin", "user", "create", "--username", "team", "--random-password", "--email", "team@example.org",
		"--must-change-password=false", "--access-token", "--access-token-name", "job", "--access-token-scopes", "write:repository,write:issue,write:user")
	if h.token = regexp.MustCompile(`\b[0-9a-f]{40}\b`).FindString(said); h.token == "" {
		t.Fatalf("Gitea gives no token: %s", said)
	}
	web := start(t, g.command("web"))
	until(t, func() bool {
		c, err := net.Dial("unix", socket)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, web.said)
	if status, text := h.api(t, http.MethodPost, "/user/repos", `{"name":"project","private":true,"default_branch":"main"}`); status != http.StatusCreated {
		t.Fatalf("no repository: %d %s", status, text)
	}
	work := t.TempDir()
	gitdirtest.Fill(t, work, files)
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", "begin"}, {"push", "-q", h.URL + "/team/project.git", "main"}} {
		h.git(t, work, args...)
	}
	return h
}

// gitea is the program with a folder of its own.
type gitea struct {
	t   *testing.T
	dir string
}

func (g gitea) home() string {
	g.t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		g.t.Fatal(err)
	}
	return filepath.Join(cache, "isekai", "gitea-"+giteaVersion)
}

// configure writes its configuration: with PostgreSQL, for its SQLite needs a C compiler, and without whatever takes time.
func (g gitea) configure(root, socket string) {
	g.t.Helper()
	db, err := url.Parse(postgresCluster(g.t).Empty(g.t).MigrateURL)
	if err != nil {
		g.t.Fatal(err)
	}
	text := fmt.Sprintf(`RUN_MODE = prod
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
WORK_PATH = %s
[server]
PROTOCOL = http+unix
HTTP_ADDR = %s
ROOT_URL = %s/
DISABLE_SSH = true
OFFLINE_MODE = true
STATIC_ROOT_PATH = %s
[database]
DB_TYPE = postgres
HOST = %s:%s
NAME = %s
USER = %s
SSL_MODE = disable
[security]
INSTALL_LOCK = true
SECRET_KEY = of-this-test-alone
[log]
MODE = console
LEVEL = Warn
[actions]
ENABLED = false
[indexer]
ISSUE_INDEXER_TYPE = db
`, g.dir, socket, root, g.home(), db.Query().Get("host"), db.Query().Get("port"), strings.TrimPrefix(db.Path, "/"), db.User.Username())
	if err := os.WriteFile(filepath.Join(g.dir, "app.ini"), []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

func (g gitea) command(args ...string) *exec.Cmd {
	g.t.Helper()
	c := exec.Command(filepath.Join(g.home(), "gitea"), append([]string{"--config", filepath.Join(g.dir, "app.ini"), "--work-path", g.dir}, args...)...)
	c.Env = []string{"HOME=" + g.dir, "PATH=" + os.Getenv("PATH")}
	return c
}

func (g gitea) does(args ...string) string {
	g.t.Helper()
	out, err := g.command(args...).CombinedOutput()
	if err != nil {
		g.t.Fatalf("gitea %q: %v (make gitea builds it)\n%s", args, err, out)
	}
	return string(out)
}
