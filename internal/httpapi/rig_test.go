package httpapi_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/agent/permission"
	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/repo"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/tool/remote"
)

var (
	scope     = core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_u"}}
	theirs    = core.Scope{Org: "org_b", Project: "prj_b", Actor: scope.Actor}
	neighbour = core.Scope{Org: "org_a", Project: "prj_b", Actor: scope.Actor}
)

const token = "right"

// ours is who acts in scope: its owner.
var ours = owner(scope)

func owner(s core.Scope) identity.Principal {
	return identity.Principal{Scope: s, Role: core.Owner, User: core.UserID(s.Actor.ID), Session: "ses_test"}
}

// operator is a principal who is an operator, too.
func operator(p identity.Principal) identity.Principal {
	p.Operates = true
	return p
}

// known authenticates by a list of bearer tokens.
func known(all map[string]identity.Principal) func(context.Context, identity.Credential) (identity.Principal, error) {
	return func(_ context.Context, c identity.Credential) (identity.Principal, error) {
		if p, ok := all[c.Bearer]; ok {
			return p, nil
		}
		return identity.Principal{}, core.E(core.Unauthenticated, "request", "the token isn't valid")
	}
}

// noBox is the sandbox of a host that has none.
type noBox struct{}

var errNoBox = core.E(core.Unsupported, "sandbox", "none here").WithHint("use another host")

func (noBox) Create(context.Context, core.Scope, sandbox.Spec) (sandbox.Box, error) {
	return nil, errNoBox
}
func (noBox) Sweep(context.Context) (int, error)   { return 0, nil }
func (noBox) Probe(context.Context) sandbox.Report { return sandbox.Report{} }

// rig is the API before a real store, with a task and an app of two versions.
type rig struct {
	t     testing.TB
	dir   string
	store *sqlite.Store
	hub   *notify.Hub
	tasks *agent.Service
	apps  *app.Service
	log   coretest.Output
	url   string
	api   http.Handler
	stop  context.CancelFunc // Stopping ends
	task  core.TaskID
	app   core.AppID

	books   *ledger.Service // these are the town's, if it is one
	catalog *catalog.Catalog
}

func newRig(t testing.TB, change ...func(*httpapi.Config)) *rig {
	t.Helper()
	return newRigBy(t, httpapi.New, change...)
}

// newRigBy is newRig with an API that is made in another way.
func newRigBy(t testing.TB, build func(httpapi.Config) (http.Handler, error), change ...func(*httpapi.Config)) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), app: "app_shelf"}
	dir := r.dir
	r.store = sqlitetest.Open(t, sqlite.Config{Path: filepath.Join(dir, "db")})
	blobs, err := local.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	r.hub = notify.New(notify.Config{Events: r.store, Wake: r.store.OutboxWake})
	following, unfollow := context.WithCancel(context.Background())
	followed := make(chan error, 1)
	go func() { followed <- r.hub.Run(following) }()
	t.Cleanup(func() { unfollow(); <-followed })
	logger := slog.New(slog.NewTextHandler(&r.log, nil))
	r.apps = app.New(r.store, blobs, noBox{}, app.Config{Dir: filepath.Join(dir, "apps"), Logger: logger})
	t.Cleanup(func() { _ = r.apps.Shutdown(context.Background()) })
	r.tasks = &agent.Service{Events: r.store, IDs: core.NewID}
	r.publish(dir, 0, "1")
	r.publish(dir, 1, "2")
	st, err := r.tasks.Create(t.Context(), scope, agent.NewTask{Kind: core.KindApp, Prompt: "a shelf", Model: "blueprint"})
	if err != nil {
		t.Fatal(err)
	}
	r.task = st.Task
	stopping, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	r.stop = stop
	cfg := httpapi.Config{
		Version: "test", Tasks: r.tasks, Permissions: permission.New(r.store, nil), Repositories: repo.New(repo.Config{Records: r.store, Blobs: blobs, Dir: filepath.Join(dir, "repos"), Outside: nearby{}}), Apps: r.apps, Events: r.store, Views: r.store, Blobs: blobs, Records: r.store,
		Authenticate: known(map[string]identity.Principal{
			token: ours, "theirs": owner(theirs), "neighbour": owner(neighbour),
		}),
		Model: func(_ context.Context, _ core.OrgID, asked string) (string, error) { return modelOf(asked) },
		Watch: r.hub.Watch, Feed: httpapi.Feed{Stored: r.store, Watch: r.hub.WatchOrg},
		Health: func(context.Context) client.Health {
			return client.Health{Status: "ok", Checks: []client.HealthCheck{}}
		},
		Previews: true, Stopping: stopping, Logger: logger, Callbacks: remote.NewJobs(r.store, publicURL+remote.CallbackPath),
	}
	for _, f := range change {
		f(&cfg)
	}
	r.openGateway(&cfg)
	api, err := build(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.api = api
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	t.Cleanup(stop) // before the server waits for its streams
	r.url = srv.URL
	return r
}

