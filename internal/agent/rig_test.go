package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iter"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/agent/permission"
	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/tool"
)

var scope = core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorUser, ID: "u"}}

// rig is an installation with a real store and real blobs, and a model and
// tools that the test scripts.
type rig struct {
	t     *testing.T
	store *sqlite.Store
	blobs *local.Store
	dir   string
	model func(model.Request) (model.Answer, error)
	tools *tool.Registry
	// planner answers tasks of the model "blueprint"; nil: model does.
	planner func(model.Request) (model.Answer, error)
	tasks   agent.Service
	hub     *notify.Hub
	clock   atomic.Int64        // offset to the real time, in nanoseconds
	keep    blob.Store          // what workers keep blobs in; nil: blobs
	cost    agent.Prices        // of calls; nil: nothing
	work    store.Work          // what workers claim from; nil: store
	rules   *permission.Service // which calls may be made; nil: all
	turns   agent.Turns
	pieces  func() []string // what the model says in its work, 30 ms between them; nil: what model says
	pause   func()          // before it says that this was all; nil: it doesn't pause
	hang    bool            // it never says so
	skills  agent.Skills
	lease   time.Duration
	grace   time.Duration
	node    string        // where workers are that start: each has workspaces of its own
	stall   chan struct{} // closed by the model's first call, which then never ends by itself
}

func newRig(t *testing.T, answer func(model.Request) (model.Answer, error), tools ...tool.Tool) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), model: answer, lease: 10 * time.Second, grace: 50 * time.Millisecond}
	r.store = sqlitetest.Open(t, sqlite.Config{Path: filepath.Join(r.dir, "db"), Now: r.now})
	var err error
	if r.blobs, err = local.Open(filepath.Join(r.dir, "blobs")); err != nil {
		t.Fatal(err)
	}
	if r.tools, err = tool.NewRegistry(tools...); err != nil {
		t.Fatal(err)
	}
	r.tasks = agent.Service{Events: r.store, IDs: core.NewID}
	r.hub = notify.New(notify.Config{Events: r.store, Wake: r.store.OutboxWake})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.hub.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return r
}

func (r *rig) now() time.Time { return time.Now().Add(time.Duration(r.clock.Load())) }

// named returns the model that the test scripts, or its planner.
func (r *rig) named(_ core.Scope, _ core.TaskID, name string) (model.Model, string, error) {
	if name == agent.Blueprint && r.planner != nil {
		return &rig{model: r.planner}, name, nil
	}
	return r, "m", nil
}

// Stream implements model.Model with the script.
func (r *rig) Stream(ctx context.Context, q model.Request) iter.Seq2[model.Chunk, error] {
	return func(yield func(model.Chunk, error) bool) {
		if r.stall != nil {
			close(r.stall)
			<-ctx.Done()
			yield(model.Chunk{}, ctx.Err())
			return
		}
		if r.pieces != nil && q.Purpose == model.Work {
			for _, p := range r.pieces() {
				if !yield(model.Chunk{Text: p}, nil) {
					return
				}
				r.clock.Add(int64(30 * time.Millisecond))
			}
			if r.pause != nil {
				r.pause()
			}
			if r.hang {
				<-ctx.Done()
				yield(model.Chunk{}, ctx.Err())
				return
			}
			yield(model.Chunk{Done: true}, nil)
			return
		}
		a, err := r.model(q)
		if a.By != (model.Origin{}) && !yield(model.Chunk{By: &a.By}, nil) {
			return
		}
		if err != nil {
			if a.Text == "" || yield(model.Chunk{Text: a.Text}, nil) {
				yield(model.Chunk{}, err)
			}
			return
		}
		for i := range a.Calls {
			if !yield(model.Chunk{Call: &a.Calls[i]}, nil) {
				return
			}
		}
		yield(model.Chunk{Text: a.Text, Usage: &a.Usage, Done: true}, nil)
	}
}

