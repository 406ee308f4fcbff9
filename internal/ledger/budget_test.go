package ledger_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/store"
)

// shop is an org with credits enough, whose tasks come and go.
type shop struct {
	t     *testing.T
	st    store.Store
	s     *ledger.Service
	org   core.OrgID
	told  *answers
	now   time.Time
	tasks int
}

func newShop(t *testing.T) *shop {
	w := &shop{t: t, st: openSQLite(t), org: newOrg(), told: newAnswers(), now: noon}
	w.s = newLedgerAt(t, w.st, func() time.Time { return w.now })
	grant(t, w.s, w.org, 1_000_000)
	return w
}

func (w *shop) say(task core.TaskID, version int64, p core.Payload) {
	w.t.Helper()
	if err := w.s.Handler(w.told)(context.Background(), event(w.t, w.org, task, version, p)); err != nil {
		w.t.Fatal(err)
	}
}

// begin asks for credits for a new task.
func (w *shop) begin(amount core.Credits, key core.KeyID) (core.TaskID, bool) {
	w.t.Helper()
	w.tasks++
	task := core.TaskID("tsk_" + strings.Repeat("a", w.tasks))
	w.say(task, 1, core.CreditsRequested{Amount: amount, Key: key})
	_, ok := w.told.of(task).(core.CreditsHeld)
	return task, ok
}

func (w *shop) end(task core.TaskID, held, cost core.Credits) {
	w.t.Helper()
	w.say(task, 2, core.ModelSettled{Cost: cost})
	w.say(task, 3, core.TaskFinished{Hold: held, Spent: cost})
}

