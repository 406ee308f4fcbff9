package ledger_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/store"
)

// ended is the event that ends a hold.
func ended(t fataler, org core.OrgID, id core.HoldID, spent core.Credits) core.Event {
	return event(t, org, core.TaskID(id), 9, core.HoldEnded{Key: "key_a", Charged: true, Spent: spent})
}

// A hold is added to and given back from; each posting is once, however often it comes.
func TestHold(t *testing.T) {
	t.Parallel()
	ctx, org := context.Background(), newOrg()
	s := newLedger(t, openSQLite(t))
	grant(t, s, org, 100)
	for of, limit := range map[ledger.Subject]core.Credits{ledger.OfOrg: 90, ledger.OfProject("prj_a"): 80, ledger.OfKey("key_a"): 70} {
		if _, err := s.SetBudget(ctx, org, of, limit, ledger.Day); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		name   string
		n      int
		key    core.KeyID
		amount core.Credits
		code   core.Code
		says   string
		held   core.Credits
	}{
		{"more than the key's budget", 1, "key_a", 71, core.Exhausted, "the budget key/key_a/2026-11-22 has no 0.000071 credits left for this call", 0},
		{"the first", 1, "key_a", 60, "", "", 60},
		{"the same again", 1, "key_a", 60, "", "", 60},
		{"another in its place", 1, "key_a", 61, core.Conflict, "has ended", 60},
		{"more", 2, "key_a", 10, "", "", 70},
		{"more than is left", 3, "key_a", 1, core.Exhausted, "the budget key/", 70},
		{"some goes back", 3, "key_a", -30, "", "", 40},
		{"the same again", 3, "key_a", -30, "", "", 40},
		{"and comes once more", 4, "key_a", 30, "", "", 70},
		{"nothing", 5, "key_a", 0, core.Invalid, "", 70},
		{"too much", 5, "key_a", core.MaxCredits + 1, core.Invalid, "", 70},
		{"the zeroth", 0, "key_a", 1, core.Invalid, "", 70},
	} {
		err := s.Hold(ctx, org, core.SetAside{ID: "hld_a", N: step.n, Project: "prj_a", Key: step.key, Amount: step.amount})
		if core.CodeOf(err) != step.code || err != nil && !strings.Contains(err.Error(), step.says) {
			t.Errorf("%s: %v", step.name, err)
		}
		if b := balance(t, s, org); b.Held != step.held || b.Available != 100-step.held {
			t.Errorf("%s: %+v", step.name, b)
		}
	}
	if err := s.Hold(ctx, org, core.SetAside{ID: "hld_b", N: 1, Project: "prj_b", Amount: 21}); core.CodeOf(err) != core.Exhausted || !strings.Contains(err.Error(), "the budget org/") {
		t.Errorf("another project's: %v", err)
	}
	handle := s.Handler(nil)
	for _, e := range []core.Event{
		ended(t, org, "hld_a", 50), // before its calls are heard of, and each twice
		event(t, org, "hld_a", 2, core.CallsMetered{Cost: 20, Calls: make([]core.MeteredCalls, 3)}),
		event(t, org, "hld_a", 1, core.CallsMetered{Cost: 30}),
		event(t, org, "hld_a", 1, core.CallsMetered{Cost: 30}),
		ended(t, org, "hld_a", 50),
	} {
		if err := handle(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	if b, want := balance(t, s, org), (ledger.Balance{Available: 50, Spent: 50, Granted: 100}); b != want {
		t.Errorf("%+v, want %+v", b, want)
	}
	budgets, err := s.Budgets(ctx, org)
	if err != nil || len(budgets) != 3 {
		t.Fatal(budgets, err)
	}
	for _, b := range budgets {
		if b.Used != 50 || b.Held != 0 || b.Left != b.Limit-50 {
			t.Errorf("%+v", b)
		}
	}
}

// Once a hold has ended nothing can be added to it, though a node that hasn't heard tries:
// neither first nor next, in whatever order that comes.
func TestAHoldThatHasEnded(t *testing.T) {
	t.Parallel()
	for posted := range 3 {
		ctx, org := context.Background(), newOrg()
		st := openSQLite(t)
		s := newLedger(t, st)
		grant(t, s, org, 100)
		for n := 1; n <= posted; n++ {
			if err := s.Hold(ctx, org, core.SetAside{ID: "hld_a", N: n, Project: "prj_a", Amount: 10}); err != nil {
				t.Fatal(err)
			}
		}
		handle := s.Handler(nil)
		for range 2 {
			if err := handle(ctx, ended(t, org, "hld_a", 0)); err != nil {
				t.Fatal(err)
			}
			for _, amount := range []core.Credits{10, -1} {
				err := s.Hold(ctx, org, core.SetAside{ID: "hld_a", N: posted + 1, Project: "prj_a", Amount: amount})
				if core.CodeOf(err) != core.Conflict {
					t.Errorf("%d more after %d postings: %v", amount, posted, err)
				}
			}
		}
		if b := balance(t, s, org); b != (ledger.Balance{Available: 100, Granted: 100}) {
			t.Errorf("after %d postings %+v", posted, b)
		}
	}
}

// slowHold is held up before it posts to a hold, for as long as the other is ended.
type slowHold struct {
	store.Store
	meanwhile func()
}

func (s *slowHold) Post(ctx context.Context, org core.OrgID, p ...store.Posting) ([]bool, error) {
	if p[0].Kind == "hold" {
		s.meanwhile()
	}
	return s.Store.Post(ctx, org, p...)
}

// A posting that was on its way when its hold was ended isn't made.
func TestAHoldEndsWhileItIsAddedTo(t *testing.T) {
	t.Parallel()
	ctx, org := context.Background(), newOrg()
	st := openSQLite(t)
	s := newLedger(t, st)
	grant(t, s, org, 100)
	late := newLedger(t, &slowHold{st, func() {
		if err := s.Handler(nil)(ctx, ended(t, org, "hld_a", 0)); err != nil {
			t.Error(err)
		}
	}})
	err := late.Hold(ctx, org, core.SetAside{ID: "hld_a", N: 1, Project: "prj_a", Amount: 10})
	if b := balance(t, s, org); core.CodeOf(err) != core.Conflict || b != (ledger.Balance{Available: 100, Granted: 100}) {
		t.Errorf("%v, %+v", err, b)
	}
}

// A hold is of the budgets that held when it began. Others want another one.
func TestAHoldAndOtherBudgets(t *testing.T) {
	t.Parallel()
	ctx, org := context.Background(), newOrg()
	st := openSQLite(t)
	now := noon
	s := newLedgerAt(t, st, func() time.Time { return now })
	grant(t, s, org, 1000)
	add := func(id core.HoldID, n int, amount core.Credits) core.Code {
		return core.CodeOf(s.Hold(ctx, org, core.SetAside{ID: id, N: n, Project: "prj_a", Key: "key_a", Amount: amount}))
	}
	set := func(limit core.Credits) {
		if _, err := s.SetBudget(ctx, org, ledger.OfKey("key_a"), limit, ledger.Day); err != nil {
			t.Fatal(err)
		}
	}
	if code := add("hld_a", 1, 10); code != "" {
		t.Fatal(code)
	}
	set(100)
	if code := add("hld_a", 2, 10); code != core.Conflict {
		t.Errorf("after a budget was set: %q", code)
	}
	if code := add("hld_b", 1, 100); code != "" {
		t.Errorf("a hold in the budget: %q", code)
	}
	set(110)
	if code := add("hld_b", 2, 10); code != "" {
		t.Errorf("after the budget was raised: %q", code)
	}
	now = now.AddDate(0, 0, 1)
	if code := add("hld_b", 3, 10); code != core.Conflict {
		t.Errorf("on another day: %q", code)
	}
	if code := add("hld_b", 3, -20); code != "" {
		t.Errorf("what goes back on another day: %q", code)
	}
	if code := add("hld_c", 1, 110); code != "" {
		t.Errorf("a hold of that day: %q", code)
	}
}

// What was used though its hold had ended is noted in budgets whether they have it or not,
// and taken where it is.
func TestALateHold(t *testing.T) {
	t.Parallel()
	for name, granted := range map[string]core.Credits{"covered": 100, "not covered": 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, org := context.Background(), newOrg()
			s := newLedger(t, openSQLite(t))
			grant(t, s, org, granted)
			if _, err := s.SetBudget(ctx, org, ledger.OfOrg, 5, ledger.Month); err != nil {
				t.Fatal(err)
			}
			h := core.SetAside{ID: "hld_a", N: 1, Project: "prj_a", Amount: 30, Late: true}
			for range 2 {
				if err := s.Hold(ctx, org, h); err != nil {
					t.Fatal(err)
				}
			}
			handle := s.Handler(nil)
			for range 2 {
				for _, e := range []core.Event{event(t, org, "hld_a", 1, core.CallsMetered{Cost: 30}), ended(t, org, "hld_a", 30)} {
					if err := handle(ctx, e); err != nil {
						t.Fatal(err)
					}
				}
			}
			want := ledger.Balance{Available: max(granted-30, 0), Spent: 30, Granted: granted, WrittenOff: max(30-granted, 0)}
			if b := balance(t, s, org); b != want {
				t.Errorf("%+v, want %+v", b, want)
			}
			if b, err := s.Budget(ctx, org, ledger.OfOrg); err != nil || b.Used != 30 || b.Held != 0 || b.Reached != 100 {
				t.Errorf("%+v: %v", b, err)
			}
			if err := s.Hold(ctx, org, core.SetAside{ID: "hld_b", N: 1, Project: "prj_a", Amount: 1}); core.CodeOf(err) != core.Exhausted {
				t.Errorf("beyond the budget: %v", err)
			}
			if _, err := s.SetBudget(ctx, org, ledger.OfOrg, 31, ledger.Month); err != nil {
				t.Fatal(err)
			}
			if granted < 30 {
				return
			}
			if err := s.Hold(ctx, org, core.SetAside{ID: "hld_b", N: 1, Project: "prj_a", Amount: 1}); err != nil {
				t.Errorf("within it: %v", err)
			}
			if err := s.Hold(ctx, org, core.SetAside{ID: "hld_b", N: 2, Project: "prj_a", Amount: 1}); core.CodeOf(err) != core.Exhausted {
				t.Errorf("beyond it again: %v", err)
			}
		})
	}
}