// worker starts a worker on events (nil: the store) and returns what ends it.
func (r *rig) worker(name string, events store.Events) (stop func()) {
	if events == nil {
		events = r.store
	}
	var keep blob.Store = r.blobs
	if r.keep != nil {
		keep = r.keep
	}
	var work store.Work = r.store
	if r.work != nil {
		work = r.work
	}
	var may agent.Permissions
	if r.rules != nil {
		may = r.rules
	}
	w := agent.NewWorker(agent.WorkerConfig{
		Permissions: may, Turns: r.turns, Skills: r.skills,
		Name: name, Events: events, Work: work, Blobs: keep, Tools: r.tools,
		Models:  r.named,
		Changed: r.hub.Watch, Wake: r.store.WorkWake, Prices: r.cost, Dir: filepath.Join(r.dir, "work"+r.node),
		Lease: r.lease, Poll: 20 * time.Millisecond, Grace: r.grace, Now: r.now,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.Run(ctx); err != nil {
			r.t.Error(err)
		}
	}()
	return sync.OnceFunc(func() { cancel(); <-done })
}

func (r *rig) create(kind core.TaskKind, name string) core.TaskID {
	r.t.Helper()
	st, err := r.tasks.Create(r.t.Context(), scope, agent.NewTask{Kind: kind, Prompt: "do it", Model: name})
	if err != nil {
		r.t.Fatal(err)
	}
	return st.Task
}

// wait returns the task's state once it is as wanted.
func (r *rig) wait(id core.TaskID, what string, ok func(agent.State) bool) agent.State {
	r.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		st, err := r.tasks.Get(context.Background(), scope, id)
		if err != nil {
			r.t.Fatal(err)
		}
		if ok(st) {
			return st
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("the task isn't %s: %s, pending %+v", what, st.Status, st.Pending)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func over(s agent.State) bool    { return s.Finished != nil }
func waiting(s agent.State) bool { return s.Status == core.StatusWaiting }

// fn is a tool made of a function.
type fn struct {
	spec tool.Spec
	call func(context.Context, tool.Call) (tool.Result, error)
}

func (f fn) Spec() tool.Spec { return f.spec }
func (f fn) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	return f.call(ctx, c)
}

func newFn(name string, e core.Effect, call func(context.Context, tool.Call) (tool.Result, error)) fn {
	return fn{tool.Spec{
		Name: name, Version: "1", Description: "A tool of a test.", Effect: e, Timeout: 10 * time.Second,
		Schema: json.RawMessage(`{"type":"object"}`),
	}, call}
}

// builder scripts the built-in planner's way: one step that writes two files.
func builder(q model.Request) (model.Answer, error) {
	switch q.Purpose {
	case model.Plan:
		return model.Answer{Text: `{"title":"An app","steps":[{"title":"Write"}]}`}, nil
	case model.Work:
		if len(q.Messages) > 1 {
			return model.Answer{Text: "written"}, nil
		}
		return model.Answer{Calls: []core.Call{
			{ID: "1", Tool: "write", Arguments: json.RawMessage(`{"path":"a.txt","text":"alpha"}`)},
			{ID: "2", Tool: "write", Arguments: json.RawMessage(`{"path":"b.txt","text":"beta"}`)},
		}}, nil
	}
	return model.Answer{}, errors.New("not asked for")
}

// platformTools are stand-ins for the tools that plans of apps name. log
// records the effects that took place.
func platformTools(log *effects) []tool.Tool {
	return []tool.Tool{
		newFn("write", core.Idempotent, func(_ context.Context, c tool.Call) (tool.Result, error) {
			var a struct{ Path, Text string }
			if err := json.Unmarshal(c.Arguments, &a); err != nil {
				return tool.Result{}, err
			}
			log.add("write", c.ID)
			return tool.Result{Output: "ok"}, writeFile(c, a.Path, a.Text)
		}),
		newFn(agent.ToolTest, core.Pure, func(_ context.Context, c tool.Call) (tool.Result, error) {
			for name, want := range map[string]string{"a.txt": "alpha", "b.txt": "beta"} {
				if got, err := os.ReadFile(filepath.Join(c.Workspace.Dir, name)); err != nil || string(got) != want {
					return tool.Result{Evidence: &core.Evidence{Kind: "tests", Text: name + " is wrong", Failed: 1}}, nil
				}
			}
			return tool.Result{Evidence: &core.Evidence{Kind: "tests", OK: true, Text: "2 passed", Passed: 2}}, nil
		}),
		newFn(agent.ToolPublish, core.Idempotent, func(_ context.Context, c tool.Call) (tool.Result, error) {
			log.add("publish", c.ID)
			return tool.Result{Output: "published", Data: json.RawMessage(`{"version":1}`), Undo: &core.Call{Tool: "retract", Arguments: json.RawMessage(`{}`)}}, nil
		}),
		newFn(agent.ToolPreview, core.Idempotent, func(_ context.Context, c tool.Call) (tool.Result, error) {
			log.add("preview", c.ID)
			return tool.Result{Evidence: &core.Evidence{Kind: "http", OK: !log.previewFails, Text: "GET / answered"}, Undo: &core.Call{Tool: "stop", Arguments: json.RawMessage(`{}`)}}, nil
		}),
		newFn("retract", core.Idempotent, func(_ context.Context, c tool.Call) (tool.Result, error) {
			log.add("retract", c.ID)
			return tool.Result{}, nil
		}),
		newFn("stop", core.Idempotent, func(_ context.Context, c tool.Call) (tool.Result, error) {
			log.add("stop", c.ID)
			return tool.Result{}, nil
		}),
	}
}

func writeFile(c tool.Call, name, text string) error {
	return os.WriteFile(filepath.Join(c.Workspace.Dir, name), []byte(text), 0o600)
}

// effects records what took place.
type effects struct {
	mu           sync.Mutex
	list         []string
	ids          map[string]map[core.CallID]int
	previewFails bool
}

func (e *effects) add(what string, id core.CallID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, what)
	if e.ids == nil {
		e.ids = map[string]map[core.CallID]int{}
	}
	if e.ids[what] == nil {
		e.ids[what] = map[core.CallID]int{}
	}
	e.ids[what][id]++
}

func (e *effects) distinct(what string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.ids[what])
}

func (e *effects) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return fmt.Sprint(e.list)
}
