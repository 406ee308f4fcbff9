package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

func newClock() *coretest.Clock { return coretest.At(time.Now()) }

func openStore(t *testing.T, now func() time.Time) *sqlite.Store {
	t.Helper()
	return sqlitetest.Open(t, sqlite.Config{Now: now})
}

// TestClaims: who asks first has the claim; another waits, and then doesn't know; when the
// claim has run out the key is free, and the answer that comes too late isn't kept.
func TestClaims(t *testing.T) {
	t.Parallel()
	c := newClock()
	st := openStore(t, c.Now)
	node := func() *answers {
		a := newAnswers(st)
		a.now = c.Now
		return a
	}
	one, two := node(), node()
	at, asked := place{"org_a", "user/u/k"}, []byte("asked")
	ctx := t.Context()
	_, mine, err := one.begin(ctx, at, asked, time.Minute, 0, false)
	if err != nil || mine == nil {
		t.Fatal(err)
	}
	for name, a := range map[string]*answers{"this node": one, "another": two} {
		if k, other, err := a.begin(ctx, at, asked, time.Minute, 0, false); core.CodeOf(err) != core.Conflict || k != nil || other != nil {
			t.Errorf("%s: %v %v %v", name, k, other, err)
		}
		if _, _, err := a.begin(ctx, at, []byte("else"), time.Minute, 0, true); core.CodeOf(err) != core.Invalid {
			t.Errorf("%s, for another request: %v", name, err)
		}
	}
	c.Advance(time.Minute + time.Second)
	_, theirs, err := two.begin(ctx, at, asked, time.Minute, 0, false)
	if err != nil || theirs == nil {
		t.Fatalf("the key isn't free: %v", err)
	}
	if err := mine.give(ctx, kept{Status: 201, Body: []byte("late")}); err == nil {
		t.Error("an answer that came too late is kept")
	}
	if err := theirs.give(ctx, kept{Status: 201, Body: []byte("in time")}); err != nil {
		t.Error(err)
	}
	for name, a := range map[string]*answers{"this node": one, "another": two} {
		if k, _, err := a.begin(ctx, at, asked, time.Minute, 0, false); err != nil || k == nil || string(k.Body) != "in time" {
			t.Errorf("%s: %v %v", name, k, err)
		}
	}
	c.Advance(answerLife)
	if _, again, err := one.begin(ctx, at, asked, time.Minute, 0, false); err != nil || again == nil {
		t.Errorf("after a day: %v", err)
	}
	if len(two.active) != 0 {
		t.Errorf("%d are left", len(two.active))
	}
}

// TestAClaimIsTakenOver if what it is for may be done twice; who had it keeps nothing.
func TestAClaimIsTakenOver(t *testing.T) {
	t.Parallel()
	st := openStore(t, nil)
	one, two := newAnswers(st), newAnswers(st)
	at, asked := place{"org_a", "user/u/k"}, []byte("asked")
	ctx := t.Context()
	_, dead, err := one.begin(ctx, at, asked, time.Minute, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := one.begin(ctx, at, asked, time.Minute, 0, true); core.CodeOf(err) != core.Conflict {
		t.Errorf("from the node that is at work: %v", err)
	}
	_, heir, err := two.begin(ctx, at, asked, time.Minute, 0, true)
	if err != nil || heir == nil {
		t.Fatal(err)
	}
	if err := dead.free(ctx); core.CodeOf(err) != core.Conflict {
		t.Errorf("the one before frees it: %v", err)
	}
	if err := heir.free(ctx); err != nil {
		t.Error(err)
	}
	if _, next, err := one.begin(ctx, at, asked, time.Minute, 0, false); err != nil || next == nil {
		t.Errorf("a key that was freed: %v", err)
	}
}

// lossy commits the first write and says that the caller has gone, as a network may.
type lossy struct {
	records
	lost bool
}

type records = store.Records

func (l *lossy) Write(ctx context.Context, org core.OrgID, changes ...store.Change) error {
	err := l.records.Write(ctx, org, changes...)
	if err == nil && !l.lost {
		l.lost = true
		return core.E(core.Canceled, "store.write", "canceled")
	}
	return err
}

// TestAClaimWhoseAnswerIsLost is nobody's: nothing was done, and nobody is at it.
func TestAClaimWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	a := newAnswers(&lossy{records: openStore(t, nil)})
	at := place{"org_a", "user/u/k"}
	if _, _, err := a.begin(t.Context(), at, []byte("asked"), time.Hour, 0, false); core.CodeOf(err) != core.Canceled {
		t.Fatal(err)
	}
	if _, c, err := a.begin(t.Context(), at, []byte("asked"), time.Hour, 0, false); err != nil || c == nil {
		t.Errorf("the repeat: %v", err)
	}
}

// TestALongCreationIsKept, although it takes longer than an answer may take to be sent.
func TestALongCreationIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mux := http.NewServeMux()
		s := &server{
			api: humago.New(mux, huma.DefaultConfig("t", "1")), waiting: usualPatience, answers: newAnswers(openStore(t, time.Now)),
			cfg: Config{Logger: slog.New(slog.DiscardHandler), Authenticate: func(context.Context, identity.Credential) (identity.Principal, error) { return identity.Local(), nil }},
		}
		s.api.UseMiddleware(s.bound, s.authenticate)
		done := 0
		handle(s, identity.Operate, huma.Operation{OperationID: "take-backup", Method: "POST", Path: "/b", DefaultStatus: 201},
			func(context.Context, core.Scope, *struct{}) (*live, error) {
				time.Sleep(sendTime + time.Second)
				done++
				return &live{}, nil
			})
		for range 2 {
			r := httptest.NewRequest("POST", "/b", strings.NewReader(""))
			r.Header.Set("Authorization", "Bearer x")
			r.Header.Set(onceHeader, "k")
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, &request{})))
			if w.Code != 201 || done != 1 {
				t.Errorf("%d %s, done %d times", w.Code, w.Body, done)
			}
		}
	})
}