func (w *shop) set(of ledger.Subject, limit core.Credits, window ledger.Window) ledger.Budget {
	w.t.Helper()
	b, err := w.s.SetBudget(context.Background(), w.org, of, limit, window)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *shop) budget(of ledger.Subject) ledger.Budget {
	w.t.Helper()
	b, err := w.s.Budget(context.Background(), w.org, of)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func TestABudgetBoundsWhatIsHeldAndUsed(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.set(ledger.OfOrg, 100, ledger.Month)
	a, ok := w.begin(60, "")
	if !ok {
		t.Fatal("the first 60 of 100 were refused")
	}
	if _, ok := w.begin(41, ""); ok {
		t.Error("101 of 100 were held")
	}
	if b := w.budget(ledger.OfOrg); b.Held != 60 || b.Left != 40 || b.Used != 0 {
		t.Errorf("%+v", b)
	}
	w.end(a, 60, 10)
	if b := w.budget(ledger.OfOrg); b.Held != 0 || b.Left != 90 || b.Used != 10 {
		t.Errorf("%+v", b)
	}
	if _, ok := w.begin(91, ""); ok {
		t.Error("101 of 100 were held")
	}
	if _, ok := w.begin(90, ""); !ok {
		t.Error("100 of 100 were refused")
	}
}

func TestEachBudgetOfATaskIsAsked(t *testing.T) {
	t.Parallel()
	for _, of := range []ledger.Subject{ledger.OfOrg, ledger.OfProject("prj_a"), ledger.OfKey("key_a"), ledger.OfTask("tsk_a")} {
		t.Run(string(of), func(t *testing.T) {
			t.Parallel()
			w := newShop(t)
			for _, other := range []ledger.Subject{ledger.OfProject("prj_b"), ledger.OfKey("key_b"), ledger.OfTask("tsk_b")} {
				w.set(other, 0, ledger.Forever) // somebody else's
			}
			w.set(of, 10, ledger.Forever)
			task, ok := w.begin(11, "key_a")
			refused, _ := w.told.of(task).(core.CreditsRefused)
			if ok || !strings.Contains(refused.Reason, string(of)) || refused.Hint == "" {
				t.Errorf("held: %t, %+v", ok, refused)
			}
			if b := balance(t, w.s, w.org); b.Held != 0 || b.Available != b.Granted {
				t.Errorf("a refused task holds something: %+v", b)
			}
		})
	}
}

func TestABudgetBeginsAnew(t *testing.T) {
	t.Parallel()
	for window, next := range map[ledger.Window]time.Duration{ledger.Day: 12 * time.Hour, ledger.Month: (8*24 + 12) * time.Hour} {
		w := newShop(t)
		w.set(ledger.OfOrg, 100, window)
		a, _ := w.begin(100, "")
		was := w.budget(ledger.OfOrg).Period
		w.now = w.now.Add(next - time.Second)
		if _, ok := w.begin(1, ""); ok {
			t.Errorf("%s: it began anew before its time", window)
		}
		w.now = w.now.Add(time.Second)
		if _, ok := w.begin(100, ""); !ok {
			t.Errorf("%s: it didn't begin anew", window)
		}
		w.end(a, 100, 70) // it belongs to the period in which it began
		b := w.budget(ledger.OfOrg)
		if b.Period == was || b.Held != 100 || b.Used != 0 {
			t.Errorf("%s: %+v after %s", window, b, was)
		}
		all := accounts(t, w.st, w.org)
		if all["~budget/org/"+was+"/used"] != 70 || all["budget/org/"+was] != 30 {
			t.Errorf("%s: %v", window, all)
		}
	}
}

// A limit that is lowered below what has gone already refuses everything until enough has
// come back; what it says then is what it says.
func TestALimitIsChanged(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.set(ledger.OfOrg, 100, ledger.Month)
	a, _ := w.begin(90, "")
	if b := w.set(ledger.OfOrg, 50, ledger.Month); b.Left != 0 || b.Held != 90 {
		t.Errorf("%+v", b)
	}
	if _, ok := w.begin(1, ""); ok {
		t.Error("91 of 50 were held")
	}
	w.end(a, 90, 30)
	if _, ok := w.begin(21, ""); ok {
		t.Error("51 of 50 were held")
	}
	if _, ok := w.begin(20, ""); !ok {
		t.Error("50 of 50 were refused")
	}
	w.set(ledger.OfOrg, 60, ledger.Month)
	if _, ok := w.begin(11, ""); ok {
		t.Error("61 of 60 were held")
	}
	if _, ok := w.begin(10, ""); !ok {
		t.Error("60 of 60 were refused")
	}
	if err := w.s.RemoveBudget(t.Context(), w.org, ledger.OfOrg); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.begin(1000, ""); !ok {
		t.Error("a budget that was removed refuses")
	}
	w.set(ledger.OfOrg, 60, ledger.Month)
	if _, ok := w.begin(1, ""); ok {
		t.Error("61 of 60 were held, after the budget was removed and set again")
	}
}

func TestBudgetsThatCantBe(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	for _, of := range []ledger.Subject{"", "org/x", "project/", "project/tsk_a", "key/../x", "user/usr_a", "task/tsk_A"} {
		if _, err := w.s.SetBudget(t.Context(), w.org, of, 1, ledger.Month); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("%q: %v", of, err)
		}
	}
	if _, err := w.s.SetBudget(t.Context(), w.org, ledger.OfOrg, -1, ledger.Month); core.CodeOf(err) != core.Invalid {
		t.Error(err)
	}
	if _, err := w.s.SetBudget(t.Context(), w.org, ledger.OfOrg, 1, "year"); core.CodeOf(err) != core.Invalid {
		t.Error(err)
	}
	if err := w.s.RemoveBudget(t.Context(), w.org, ledger.OfOrg); core.CodeOf(err) != core.NotFound {
		t.Error(err)
	}
	if _, err := w.s.Budget(t.Context(), w.org, ledger.OfOrg); core.CodeOf(err) != core.NotFound {
		t.Error(err)
	}
	w.set(ledger.OfProject("prj_a"), 5, ledger.Day)
	w.set(ledger.OfOrg, 7, ledger.Forever)
	list, err := w.s.Budgets(t.Context(), w.org)
	want := []ledger.Budget{
		{Subject: "org", Window: "none", Limit: 7, Period: "all", Left: 7},
		{Subject: "project/prj_a", Window: "day", Limit: 5, Period: "2026-11-22", Left: 5},
	}
	if diff := cmp.Diff(want, list); diff != "" || err != nil {
		t.Errorf("%s %v", diff, err)
	}
}

