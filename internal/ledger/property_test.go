package ledger_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/storetest"
)

// world is an org whose tasks begin, call, and end as they like, while their events come
// to the ledger late, twice and in any order, and the ledger's process dies in between.
type world struct {
	t       *rapid.T
	st      store.Store
	org     core.OrgID
	answers *answers
	tasks   []*task
	mail    []core.Event // on its way; may stay there after it was delivered

	limits map[ledger.Subject]core.Credits // the highest that each budget had
	calm   bool                            // no call costs more than is held, so nothing is written off
}

// task is what the world knows of one.
type task struct {
	id   core.TaskID
	hold core.Credits
	cost core.Credits
	over bool
	said []core.Event
}

func (w *world) ledger(st store.Store) *ledger.Service { return newLedger(w.t, st) }

func (w *world) say(k *task, p core.Payload) {
	k.said = append(k.said, event(w.t, w.org, k.id, int64(len(k.said)+1), p))
	w.mail = append(w.mail, k.said[len(k.said)-1])
}

// begin starts a task.
func (w *world) begin() {
	k := &task{id: core.TaskID(fmt.Sprintf("tsk_%s%d", strings.ReplaceAll(string(w.org), "_", ""), len(w.tasks))), hold: core.Credits(rapid.IntRange(1, 100).Draw(w.t, "hold"))}
	w.tasks = append(w.tasks, k)
	w.say(k, core.CreditsRequested{Amount: k.hold, Key: rapid.SampledFrom([]core.KeyID{"", "key_a"}).Draw(w.t, "key")})
}

// goOn lets a task do what is next.
func (w *world) goOn(k *task) {
	if k.over {
		return
	}
	_, may := w.answers.of(k.id).(core.CreditsHeld)
	if may && rapid.IntRange(0, 2).Draw(w.t, "call") > 0 {
		most := k.hold - k.cost
		if !w.calm {
			most += 30
		}
		cost := core.Credits(rapid.IntRange(0, int(most)).Draw(w.t, "cost"))
		k.cost += cost
		if rapid.Bool().Draw(w.t, "model") {
			w.say(k, core.ModelSettled{Cost: cost})
		} else {
			w.say(k, core.ToolSettled{Cost: cost})
		}
		return
	}
	w.end(k)
}

// end ends a task: done, refused, or canceled before it heard of its credits.
func (w *world) end(k *task) {
	f := core.TaskFinished{Hold: k.hold, Spent: k.cost}
	if _, refused := w.answers.of(k.id).(core.CreditsRefused); refused {
		f.Hold = 0
	}
	w.answers.mu.Lock()
	w.answers.over[k.id] = true
	w.answers.mu.Unlock()
	k.over = true
	w.say(k, f)
}

// deliver hands one event to a ledger that may die at any of its steps. What it didn't
// apply comes again.
func (w *world) deliver() {
	i := rapid.IntRange(0, len(w.mail)-1).Draw(w.t, "event")
	m := &storetest.Mortal{Store: w.st, After: rapid.Bool().Draw(w.t, "after")}
	m.Left.Store(rapid.Int64Range(0, 6).Draw(w.t, "dies at"))
	err := w.ledger(m).Handler(w.answers)(context.Background(), w.mail[i])
	if err != nil && !m.Dead.Load() {
		w.t.Fatalf("%s: %v", w.mail[i].Type, err)
	}
	if err == nil && rapid.IntRange(0, 3).Draw(w.t, "twice") > 0 {
		w.mail = slices.Delete(w.mail, i, i+1)
	}
}

func (w *world) setBudget() {
	of := rapid.SampledFrom([]ledger.Subject{ledger.OfOrg, ledger.OfProject("prj_a"), ledger.OfKey("key_a")}).Draw(w.t, "of")
	if rapid.IntRange(0, 5).Draw(w.t, "remove") == 0 {
		if err := w.ledger(w.st).RemoveBudget(context.Background(), w.org, of); err != nil && core.CodeOf(err) != core.NotFound {
			w.t.Fatal(err)
		}
		return
	}
	limit := core.Credits(rapid.IntRange(0, 300).Draw(w.t, "limit"))
	w.limits[of] = max(w.limits[of], limit)
	if _, err := w.ledger(w.st).SetBudget(context.Background(), w.org, of, limit, ledger.Month); err != nil {
		w.t.Fatal(err)
	}
}

// TestTheBooksBalance holds whatever happens, and in whatever order it is heard of.
func TestTheBooksBalance(t *testing.T) {
	t.Parallel()
	st := openSQLite(t)
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, st: st, org: newOrg(), answers: newAnswers(), limits: map[ledger.Subject]core.Credits{}, calm: rapid.Bool().Draw(t, "calm")}
		granted := core.Credits(rapid.IntRange(1, 400).Draw(t, "granted"))
		grant(t, w.ledger(st), w.org, granted)
		for range rapid.IntRange(5, 40).Draw(t, "steps") {
			switch n := rapid.IntRange(0, 9).Draw(t, "step"); {
			case n == 0:
				w.setBudget()
			case n <= 2 || len(w.tasks) == 0:
				w.begin()
			case n <= 5:
				w.goOn(rapid.SampledFrom(w.tasks).Draw(t, "task"))
			case len(w.mail) > 0:
				w.deliver()
				w.law()
			}
		}
		w.settle()
		w.check(granted)
	})
}

