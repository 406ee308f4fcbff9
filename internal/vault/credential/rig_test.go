package credential_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/vault/credential"
	"github.com/isekai-run/isekai/internal/vault/vaulttest"
)

const (
	orgA, orgB core.OrgID = "org_a", "org_b"
	session               = "ses_ann"
	redirect              = "https://isekai.example/v1/connections/finish"
)

func newClock() *coretest.Clock { return coretest.At(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) }

// book is an audit log, and whatever else is written.
type book struct {
	mu     sync.Mutex
	events []credential.Event
	full   error
	logs   bytes.Buffer
}

func (b *book) record(_ context.Context, e credential.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full == nil {
		b.events = append(b.events, e)
	}
	return b.full
}

// Write implements io.Writer, for logs.
func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.logs.Write(p)
}

func (b *book) refuse(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.full = err
}

// of returns the events of an action.
func (b *book) of(action string) []credential.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.events), func(e credential.Event) bool { return e.Action != action })
}

func (b *book) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.logs.String()
}

// rig is an installation with a provider.
type rig struct {
	*credential.Service // of the first node
	dir                 string
	open                func() store.Store // as a process has it
	st                  store.Store        // the driver
	sealed              store.Store        // as the first node has it
	clock               *coretest.Clock
	book                *book
	authority           *authority
}

// newRig is a rig on SQLite.
func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{dir: t.TempDir(), clock: newClock()}
	return r.on(t, sqlitetest.Open(t, sqlite.Config{Path: filepath.Join(r.dir, "isekai.db"), Now: r.clock.Now}))
}

// newPostgres is a rig on PostgreSQL.
func newPostgres(t testing.TB) *rig {
	t.Helper()
	r := &rig{clock: newClock()}
	cfg := cluster.Database(t)
	cfg.Now = r.clock.Now
	return r.on(t, pgtest.Open(t, cfg))
}

// both runs a test on SQLite, and unless tests are to be quick on PostgreSQL.
func both(t *testing.T, test func(t *testing.T, r *rig)) {
	for name, open := range map[string]func(testing.TB) *rig{"sqlite": newRig, "postgres": newPostgres} {
		if name == "postgres" && cluster == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func (r *rig) on(t testing.TB, st store.Store) *rig {
	r.st, r.open, r.book, r.authority = st, vaulttest.Seal(t, st), &book{}, newAuthority(t, redirect)
	r.authority.now = r.clock.Now
	r.sealed = r.open()
	r.Service = r.node(t, func(c *credential.Config) { c.Records, c.Terms = r.sealed, r.sealed })
	return r
}

// node starts another process of the installation, which change may make different.
func (r *rig) node(t testing.TB, change func(*credential.Config)) *credential.Service {
	t.Helper()
	st := r.open()
	transport := &http.Transport{MaxIdleConnsPerHost: 4}
	cfg := credential.Config{
		Records: st, Terms: st, Now: r.clock.Now, Log: slog.New(slog.NewTextHandler(r.book, nil)), Audit: r.book.record,
		Providers: []credential.Provider{r.authority.provider()}, HTTP: &http.Client{Transport: transport}, Redirect: redirect,
		Patience: time.Minute,
	}
	if change != nil {
		change(&cfg)
	}
	s, err := credential.New(cfg)
	ok(t, err)
	t.Cleanup(func() {
		ok(t, s.Shutdown(context.Background()))
		transport.CloseIdleConnections()
	})
	return s
}

// connect connects the org's strict provider.
func (r *rig) connect(t testing.TB, scope core.Scope) credential.Credential {
	t.Helper()
	at, err := r.Begin(t.Context(), scope, session, credential.Begin{Provider: "strict"})
	ok(t, err)
	c, err := r.Finish(t.Context(), scope, session, agree(t, at))
	ok(t, err)
	return c
}

// use uses the connection.
func use(t testing.TB, s *credential.Service, f credential.For) credential.Value {
	t.Helper()
	v, err := s.Use(t.Context(), ann(orgA), "strict", f)
	ok(t, err)
	return v
}

// wantGood fails the test unless the provider's API takes the value.
func (r *rig) wantGood(t testing.TB, v credential.Value) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.authority.URL+"/api", nil)
	ok(t, err)
	ok(t, v.Authorize(req))
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	ok(t, err)
	ok(t, resp.Body.Close())
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the provider's API answers %d to token %d", resp.StatusCode, v.Version)
	}
}

// count is how many records of a kind there are.
func (r *rig) count(t testing.TB, org core.OrgID, kind string) int {
	t.Helper()
	found, err := r.st.Records(t.Context(), org, kind, "", "", 1000)
	ok(t, err)
	return len(found)
}

func ann(org core.OrgID) core.Scope {
	return core.Scope{Org: org, Project: "prj_one", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_ann"}}
}

func in(scope core.Scope, project core.ProjectID) core.Scope {
	scope.Project = project
	return scope
}

func tokenOf(text string) *credential.Content {
	return &credential.Content{Secret: credential.NewSecret(text)}
}

func put(t testing.TB, s *credential.Service, scope core.Scope, p credential.Put) credential.Credential {
	t.Helper()
	c, err := s.Put(t.Context(), scope, p)
	ok(t, err)
	return c
}

// seen are records that tell when credentials are listed.
type seen struct {
	kept
	tell func()
}

type kept = store.Records

func (s seen) Records(ctx context.Context, org core.OrgID, kind, prefix, after string, limit int) ([]store.Record, error) {
	if kind == "credential" {
		s.tell()
	}
	return s.kept.Records(ctx, org, kind, prefix, after, limit)
}

// until waits for a condition.
func until(t testing.TB, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never came")
		}
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, what string, err error, code core.Code) {
	t.Helper()
	if core.CodeOf(err) != code {
		t.Fatalf("%s: error %v has code %q, want %q", what, err, core.CodeOf(err), code)
	}
	if code != "" && core.HintOf(err) == "" && code != core.NotFound && code != core.Internal {
		t.Errorf("%s: %v has no hint", what, err)
	}
}
