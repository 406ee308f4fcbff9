package ledger_test

import (
	"context"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/store"
)

func TestCommands(t *testing.T) {
	t.Parallel()
	ctx, org := context.Background(), newOrg()
	st := openSQLite(t)
	s := newLedger(t, st)
	type command func(context.Context, core.OrgID, ledger.Command) (bool, error)
	for _, step := range []struct {
		name   string
		do     command
		id     string
		amount core.Credits
		made   bool
		code   core.Code
		want   ledger.Balance
	}{
		{"grant", s.Grant, "a", 100, true, "", ledger.Balance{Available: 100, Granted: 100}},
		{"the same grant", s.Grant, "a", 100, false, "", ledger.Balance{Available: 100, Granted: 100}},
		{"the same id, another amount", s.Grant, "a", 101, false, core.Conflict, ledger.Balance{Available: 100, Granted: 100}},
		{"another grant", s.Grant, "b", 50, true, "", ledger.Balance{Available: 150, Granted: 150}},
		{"another kind with the same id", s.Adjust, "a", 10, true, "", ledger.Balance{Available: 160, Granted: 160}},
		{"adjust down", s.Adjust, "c", -60, true, "", ledger.Balance{Available: 100, Granted: 100}},
		{"the other way, the same id", s.Adjust, "c", 60, false, core.Conflict, ledger.Balance{Available: 100, Granted: 100}},
		{"adjust below zero", s.Adjust, "d", -101, false, core.Exhausted, ledger.Balance{Available: 100, Granted: 100}},
		{"refund what nobody spent", s.Refund, "e", 1, false, core.Exhausted, ledger.Balance{Available: 100, Granted: 100}},
		{"expire", s.Expire, "f", 30, true, "", ledger.Balance{Available: 70, Granted: 70}},
		{"the same expiry", s.Expire, "f", 30, false, "", ledger.Balance{Available: 70, Granted: 70}},
		{"another expiry, the same id", s.Expire, "f", 31, false, core.Conflict, ledger.Balance{Available: 70, Granted: 70}},
		{"expire more than there is", s.Expire, "g", 1000, true, "", ledger.Balance{}},
		{"so much once more", s.Expire, "g", 1000, false, "", ledger.Balance{}},
		{"less, the same id", s.Expire, "g", 30, false, core.Conflict, ledger.Balance{}},
		{"expire when there is nothing", s.Expire, "h", 5, false, "", ledger.Balance{}},
		{"grant nothing", s.Grant, "i", 0, false, core.Invalid, ledger.Balance{}},
		{"grant less", s.Grant, "j", -1, false, core.Invalid, ledger.Balance{}},
		{"grant too much", s.Grant, "k", core.MaxCredits + 1, false, core.Invalid, ledger.Balance{}},
		{"no id", s.Grant, "", 1, false, core.Invalid, ledger.Balance{}},
		{"a long id", s.Grant, strings.Repeat("x", 300), 1, false, core.Invalid, ledger.Balance{}},
	} {
		made, err := step.do(ctx, org, ledger.Command{ID: step.id, Amount: step.amount, Note: step.name})
		if made != step.made || core.CodeOf(err) != step.code {
			t.Errorf("%s: made %t, %v", step.name, made, err)
		}
		if step.code == core.Conflict && core.HintOf(err) == "" {
			t.Errorf("%s: no hint", step.name)
		}
		if b := balance(t, s, org); b != step.want {
			t.Errorf("%s: %+v, want %+v", step.name, b, step.want)
		}
	}
	list, err := s.Entries(ctx, org, store.EntryQuery{Account: "available", Limit: 2})
	if err != nil || len(list) != 2 || list[0].Kind != "grant" || list[0].Note != "grant" || list[1].Balance != 150 {
		t.Errorf("entries: %+v, %v", list, err)
	}
	if b := balance(t, s, newOrg()); b != (ledger.Balance{}) {
		t.Errorf("another org has %+v", b)
	}
}

// What is spent can be refunded, and no more.
func TestRefund(t *testing.T) {
	t.Parallel()
	ctx, org := context.Background(), newOrg()
	s := newLedger(t, openSQLite(t))
	grant(t, s, org, 100)
	handle := s.Handler(newAnswers())
	for i, p := range []core.Payload{core.CreditsRequested{Amount: 80}, core.ModelSettled{Cost: 50}, core.TaskFinished{Hold: 80, Spent: 50}} {
		if err := handle(ctx, event(t, org, "tsk_a", int64(i+1), p)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Refund(ctx, org, ledger.Command{ID: "r", Amount: 51, Task: "tsk_a"}); core.CodeOf(err) != core.Exhausted {
		t.Errorf("more than was spent: %v", err)
	}
	if made, err := s.Refund(ctx, org, ledger.Command{ID: "r", Amount: 50, Task: "tsk_a"}); !made || err != nil {
		t.Errorf("%t, %v", made, err)
	}
	if b := balance(t, s, org); b != (ledger.Balance{Available: 100, Granted: 100}) {
		t.Errorf("%+v", b)
	}
	if err := handle(ctx, event(t, org, "tsk_a", 3, core.TaskFinished{Hold: 80, Spent: 50})); err != nil {
		t.Fatal(err)
	}
	if b := balance(t, s, org); b != (ledger.Balance{Available: 100, Granted: 100}) {
		t.Errorf("after the end was told again: %+v", b)
	}
}

// A call that costs more than is held takes what is available, and then nothing: no
// account falls below zero.
func TestOverUse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cost core.Credits
		want ledger.Balance
	}{
		"held":        {60, ledger.Balance{Available: 40, Spent: 60, Granted: 100}},
		"available":   {90, ledger.Balance{Available: 10, Spent: 90, Granted: 100}},
		"written off": {130, ledger.Balance{Spent: 130, Granted: 100, WrittenOff: 30}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, org := context.Background(), newOrg()
			st := openSQLite(t)
			s := newLedger(t, st)
			grant(t, s, org, 100)
			if _, err := s.SetBudget(ctx, org, ledger.OfOrg, 70, ledger.Day); err != nil {
				t.Fatal(err)
			}
			handle := s.Handler(newAnswers())
			for range 2 {
				for i, p := range []core.Payload{core.CreditsRequested{Amount: 60}, core.ModelSettled{Cost: c.cost}, core.TaskFinished{Hold: 60, Spent: c.cost}} {
					if err := handle(ctx, event(t, org, "tsk_a", int64(i+1), p)); err != nil {
						t.Fatal(err)
					}
				}
			}
			if b := balance(t, s, org); b != c.want {
				t.Errorf("%+v, want %+v", b, c.want)
			}
			if b, err := s.Budget(ctx, org, ledger.OfOrg); err != nil || b.Used != c.cost || b.Left != max(70-c.cost, 0) {
				t.Errorf("%+v, %v", b, err)
			}
		})
	}
}
