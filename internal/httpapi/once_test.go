package httpapi_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/store"
)

const wish = `{"kind":"app","prompt":"a shelf"}`

// tasks returns how many tasks an org has.
func (r *rig) tasksOf(org core.OrgID) int {
	r.t.Helper()
	if _, err := agent.NewProjector(r.store).CatchUp(r.t.Context(), org, 0); err != nil {
		r.t.Fatal(err)
	}
	page, err := r.store.List(r.t.Context(), org, agent.View, store.Query{Limit: store.MaxLimit})
	if err != nil {
		r.t.Fatal(err)
	}
	return len(page.Rows)
}

// Test200IdenticalCreations with one Idempotency-Key, at once: one task, which all are
// told of.
func Test200IdenticalCreations(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	before := r.tasksOf(scope.Org)
	var wg sync.WaitGroup
	answers := make([]answer, 200)
	for i := range answers {
		wg.Go(func() { answers[i] = r.do("POST", "/v1/tasks", wish, "Idempotency-Key", "one") })
	}
	wg.Wait()
	first := 0
	for i, a := range answers {
		if a.status != 201 || a.body != answers[0].body || a.header.Get("ETag") != `"1"` || a.header.Get("Content-Type") != "application/json" {
			t.Fatalf("%d: %d %v %s", i, a.status, a.header, a.body)
		}
		if a.header.Get("Idempotency-Replayed") == "" {
			first++
		}
	}
	if made := r.tasksOf(scope.Org) - before; first != 1 || made != 1 {
		t.Errorf("%d answers were the first, of %d tasks", first, made)
	}
}

// TestAKeyIsForOneRequest of one principal.
func TestAKeyIsForOneRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.do("POST", "/v1/tasks", wish, "Idempotency-Key", "k")
	if first.status != 201 || first.header.Get("Idempotency-Replayed") != "" {
		t.Fatalf("%d %v", first.status, first.header)
	}
	for name, c := range map[string]struct{ path, body string }{
		"another body":  {"/v1/tasks", `{"kind":"app","prompt":"a table"}`},
		"another form":  {"/v1/tasks", ` ` + wish},
		"another route": {"/v1/apps/" + string(r.app) + "/changes", `{"prompt":"a shelf"}`},
	} {
		if a := r.do("POST", c.path, c.body, "Idempotency-Key", "k"); a.status != 422 || a.problem.Hint == "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for _, who := range []string{"theirs", "neighbour"} {
		a := r.do("POST", "/v1/tasks", wish, "Idempotency-Key", "k", "Authorization", "Bearer "+who)
		if who == "theirs" && (a.status != 201 || a.body == first.body || a.header.Get("Idempotency-Replayed") != "") {
			t.Errorf("%s: %d %s", who, a.status, a.body)
		}
		if who == "neighbour" && a.status != 422 { // the same person, in another project
			t.Errorf("%s: %d %s", who, a.status, a.body)
		}
	}
	for _, key := range []string{"", strings.Repeat("k", 201), "a\tb", "ä"} {
		if a := r.do("POST", "/v1/tasks", wish, "Idempotency-Key", key); a.status != 422 {
			t.Errorf("the key %q: %d %s", key, a.status, a.body)
		}
	}
	if again := r.do("POST", "/v1/tasks", wish, "Idempotency-Key", "k"); again.body != first.body || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%d %v %s", again.status, again.header, again.body)
	}
	if free := r.do("POST", "/v1/tasks", wish); free.status != 201 || free.body == first.body {
		t.Errorf("without a key: %d %s", free.status, free.body)
	}
}

// TestWhatPassesIsTriedAgain: an answer that another try may not have isn't kept; one that
// it would have is.
func TestWhatPassesIsTriedAgain(t *testing.T) {
	t.Parallel()
	for code, kept := range map[core.Code]bool{
		core.Internal: false, core.Unavailable: false, core.Exhausted: false, core.Canceled: false, core.Conflict: false, core.Unsupported: false,
		core.Invalid: true, core.NotFound: true, core.Denied: true, "panic": false,
	} {
		var asked atomic.Int64
		r := newRig(t, func(cfg *httpapi.Config) {
			cfg.Model = func(context.Context, core.OrgID, string) (string, error) {
				if asked.Add(1) == 1 {
					return modelOf("fail-" + string(code))
				}
				return "blueprint", nil
			}
		})
		a := r.do("POST", "/v1/tasks", wish, "Idempotency-Key", "k")
		b := r.do("POST", "/v1/tasks", wish, "Idempotency-Key", "k")
		if a.status < 400 || kept != (b.status == a.status) || kept != (b.header.Get("Idempotency-Replayed") == "true") || !kept && b.status != 201 {
			t.Errorf("%s: %d, then %d %s", code, a.status, b.status, b.body)
		}
		if kept && b.body != a.body {
			t.Errorf("%s: %s, then %s", code, a.body, b.body)
		}
	}
}