// TestNotices tells of each part of a budget once, however many nodes see it reached, and
// however often.
func TestNotices(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.set(ledger.OfOrg, 100, ledger.Month)
	notices := func() (percents []int) {
		events, err := w.st.ReadStream(t.Context(), w.org, ledger.NoticeStream(ledger.OfOrg, "2026-11"), 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			p, err := e.Payload()
			if err != nil {
				t.Fatal(err)
			}
			b := p.(core.BudgetReached)
			if b.Budget != "org" || b.Period != "2026-11" || b.Limit != 100 || b.Used*100 < b.Limit*core.Credits(b.Percent) {
				t.Errorf("%+v", b)
			}
			percents = append(percents, b.Percent)
		}
		return percents
	}
	for _, step := range []struct {
		cost core.Credits
		want []int
	}{{49, nil}, {1, []int{50}}, {10, []int{50}}, {40, []int{50, 80, 100}}} {
		task, ok := w.begin(step.cost, "")
		if !ok {
			t.Fatalf("%d were refused", step.cost)
		}
		if got := notices(); step.cost == 40 && len(got) != 1 {
			t.Errorf("told of what is held alone: %v", got)
		}
		var wg sync.WaitGroup
		w.say(task, 2, core.ModelSettled{Cost: step.cost})
		for range 4 {
			wg.Go(func() {
				err := w.s.Handler(w.told)(context.Background(), event(t, w.org, task, 3, core.TaskFinished{Hold: step.cost, Spent: step.cost}))
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if diff := cmp.Diff(step.want, notices()); diff != "" {
			t.Errorf("after %d more: %s", step.cost, diff)
		}
	}
}

// TestOneStepReachesAllParts: a task that uses up a budget at once, and more, tells of each
// part of it once, on both stores, though two nodes hear of its end again and again.
func TestOneStepReachesAllParts(t *testing.T) {
	t.Parallel()
	onTwoNodes(t, func(t *testing.T, nodes [2]store.Store) {
		ctx, org, told := context.Background(), newOrg(), newAnswers()
		s := [2]*ledger.Service{newLedger(t, nodes[0]), newLedger(t, nodes[1])}
		grant(t, s[0], org, 1000)
		for _, of := range []ledger.Subject{ledger.OfOrg, ledger.OfProject("prj_a"), ledger.OfKey("key_a"), ledger.OfTask("tsk_a")} {
			if _, err := s[0].SetBudget(ctx, org, of, 100, ledger.Month); err != nil {
				t.Fatal(err)
			}
		}
		const cost = 130 // more than was thought
		for i, p := range []core.Payload{core.CreditsRequested{Amount: 100, Key: "key_a"}, core.ModelSettled{Cost: cost}} {
			if err := s[0].Handler(told)(ctx, event(t, org, "tsk_a", int64(i+1), p)); err != nil {
				t.Fatal(err)
			}
		}
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				if err := s[i%2].Handler(told)(ctx, event(t, org, "tsk_a", 3, core.TaskFinished{Hold: 100, Spent: cost})); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		list, err := s[1].Budgets(ctx, org)
		if err != nil || len(list) != 4 {
			t.Fatalf("%+v: %v", list, err)
		}
		for _, b := range list {
			if b.Reached != 100 || b.Used != cost || b.Held != 0 || b.Left != 0 {
				t.Errorf("%+v", b)
			}
			events, err := nodes[1].ReadStream(ctx, org, ledger.NoticeStream(b.Subject, b.Period), 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			var percents []int
			for _, e := range events {
				p, err := e.Payload()
				if err != nil {
					t.Fatal(err)
				}
				percents = append(percents, p.(core.BudgetReached).Percent)
			}
			if diff := cmp.Diff([]int{50, 80, 100}, percents); diff != "" {
				t.Errorf("%s: %s", b.Subject, diff)
			}
		}
	})
}

func TestTheHandlerLeavesOtherEventsAlone(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	before := accounts(t, w.st, w.org)
	for i, p := range []core.Payload{
		core.TaskCreated{}, core.ModelRequested{}, core.ModelSettled{Usage: core.Usage{Input: 1000}}, core.ToolSettled{}, core.TaskFinished{}, core.BudgetReached{},
	} {
		w.say("tsk_free", int64(i+1), p)
	}
	if diff := cmp.Diff(before, accounts(t, w.st, w.org)); diff != "" {
		t.Error(diff)
	}
	if err := w.s.Handler(w.told)(t.Context(), core.Event{Org: w.org, Type: "task.dreamt", Data: []byte("{")}); err != nil {
		t.Errorf("an event of no concern: %v", err)
	}
	if err := w.s.Handler(w.told)(t.Context(), core.Event{Org: w.org, Type: "credits.requested", Data: []byte("{")}); err == nil {
		t.Error("a request that doesn't decode was taken as done")
	}
}
