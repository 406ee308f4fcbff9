package httpapi

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// clock is a time that only tests move. Safe for concurrent use.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func openStore(t *testing.T, now func() time.Time) *sqlite.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db"), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// TestClaims: who asks first has the claim; another waits, and then doesn't know; when the
// claim has run out the key is free, and the answer that comes too late isn't kept.
func TestClaims(t *testing.T) {
	t.Parallel()
	c := newClock()
	st := openStore(t, c.now)
	node := func() *answers {
		a := newAnswers(st)
		a.now = c.now
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
	c.pass(time.Minute + time.Second)
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
	c.pass(answerLife)
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