// modelOf fails with the code that is asked for.
func modelOf(asked string) (string, error) {
	if code, ok := strings.CutPrefix(asked, "fail-"); ok {
		if code == "plain" {
			return "", errors.New("secret cause")
		}
		if code == "panic" {
			panic("secret cause")
		}
		return "", core.E(core.Code(code), "model", "asked to fail").WithHint("don't")
	}
	return "blueprint", nil
}

func (r *rig) publish(dir string, base int, text string) {
	r.t.Helper()
	r.publishAs(scope, r.app, dir, base, text)
}

// publishFor gives an org an app of one version.
func (r *rig) publishFor(who core.Scope, id core.AppID) {
	r.t.Helper()
	r.publishAs(who, id, filepath.Join(r.dir, string(id)), 0, "1")
}

func (r *rig) publishAs(who core.Scope, id core.AppID, dir string, base int, text string) {
	r.t.Helper()
	from := filepath.Join(dir, "tree"+text)
	if err := os.MkdirAll(from, 0o700); err != nil {
		r.t.Fatal(err)
	}
	for name, content := range map[string]string{
		core.ManifestName: `{"title":"Shelf","runtime":"python","start":["python3","app.py"],"test":["python3","-m","unittest"]}`,
		"app.py":          "print(" + text + ")\n",
	} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(content), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	if _, err := r.apps.Publish(r.t.Context(), who, core.Publication{
		App: id, Base: base, Task: core.TaskID("tsk_" + text), Call: core.CallID("cal_" + text), Prompt: "p" + text, Dir: from,
	}); err != nil {
		r.t.Fatal(err)
	}
	if _, err := app.NewProjector(r.store).CatchUp(r.t.Context(), who.Org, 0); err != nil {
		r.t.Fatal(err)
	}
}

// append adds a fact to the task.
func (r *rig) append(facts ...core.Payload) {
	r.t.Helper()
	for _, p := range facts {
		st, err := r.tasks.Get(r.t.Context(), scope, r.task)
		if err != nil {
			r.t.Fatal(err)
		}
		data, err := core.EncodePayload(p)
		if err != nil {
			r.t.Fatal(err)
		}
		_, err = r.store.Append(r.t.Context(), scope, store.Append{
			Stream: r.task.Stream(), Expected: st.Version,
			Events: []store.NewEvent{{ID: core.EventID(core.NewID("evt")), Type: p.EventType(), Data: data}},
		})
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// answer is what the API said.
type answer struct {
	status  int
	header  http.Header
	body    string
	problem client.Problem
}

// do sends a request; headers are name, value pairs. Without an Authorization
// the right one is sent.
func (r *rig) do(method, path, body string, headers ...string) answer {
	r.t.Helper()
	res := r.open(method, path, body, headers...)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(b)}
	if a.status >= 400 {
		if a.problem, err = problemOf(path, a); err != nil {
			r.t.Fatalf("%s %s: %d isn't a problem: %s (%v)", method, path, a.status, b, err)
		}
	}
	return a
}

func (r *rig) open(method, path, body string, headers ...string) *http.Response {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	return res
}
