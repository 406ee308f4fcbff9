package cli_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/isekai-run/isekai/internal/agent/permission"
	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress/hosts"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/ledger"
	memsqlite "github.com/isekai-run/isekai/internal/memory/sqlite"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog/probe"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/platform"
	"github.com/isekai-run/isekai/internal/recall"
	"github.com/isekai-run/isekai/internal/redact"
	"github.com/isekai-run/isekai/internal/repo"
	"github.com/isekai-run/isekai/internal/skill"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/gitdir/gitdirtest"
	"github.com/isekai-run/isekai/internal/vault/credential"
	"github.com/isekai-run/isekai/internal/watch"
	"github.com/isekai-run/isekai/skills"
)

const localToken = "of-the-data-directory"

// TestMain lets scripts run isekai as a process of its own, whose own data directory is
// held by the server at ISEKAI_TEST_URL.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"isekai": func() {
		stdio := cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
		os.Exit(cli.Main(context.Background(), neighbour{url: os.Getenv("ISEKAI_TEST_URL")}, stdio, os.Args[1:]))
	}})
}

// neighbour is a Platform of which a server runs.
type neighbour struct {
	cli.Instance
	url string
}

func (n neighbour) Load(string, map[string]any) (cli.Instance, error) { return n, nil }
func (neighbour) Version() cli.Version                                { return cli.Version{} }
func (neighbour) NewMasterKey(string) error                           { return nil }
func (neighbour) IssueNode(r cli.NodeRequest) (cli.IssuedNode, error) {
	return platform.New().IssueNode(r)
}
func (neighbour) ReadPDF(in io.Reader, out io.Writer) error { return platform.New().ReadPDF(in, out) }
func (neighbour) Embed(ctx context.Context, dir string, texts []string) (cli.Embeddings, error) {
	return platform.New().Embed(ctx, dir, texts)
}
func (n neighbour) Connect(context.Context, cli.Mode) (*cli.Conn, error) {
	return &cli.Conn{Client: client.New(n.url, localToken, nil), URL: n.url, Close: func() error { return nil }}, nil
}

// TestScripts are what people do, from the first start on.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			url, setup := serve(t)
			e.Setenv("ISEKAI_TEST_URL", url)
			e.Setenv("ISEKAI_TEST_MODELS", serveModels(t))
			e.Setenv("ISEKAI_TEST_PEER", servePeer(t))
			e.Setenv("ISEKAI_TEST_HOOK", serveHook(t))
			e.Setenv("ISEKAI_TEST_FORGE", gitdirtest.HTTP(t, gitdirtest.Upstream(t, map[string]string{
				"a": "1", "skills/table/SKILL.md": "---\nname: table\ndescription: Reads tables, and is used when somebody asks for what is in one.\n---\n\nLook at each column.\n",
			})).URL)
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config"))
			return os.WriteFile(filepath.Join(e.WorkDir, "setup"), []byte(setup+"\ncorrect horse battery\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"set": set, "mode": mode, "edit": edit},
	})
}

// forge is the way out to the git host of the tests, whose credential is named forge.
type forge struct{}

func (forge) Client() *http.Client { return http.DefaultClient }
func (forge) Authorize(context.Context, tool.Call, string, string, *http.Request) error {
	return core.E(core.Unsupported, "forge", "nothing to authorize")
}

func (forge) Credential(_ context.Context, _ tool.Call, _, name, _ string) (tool.Credential, error) {
	if name != "forge" {
		return tool.Credential{}, core.E(core.NotFound, "forge", "the project has no credential "+name)
	}
	return tool.Credential{Secret: gitdirtest.Password}, nil
}

// set takes a field of the JSON that was printed last as a variable: set ID id. Lists have
// places: set ID items.0.id.
func set(ts *testscript.TestScript, _ bool, args []string) {
	var v map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
	s, _ := field(v, strings.Split(args[1], ".")).(string)
	if s == "" {
		ts.Fatalf("no %s in it", args[1])
	}
	ts.Setenv(args[0], s)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(s+"\n"), 0o600))
}

// field is what a path leads to, by names and places in lists: items.0.id.
func field(v any, path []string) any {
	if len(path) == 0 {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		return field(v[path[0]], path[1:])
	case []any:
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(v) {
			return field(v[i], path[1:])
		}
	}
	return nil
}

// mode checks a file's: mode FILE -rw-------.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := info.Mode().String(); got != args[1] {
		ts.Fatalf("%s has the mode %s", args[0], got)
	}
}

