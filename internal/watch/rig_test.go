package watch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ann = core.Scope{Org: "org_a", Project: "prj_one", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_ann"}}

// rig is a Service over a real store, which watches a site over real sockets.
type rig struct {
	*watch.Service
	t     *testing.T
	cfg   watch.Config
	store *faulty
	site  *httptest.Server

	mu      sync.Mutex
	now     time.Time
	page    string
	kind    string
	status  int
	headers map[string]string
	asked   []http.Header
	told    []watch.Change
	alarms  []watch.Watch
	prompts map[string]string // by key
	refuse  error             // what Changed and Failing return
	refuseS error             // what Start returns
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), status: http.StatusOK, kind: "text/html", headers: map[string]string{}, prompts: map[string]string{}}
	r.site = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked = append(r.asked, q.Header.Clone())
		w.Header().Set("Content-Type", r.kind)
		for name, value := range r.headers {
			w.Header().Set(name, value)
		}
		if tag := r.headers["ETag"]; tag != "" && q.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.WriteHeader(r.status)
		_, _ = io.WriteString(w, r.page)
	}))
	t.Cleanup(r.site.Close)
	r.store = &faulty{Store: sqlitetest.Open(t, sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})}
	r.cfg = watch.Config{Records: r.store, Events: r.store, Terms: r.store, Fetch: fetcher{r.site.Client()}, Tell: r, Start: r, IDs: core.NewID, Log: slog.New(slog.DiscardHandler), Now: r.clock}
	r.Service = watch.New(r.cfg)
	return r
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

// set changes what the site has.
func (r *rig) set(page string) { r.do(func() { r.page = page }) }

func (r *rig) do(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// Changed implements watch.Teller.
func (r *rig) Changed(ctx context.Context, scope core.Scope, c watch.Change) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil {
		return r.refuse
	}
	if scope.Org != ann.Org || scope.Project != c.Project || scope.Actor.Kind != core.ActorSystem {
		r.t.Errorf("told for %+v", scope)
	}
	if err := (watch.Journal{Events: r.store, IDs: core.NewID}).Changed(ctx, scope, c); err != nil {
		return err
	}
	for _, had := range r.told {
		if had.ID == c.ID {
			return nil
		}
	}
	r.told = append(r.told, c)
	return nil
}

// Failing implements watch.Teller.
func (r *rig) Failing(ctx context.Context, scope core.Scope, w watch.Watch, seq int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil {
		return r.refuse
	}
	r.alarms = append(r.alarms, w)
	return watch.Journal{Events: r.store, IDs: core.NewID}.Failing(ctx, scope, w, seq)
}

// Start implements watch.Starter.
func (r *rig) Start(_ context.Context, _ core.Scope, key, prompt string) (core.TaskID, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuseS != nil {
		return "", r.refuseS
	}
	r.prompts[key] = prompt
	return core.TaskID("tsk_" + key), nil
}

func (r *rig) requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked)
}

// make makes a watch of the site.
func (r *rig) make(spec watch.Spec) watch.Watch {
	r.t.Helper()
	if spec.URL == "" {
		spec.URL = r.site.URL + "/page"
	}
	if spec.Name == "" {
		spec.Name = "the page"
	}
	if spec.Schedule == "" {
		spec.Schedule = "every 10m"
	}
	w, err := r.Create(r.t.Context(), ann, spec, "", "")
	if err != nil {
		r.t.Fatal(err)
	}
	return w
}

// round lets time pass and looks at what is due.
func (r *rig) round(pass time.Duration) int {
	r.t.Helper()
	r.do(func() { r.now = r.now.Add(pass) })
	n, err := r.Round(r.t.Context(), "node_1")
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

func (r *rig) shown(id string) watch.Watch {
	r.t.Helper()
	w, err := r.Get(r.t.Context(), ann, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return w
}

// changes returns what was told, as "before>after".
func (r *rig) changes() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, c := range r.told {
		all = append(all, c.Before+">"+c.After)
	}
	return strings.Join(all, " ")
}

// fetcher is a Fetcher over real sockets. That of the product, and where it may go, are tested
// with it: here it is about what comes of an answer.
type fetcher struct{ client *http.Client }

func (f fetcher) Fetch(ctx context.Context, q watch.Request) (watch.Page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, q.URL, nil)
	if err != nil {
		return watch.Page{}, err
	}
	if q.ETag != "" {
		req.Header.Set("If-None-Match", q.ETag)
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return watch.Page{}, core.E(core.Unavailable, "test", "no answer").Because(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	p := watch.Page{Unchanged: resp.StatusCode == http.StatusNotModified, Status: resp.StatusCode, Body: b, Text: string(b), ETag: resp.Header.Get("ETag")}
	if at, e := http.ParseTime(resp.Header.Get("Retry-After")); e == nil {
		p.Retry = at
	}
	return p, err
}

// faulty is a store whose writes fail from one on, when told so.
type faulty struct {
	*sqlite.Store
	mu     sync.Mutex
	writes int
	fail   int            // the number of the write that fails; 0: none
	before map[int]func() // what happens before a write of the number
}

var errFault = errors.New("the disk is gone")

// Write implements store.Records.
func (f *faulty) Write(ctx context.Context, org core.OrgID, changes ...store.Change) error {
	f.mu.Lock()
	f.writes++
	bad, before := f.writes == f.fail, f.before[f.writes]
	f.mu.Unlock()
	if before != nil {
		before()
	}
	if bad {
		return core.E(core.Unavailable, "test", fmt.Sprint("write ", f.fail)).Because(errFault)
	}
	return f.Store.Write(ctx, org, changes...)
}