// TestANodeThatDiesWithARequest: its repeat, elsewhere, finds what was done, and there is
// one task.
func TestANodeThatDiesWithARequest(t *testing.T) {
	t.Parallel()
	arrived, die := make(chan struct{}), make(chan struct{})
	var other *httptest.Server
	var first atomic.Bool
	r := newRig(t, func(cfg *httpapi.Config) {
		second, err := httpapi.New(*cfg)
		if err != nil {
			t.Fatal(err)
		}
		other = httptest.NewServer(second)
		cfg.Model = func(context.Context, core.OrgID, string) (string, error) {
			if first.CompareAndSwap(false, true) {
				close(arrived)
				<-die
			}
			return "blueprint", nil
		}
	})
	t.Cleanup(other.Close)
	late := make(chan answer, 1)
	go func() { late <- r.do("POST", "/v1/tasks", wish, "Idempotency-Key", "k") }()
	<-arrived
	before := r.tasksOf(scope.Org)
	two := &rig{t: t, url: other.URL}
	a := two.do("POST", "/v1/tasks", wish, "Idempotency-Key", "k")
	if a.status != 201 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	close(die) // it wasn't dead after all
	if b := <-late; b.status != 201 || b.body != a.body {
		t.Errorf("%d %s, and %s", b.status, b.body, a.body)
	}
	if again := two.do("POST", "/v1/tasks", wish, "Idempotency-Key", "k"); again.body != a.body || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%d %s", again.status, again.body)
	}
	if made := r.tasksOf(scope.Org) - before; made != 1 {
		t.Errorf("%d tasks", made)
	}
}

// TestASecretIsShownOnce: not by a repeat either, and it isn't kept.
func TestASecretIsShownOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	access := w.access("olga")
	const body = `{"name":"k","scopes":["tasks:read"]}`
	a := w.do("POST", "/v1/me/keys", body, "Idempotency-Key", "k", "Authorization", "Bearer "+access)
	b := w.do("POST", "/v1/me/keys", body, "Idempotency-Key", "k", "Authorization", "Bearer "+access)
	if a.status != 201 || !strings.Contains(a.body, "isk_") || b.status != 409 || strings.Contains(b.body, "isk_") || b.problem.Hint == "" {
		t.Errorf("%d %s, then %d %s", a.status, a.body, b.status, b.body)
	}
	if keys := must(w.olga.MyKeys(t.Context(), client.PageOptions{}))(t); len(keys.Items) != 1 {
		t.Errorf("%d keys", len(keys.Items))
	}
	kept, err := w.store.Records(t.Context(), core.DefaultOrg, "idempotency", "", "", 10)
	if err != nil || len(kept) != 1 || strings.Contains(string(kept[0].Data), "isk_") || time.Until(kept[0].Expires) > 24*time.Hour {
		t.Errorf("%+v, %v", kept, err)
	}
}

// TestEveryCreationTakesAKey, and says so.
func TestEveryCreationTakesAKey(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	seen := 0
	for _, o := range w.document().routes {
		_, creates := o.Responses["201"]
		takes := false
		for _, p := range o.Parameters {
			takes = takes || p.Name == "Idempotency-Key" && p.In == "header"
		}
		if creates && !o.open() && !takes {
			t.Errorf("%s takes no Idempotency-Key", o.ID)
		}
		if takes {
			seen++
		}
	}
	if seen < 12 {
		t.Errorf("only %d routes take one", seen)
	}
}

// TestABodyThatFailsIsNothingToKeep: the key is as good as it was.
func TestABodyThatFailsIsNothingToKeep(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if a := r.do("POST", "/v1/tasks", `{"kind":"app","prompt":"`+strings.Repeat("x", 300<<10)+`"}`, "Idempotency-Key", "k"); a.status != 413 {
		t.Errorf("%d %s", a.status, a.body)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := client.New(r.url, token, nil).CreateTask(ctx, client.NewTask{Kind: core.KindApp, Prompt: "x"}, "k"); core.CodeOf(err) != core.Canceled {
		t.Error(err)
	}
	if a := r.do("POST", "/v1/tasks", wish, "Idempotency-Key", "k"); a.status != 201 {
		t.Errorf("%d %s", a.status, a.body)
	}
}