// serve runs the real services before a real store, and returns where, and the token of
// the first start's link.
func serve(t *testing.T) (url, setup string) {
	t.Helper()
	st := sqlitetest.Open(t, sqlite.Config{})
	blobs := must(local.Open(filepath.Join(t.TempDir(), "blobs")))(t)
	t.Cleanup(func() { _ = blobs.Close() })
	log := auditlog.New(auditlog.Config{Events: st, Stored: st, Records: st})
	ids := must(identity.New(identity.Config{
		Records: st, Quotas: st, Hashing: identity.Hashing{Memory: 64, Time: 1, Threads: 1},
		Audit: func(ctx context.Context, e identity.Event) {
			_ = log.Record(ctx, e.Org, auditlog.Entry{Action: e.Action, Actor: e.Actor, Target: e.Target, Detail: e.Detail}) // what is missing fails a script
		},
	}))(t)
	secrets := must(credential.New(credential.Config{Records: st, Terms: st}))(t)
	files := must(local.Open(filepath.Join(t.TempDir(), "blobs")))(t)
	t.Cleanup(func() { _ = files.Close() })
	index := must(memsqlite.Open(t.Context(), filepath.Join(t.TempDir(), "memory.db")))(t)
	t.Cleanup(func() { _ = index.Close() })
	t.Cleanup(func() { _ = secrets.Shutdown(context.Background()) })
	repos := repo.New(repo.Config{Records: st, Blobs: must(local.Open(t.TempDir()))(t), Dir: t.TempDir(), Outside: forge{}})
	api := must(httpapi.New(httpapi.Config{
		Permissions: permission.New(st, time.Now), Repositories: repos, Events: st, Views: st, Records: st, Stopping: context.Background(),
		Health: func(context.Context) client.Health {
			return client.Health{Model: "blueprint", Checks: []client.HealthCheck{}}
		},
		Authenticate: func(ctx context.Context, c identity.Credential) (identity.Principal, error) {
			if c.Bearer == localToken {
				return identity.Local(), nil
			}
			return ids.Authenticate(ctx, c)
		},
		Accounts: httpapi.Accounts{
			Identity: ids, Ledger: must(ledger.New(ledger.Config{Books: st, Records: st, Events: st, IDs: core.NewID}))(t),
			Shares: st, Audit: log, Secrets: secrets, Redact: redact.NewService(redact.ServiceConfig{Records: st}), Egress: hosts.New(st), URL: "http://localhost",
			Watches: watch.New(watch.Config{Records: st, Events: st, Terms: st, IDs: core.NewID}),
			Models:  must(catalog.New(catalog.Config{Records: st}))(t),
			Skills:  must(skill.New(skill.Config{Records: st, Blobs: blobs, Dir: filepath.Join(t.TempDir(), "skills"), Shipped: skills.Files}))(t),
			Memory:  must(recall.New(recall.Config{Records: st, Blobs: files, Index: index, Orgs: st.KeysetOrgs, Terms: st}))(t),
			MCP:     newMCP(t, st),
			Notify:  notify.NewService(notify.ServiceConfig{Events: st, Records: st, HTTP: &http.Client{}, People: ids, AllowHTTP: true}),
			ModelTester: probe.New(probe.Config{
				Way: func(*catalog.Provider) http.RoundTripper { return &http.Transport{DisableKeepAlives: true} },
				Secret: func(context.Context, core.Scope, *catalog.Provider) (catalog.Secret, error) {
					return catalog.Secret{}, nil
				},
			}),
		},
	}))(t)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	setup, _, err := ids.Setup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1), setup
}

// serveModels is a provider with two models, and returns where.
func serveModels(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Model string }
		_ = json.NewDecoder(r.Body).Decode(&asked) // a list has no body
		switch r.URL.Path + " " + asked.Model {
		case "/v1/models ":
			_, _ = io.WriteString(w, `{"data":[{"id":"small"},{"id":"embed-1"}]}`)
		case "/v1/chat/completions small":
			_, _ = io.WriteString(w, `{"choices":[]}`)
		case "/v1/embeddings embed-1":
			_, _ = io.WriteString(w, `{"data":[]}`)
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"error":{"message":"no such model"}}`)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// serveHook is an endpoint that takes all messages but those for /gone, and returns where.
func serveHook(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(map[bool]int{true: http.StatusGone, false: http.StatusNoContent}[r.URL.Path == "/gone"])
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
