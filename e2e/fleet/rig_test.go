package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/tool"
)

// cluster is the PostgreSQL of all tests; in short mode there is none.
var cluster *pgtest.Cluster

func TestMain(m *testing.M) { os.Exit(pgtest.Beside(m, &cluster).Run()) }

// patience bounds every wait for a condition: long, for a machine under load.
const patience = time.Minute

// driver is a store as it comes, with its wake-ups.
type driver interface {
	store.Store
	store.Waker
}

// onEach runs a test on every store; now is its clock, nil the real one.
func onEach(t *testing.T, test func(t *testing.T, open func(now func() time.Time) *fleet)) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T, func() time.Time) driver{
		"SQLite": func(t *testing.T, now func() time.Time) driver {
			return sqlitetest.Open(t, sqlite.Config{Now: now})
		},
		"PostgreSQL": func(t *testing.T, now func() time.Time) driver {
			if cluster == nil {
				t.Skip("runs PostgreSQL")
			}
			cfg := cluster.Database(t)
			cfg.Now = now
			return pgtest.Open(t, cfg)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, func(now func() time.Time) *fleet { return newFleet(t, open(t, now), now) })
		})
	}
}

// fleet is an installation with an API that takes an org's name for a token, and as
// many workers as a test starts.
type fleet struct {
	t     *testing.T
	store driver
	hub   *notify.Hub
	tasks *agent.Service
	now   func() time.Time // of the store; nil: the real time
	dir   string
	url   string
}

func newFleet(t *testing.T, st driver, now func() time.Time) *fleet {
	t.Helper()
	f := &fleet{
		t: t, store: st, now: now, dir: t.TempDir(), tasks: &agent.Service{Events: st, IDs: core.NewID},
		hub: notify.New(notify.Config{Events: st, Wake: st.OutboxWake}),
	}
	f.background(f.hub.Run)
	api, err := httpapi.New(httpapi.Config{
		Version: "test", Tasks: f.tasks, Events: st, Views: st, Blobs: f.blobs(), Watch: f.hub.Watch,
		Authenticate: func(_ context.Context, c identity.Credential) (identity.Principal, error) {
			return identity.Principal{Scope: scopeOf(core.OrgID(c.Bearer)), Role: core.Member}, nil
		},
		Records:  st,
		Model:    func(context.Context, core.OrgID, string) (string, error) { return "scripted", nil },
		Health:   func(context.Context) client.Health { return client.Health{} },
		Stopping: t.Context(),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func scopeOf(org core.OrgID) core.Scope {
	return core.Scope{Org: org, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "ann"}}
}

// background runs f until the function that is returned is called, at the latest at the
// test's end.
func (f *fleet) background(run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			f.t.Error(err)
		}
	})
	f.t.Cleanup(stop)
	return stop
}

func (f *fleet) blobs() *local.Store {
	f.t.Helper()
	b, err := local.Open(filepath.Join(f.dir, "blobs"))
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// work starts a worker that claims from work and has these tools; change is applied to
// its configuration.
func (f *fleet) work(name string, work store.Work, change func(*agent.WorkerConfig), tools ...tool.Tool) (stop func()) {
	f.t.Helper()
	registry, err := tool.NewRegistry(tools...)
	if err != nil {
		f.t.Fatal(err)
	}
	cfg := agent.WorkerConfig{
		Name: name, Events: f.store, Work: work, Blobs: f.blobs(), Tools: registry,
		Models:  func(core.Scope, core.TaskID, string) (model.Model, string, error) { return script{}, "scripted", nil },
		Changed: f.hub.Watch, Wake: f.store.WorkWake, Dir: filepath.Join(f.dir, name), Now: f.now,
	}
	change(&cfg)
	return f.background(agent.NewWorker(cfg).Run)
}

// as is the API for an org's people.
func (f *fleet) as(org core.OrgID) *client.Client { return client.New(f.url, string(org), nil) }

// create creates a task of an org.
func (f *fleet) create(org core.OrgID, prompt string) core.TaskID {
	f.t.Helper()
	d, err := f.as(org).CreateTask(f.t.Context(), client.NewTask{Kind: core.KindTask, Prompt: prompt}, "")
	if err != nil {
		f.t.Fatal(err)
	}
	return d.ID
}

// ended waits for a task's end.
func (f *fleet) ended(org core.OrgID, id core.TaskID) client.TaskDetail {
	f.t.Helper()
	var d client.TaskDetail
	f.until(func() bool {
		var err error
		if d, err = f.as(org).Task(f.t.Context(), id); err != nil {
			f.t.Fatal(err)
		}
		return d.Status.Terminal()
	}, func() string { return fmt.Sprintf("%+v", d) })
	return d
}

// until waits for a condition, and fails the test with what say returns when it doesn't
// come.
func (f *fleet) until(condition func() bool, say func() string) {
	f.t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("it never came: %s", say())
		}
	}
}

// story reads a task's stream.
func (f *fleet) story(org core.OrgID, id core.TaskID) []core.Event {
	f.t.Helper()
	events, err := f.store.ReadStream(f.t.Context(), org, id.Stream(), 0, 1000)
	if err != nil {
		f.t.Fatal(err)
	}
	return events
}

// script is a model without a delay: a plan of one step, which calls the tool "act" if
// the prompt says so.
type script struct{}

// Stream implements model.Model.
func (script) Stream(_ context.Context, q model.Request) iter.Seq2[model.Chunk, error] {
	return func(yield func(model.Chunk, error) bool) {
		chunk := model.Chunk{Done: true, Usage: &core.Usage{}}
		switch {
		case q.Purpose == model.Plan:
			chunk.Text = `{"title":"Do it","steps":[{"title":"Do it"}]}`
		case q.Purpose == model.Judge:
			chunk.Text = `{"verdict":"SUCCESS","reason":"it is done"}`
		case len(q.Messages) == 1 && len(q.Tools) > 0:
			if !yield(model.Chunk{Call: &core.Call{ID: "x", Tool: "act", Arguments: json.RawMessage(`{}`)}}, nil) {
				return
			}
		default:
			chunk.Text = "done"
		}
		yield(chunk, nil)
	}
}

// act is the tool of the fleet's tasks.
type act struct {
	effect core.Effect
	call   func(context.Context) error
}

// Spec implements tool.Tool.
func (a act) Spec() tool.Spec {
	return tool.Spec{
		Name: "act", Version: "1", Description: "Acts.", Effect: a.effect, Timeout: time.Hour, Bare: true,
		Schema: json.RawMessage(`{"type":"object"}`),
	}
}

// Call implements tool.Tool.
func (a act) Call(ctx context.Context, _ tool.Call) (tool.Result, error) {
	return tool.Result{Output: "acted"}, a.call(ctx)
}