// settle ends all tasks and delivers every event, in any order, but as often as it takes.
func (w *world) settle() {
	for _, k := range w.tasks {
		if !k.over {
			w.end(k)
		}
	}
	handle := w.ledger(w.st).Handler(w.answers)
	for len(w.mail) > 0 {
		i := rapid.IntRange(0, len(w.mail)-1).Draw(w.t, "last")
		if err := handle(context.Background(), w.mail[i]); err != nil {
			w.t.Fatal(err)
		}
		w.mail = slices.Delete(w.mail, i, i+1)
	}
}

// law is what holds at every moment.
func (w *world) law() {
	all := accounts(w.t, w.st, w.org)
	sum := core.Credits(0)
	for name, amount := range all {
		if sum += amount; amount < 0 && !strings.HasPrefix(name, "~") {
			w.t.Fatalf("%s is at %d", name, amount)
		}
	}
	if sum != 0 {
		w.t.Fatalf("the books are off by %d: %v", sum, all)
	}
	for of, limit := range w.limits {
		line := "~budget/" + string(of) + "/2026-11/"
		if taken := all[line+"held"] + all[line+"used"]; w.calm && taken > limit {
			w.t.Fatalf("%d of %s were taken, of at most %d", taken, of, limit)
		}
	}
}

// check is what holds when all is over, whatever the order was.
func (w *world) check(granted core.Credits) {
	w.law()
	cost := core.Credits(0)
	for _, k := range w.tasks {
		cost += k.cost
	}
	all := accounts(w.t, w.st, w.org)
	for name, amount := range all {
		if strings.HasPrefix(name, "held/") && amount != 0 || strings.HasSuffix(name, "/held") && amount != 0 {
			w.t.Fatalf("%s is still at %d: %v", name, amount, all)
		}
	}
	b := balance(w.t, w.ledger(w.st), w.org)
	if b.Spent != cost || b.Held != 0 || b.Available != granted-cost+b.WrittenOff || w.calm && b.WrittenOff != 0 {
		w.t.Fatalf("of %d granted the tasks cost %d: %+v", granted, cost, b)
	}
	w.checkEntries(all)
	w.repeat()
	if again := moved(accounts(w.t, w.st, w.org)); !maps.Equal(moved(all), again) {
		w.t.Fatalf("%v, and after all was said twice %v", all, again)
	}
}

// moved leaves out what only says how large budgets are.
func moved(all map[string]core.Credits) map[string]core.Credits {
	all = maps.Clone(all)
	maps.DeleteFunc(all, func(name string, _ core.Credits) bool {
		return strings.HasPrefix(name, "budget/") || strings.HasSuffix(name, "/given")
	})
	return all
}

// repeat delivers once more all that tasks ever said.
func (w *world) repeat() {
	handle := w.ledger(w.st).Handler(w.answers)
	for _, k := range w.tasks {
		for _, e := range k.said {
			if err := handle(context.Background(), e); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// checkEntries holds the entries to the balances, each task's effects to one posting
// each, and what is noted in budgets to what the tasks in them cost.
func (w *world) checkEntries(all map[string]core.Credits) {
	sums, kinds := map[string]core.Credits{}, map[string]string{}
	list := entries(w.t, w.st, w.org)
	for _, e := range list {
		if sums[e.Account] += e.Amount; sums[e.Account] != e.Balance {
			w.t.Fatalf("entry %d says that %s is at %d, and it is at %d", e.Seq, e.Account, e.Balance, sums[e.Account])
		}
		if was, ok := kinds[e.Effect]; ok && was != e.Kind {
			w.t.Fatalf("%s is a %s and a %s", e.Effect, was, e.Kind)
		}
		kinds[e.Effect] = e.Kind
	}
	if !maps.Equal(sums, all) {
		w.t.Fatalf("entries add up to %v, balances are %v", sums, all)
	}
	used := map[string]core.Credits{}
	for _, k := range w.tasks {
		seen := map[string]bool{}
		for _, e := range list {
			if e.Task == k.id && e.Kind == "hold" && strings.HasSuffix(e.Account, "/held") && !seen[e.Account] {
				seen[e.Account] = true
				used[strings.TrimSuffix(e.Account, "held")+"used"] += k.cost
			}
		}
	}
	for account, want := range used {
		if all[account] != want {
			w.t.Fatalf("%s is at %d, and the tasks in it cost %d", account, all[account], want)
		}
	}
}
