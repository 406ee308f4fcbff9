package ledger_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/storetest"
)

func (w *shop) grant(id string, amount core.Credits, lives time.Duration) {
	w.t.Helper()
	made, err := w.s.Grant(context.Background(), w.org, ledger.Command{ID: id, Amount: amount, Expires: w.now.Add(lives)})
	if err != nil || !made {
		w.t.Fatalf("%t, %v", made, err)
	}
}

func (w *shop) expire(after time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(after)
	for range 2 {
		if err := w.s.ExpireGrants(context.Background()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// emptyShop is one without credits.
func emptyShop(t *testing.T) *shop {
	w := newShop(t)
	w.org = newOrg()
	return w
}

func TestGrantsExpire(t *testing.T) {
	t.Parallel()
	w := emptyShop(t)
	w.grant("later", 100, 2*time.Hour)
	w.grant("sooner", 100, time.Hour)
	grant(t, w.s, w.org, 100)
	if b := balance(t, w.s, w.org); b.Available != 300 || b.Expiring != 100 || !b.ExpiresAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("%+v", b)
	}
	a, _ := w.begin(50, "")
	w.end(a, 50, 30) // of the one that expires first, whatever was granted first
	if b := balance(t, w.s, w.org); b.Expiring != 70 {
		t.Errorf("after 30 were used %+v", b)
	}
	w.expire(time.Hour - time.Second)
	if b := balance(t, w.s, w.org); b.Available != 270 {
		t.Errorf("a second before its time %+v", b)
	}
	w.expire(time.Second)
	want := ledger.Balance{Available: 200, Spent: 30, Granted: 230, Expiring: 100, ExpiresAt: noon.Add(2 * time.Hour)}
	if b := balance(t, w.s, w.org); b != want {
		t.Errorf("%+v, want %+v", b, want)
	}
	w.expire(100 * time.Hour)
	want = ledger.Balance{Available: 100, Spent: 30, Granted: 130}
	if b := balance(t, w.s, w.org); b != want {
		t.Errorf("%+v, want %+v", b, want)
	}
	if left, err := w.st.Records(context.Background(), core.Installation, "expiring", "", "", 10); err != nil || len(left) != 0 {
		t.Errorf("%d records stay: %v", len(left), err)
	}
}

// What a task holds it may use, whatever becomes of the grant meanwhile; what it gives
// back of that is gone. Credits that don't expire aren't touched, not for a moment.
func TestAGrantExpiresWhileATaskHoldsIt(t *testing.T) {
	t.Parallel()
	w := emptyShop(t)
	w.grant("g", 100, time.Hour)
	a, _ := w.begin(80, "")
	grant(t, w.s, w.org, 50)
	w.expire(time.Hour)
	if b := balance(t, w.s, w.org); b.Available != 50 || b.Held != 80 || b.Granted != 130 {
		t.Errorf("%+v", b)
	}
	w.end(a, 80, 30)
	w.expire(0)
	if b := balance(t, w.s, w.org); b != (ledger.Balance{Available: 50, Spent: 30, Granted: 80}) {
		t.Errorf("%+v", b)
	}
}

func TestGrantsThatCantExpire(t *testing.T) {
	t.Parallel()
	w := emptyShop(t)
	ctx := context.Background()
	w.grant("g", 100, time.Hour)
	for name, c := range map[string]struct {
		id     string
		amount core.Credits
		at     time.Duration
		code   core.Code
	}{
		"a moment that was":   {"a", 1, -time.Second, core.Invalid},
		"now":                 {"a", 1, 0, core.Invalid},
		"in centuries":        {"a", 1, 200 * 365 * 24 * time.Hour, core.Invalid},
		"nothing":             {"a", 0, time.Hour, core.Invalid},
		"the same, once more": {"g", 100, time.Hour, ""},
		"another amount":      {"g", 101, time.Hour, core.Conflict},
		"another time":        {"g", 100, 2 * time.Hour, core.Conflict},
	} {
		made, err := w.s.Grant(ctx, w.org, ledger.Command{ID: c.id, Amount: c.amount, Expires: noon.Add(c.at)})
		if made || core.CodeOf(err) != c.code {
			t.Errorf("%s: %t, %v", name, made, err)
		}
	}
	if _, err := w.s.Grant(ctx, w.org, ledger.Command{ID: "g", Amount: 100}); core.CodeOf(err) != core.Conflict || core.HintOf(err) == "" {
		t.Errorf("the same without an expiry: %v", err)
	}
	w.now = w.now.Add(3 * time.Hour)
	if made, err := w.s.Grant(ctx, w.org, ledger.Command{ID: "g", Amount: 100, Expires: noon.Add(time.Hour)}); made || err != nil {
		t.Errorf("a repeat after its time: %t, %v", made, err)
	}
	if b := balance(t, w.s, w.org); b.Available != 100 {
		t.Errorf("%+v", b)
	}
}

// More grants than one posting has room for.
func TestManyGrantsExpire(t *testing.T) {
	t.Parallel()
	w := emptyShop(t)
	for i := range 150 {
		w.grant(fmt.Sprint("g", i), 2, time.Hour+time.Duration(i)*time.Minute)
	}
	a, _ := w.begin(299, "")
	w.end(a, 299, 299)
	w.expire(1000 * time.Hour)
	if b := balance(t, w.s, w.org); b != (ledger.Balance{Spent: 299, Granted: 299}) {
		t.Errorf("%+v", b)
	}
}

// TestAKillWithinAGrant: a grant that expires and whose maker dies at any write, before or
// after it took place, is made once when it is given again, and goes once. One that isn't
// given again leaves nothing behind.
func TestAKillWithinAGrant(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for _, again := range []bool{false, true} {
			for n := int64(1); ; n++ {
				w := emptyShop(t)
				plain := w.s
				if _, err := plain.Adjust(t.Context(), w.org, ledger.Command{ID: "a", Amount: 10}); err != nil {
					t.Fatal(err)
				}
				if _, err := plain.Adjust(t.Context(), w.org, ledger.Command{ID: "b", Amount: -4}); err != nil { // to be reckoned
					t.Fatal(err)
				}
				m := &storetest.Mortal{Store: w.st, After: after}
				m.Left.Store(n)
				c := ledger.Command{ID: "g", Amount: 100, Expires: noon.Add(time.Hour)}
				_, err := newLedgerAt(t, m, func() time.Time { return w.now }).Grant(t.Context(), w.org, c)
				killed := m.Dead.Load()
				if killed != (err != nil) {
					t.Fatal(killed, err)
				}
				if again {
					if _, err := plain.Grant(t.Context(), w.org, c); err != nil {
						t.Fatal(err)
					}
					if b := balance(t, plain, w.org); b.Available != 106 || b.Expiring != 100 {
						t.Errorf("killed at write %d (after: %t): %+v", n, after, b)
					}
				}
				w.expire(time.Hour)
				w.expire(2 * time.Hour)
				if b := balance(t, plain, w.org); b != (ledger.Balance{Available: 6, Granted: 6}) {
					t.Errorf("killed at write %d (after: %t, again: %t): %+v", n, after, again, b)
				}
				if left, err := w.st.Records(t.Context(), core.Installation, "expiring", "", "", 10); err != nil || len(left) != 0 {
					t.Errorf("killed at write %d: %d records stay: %v", n, len(left), err)
				}
				if !killed {
					if n != 4 {
						t.Errorf("there were %d writes, want 3", n-1)
					}
					break
				}
			}
		}
	}
}

// TestAKillWithinAnExpiry: whoever takes what is left of grants and dies at any write leaves
// to the next what wasn't taken, and no more.
func TestAKillWithinAnExpiry(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for n := int64(1); ; n++ {
			w := emptyShop(t)
			w.grant("g", 100, time.Hour)
			w.grant("h", 50, time.Hour)
			grant(t, w.s, w.org, 7)
			task, _ := w.begin(60, "")
			w.end(task, 60, 30)
			w.now = w.now.Add(time.Hour)
			m := &storetest.Mortal{Store: w.st, After: after}
			m.Left.Store(n)
			err := newLedgerAt(t, m, func() time.Time { return w.now }).ExpireGrants(t.Context())
			if killed := m.Dead.Load(); killed != (err != nil) {
				t.Fatal(killed, err)
			}
			w.expire(0)
			if b := balance(t, w.s, w.org); b != (ledger.Balance{Available: 7, Spent: 30, Granted: 37}) {
				t.Errorf("killed at write %d (after: %t): %+v", n, after, b)
			}
			if !m.Dead.Load() {
				if n != 6 {
					t.Errorf("there were %d writes, want 5", n-1)
				}
				break
			}
		}
	}
}

// credits are a ledger whose every use is taken from the grants at once, one after the other.
type credits struct {
	lots  []modelLot // the earliest first
	plain core.Credits
	held  core.Credits
}

type modelLot struct {
	until time.Time
	id    string
	left  core.Credits
}

func (m *credits) available() core.Credits {
	sum := m.plain - m.held
	for _, l := range m.lots {
		sum += l.left
	}
	return sum
}

func (m *credits) use(amount core.Credits) {
	for i := range m.lots {
		part := min(m.lots[i].left, amount)
		m.lots[i].left, amount = m.lots[i].left-part, amount-part
	}
	m.plain -= amount
}

func (m *credits) add(l modelLot) {
	m.lots = append(m.lots, l)
	slices.SortFunc(m.lots, func(a, b modelLot) int {
		if c := a.until.Compare(b.until); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})
}

func (m *credits) expire(now time.Time) {
	held := m.held
	for i := range m.lots {
		l := &m.lots[i]
		part := min(l.left, held)
		held -= part
		if !l.until.After(now) {
			l.left = part
		}
	}
}

// TestGrantsExpireAsInTheModel compares what comes of any order of grants, tasks,
// corrections and expiries with a model that knows of each credit which grant it is of.
func TestGrantsExpireAsInTheModel(t *testing.T) {
	t.Parallel()
	st := openSQLite(t)
	rapid.Check(t, func(t *rapid.T) {
		ctx, org, told, now := context.Background(), newOrg(), newAnswers(), noon
		s := newLedgerAt(t, st, func() time.Time { return now })
		handle := s.Handler(told)
		var m credits
		type task struct {
			id   core.TaskID
			held core.Credits
		}
		var running []task
		spent, number := core.Credits(0), 0
		do := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		amount := rapid.Custom(func(t *rapid.T) core.Credits { return core.Credits(rapid.IntRange(1, 50).Draw(t, "amount")) })
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			number++
			c := ledger.Command{ID: fmt.Sprintf("c%03d", number), Amount: amount.Draw(t, "of")}
			switch rapid.SampledFrom([]string{"grant", "lot", "lot", "hold", "hold", "end", "end", "refund", "down", "expire", "tick", "tick"}).Draw(t, "step") {
			case "grant":
				_, err := s.Grant(ctx, org, c)
				do(err)
				m.plain += c.Amount
			case "lot":
				c.Expires = now.Add(time.Duration(rapid.IntRange(1, 5).Draw(t, "hours")) * time.Hour)
				_, err := s.Grant(ctx, org, c)
				do(err)
				m.add(modelLot{c.Expires, c.ID, c.Amount})
			case "hold":
				k := task{core.TaskID("tsk_" + c.ID), c.Amount}
				do(handle(ctx, event(t, org, k.id, 1, core.CreditsRequested{Amount: k.held})))
				_, ok := told.of(k.id).(core.CreditsHeld)
				if ok != (m.available() >= k.held) {
					t.Fatalf("held %d of %d: %t", k.held, m.available(), ok)
				}
				if ok {
					running, m.held = append(running, k), m.held+k.held
				}
			case "end":
				if len(running) == 0 {
					continue
				}
				k := running[0]
				running = running[1:]
				cost := min(c.Amount, k.held)
				do(handle(ctx, event(t, org, k.id, 2, core.ModelSettled{Cost: cost})))
				do(handle(ctx, event(t, org, k.id, 3, core.TaskFinished{Hold: k.held, Spent: cost})))
				m.held -= k.held
				m.use(cost)
				spent += cost
			case "refund":
				if c.Amount = min(c.Amount, spent); c.Amount > 0 {
					_, err := s.Refund(ctx, org, c)
					do(err)
					m.plain, spent = m.plain+c.Amount, spent-c.Amount
				}
			case "down":
				if c.Amount = min(c.Amount, m.available()); c.Amount > 0 {
					m.use(c.Amount)
					c.Amount = -c.Amount
					_, err := s.Adjust(ctx, org, c)
					do(err)
				}
			case "expire":
				m.use(min(c.Amount, m.available()))
				_, err := s.Expire(ctx, org, c)
				do(err)
			case "tick":
				now = now.Add(time.Hour)
				do(s.ExpireGrants(ctx))
				m.expire(now)
			}
			b := balance(t, s, org)
			if b.Available != m.available() || b.Held != m.held || b.Spent != spent {
				t.Fatalf("step %d: %+v, want %d available, %d held, %d spent", number, b, m.available(), m.held, spent)
			}
			first := firstOf(m.lots)
			if b.Expiring != first {
				t.Fatalf("step %d: %+v, want that %d expire first", number, b, first)
			}
		}
		for _, k := range running {
			do(handle(ctx, event(t, org, k.id, 3, core.TaskFinished{Hold: k.held})))
		}
		now = now.Add(24 * time.Hour)
		do(s.ExpireGrants(ctx))
		if b := balance(t, s, org); b.Available != m.plain || b.Held != 0 || b.Expiring != 0 {
			t.Fatalf("in the end %+v, want %d available", b, m.plain)
		}
	})
}

// firstOf is how much there is left of what expires first.
func firstOf(all []modelLot) (sum core.Credits) {
	var at time.Time
	for _, l := range all {
		if l.left > 0 && (at.IsZero() || at.Equal(l.until)) {
			sum, at = sum+l.left, l.until
		}
	}
	return sum
}

// TestExpiryFromAllSides lets two nodes expire the same grants at once, again and again,
// while tasks use them and more are granted: each is taken once, to the last credit.
func TestExpiryFromAllSides(t *testing.T) {
	t.Parallel()
	onTwoNodes(t, func(t *testing.T, nodes [2]store.Store) {
		const tasks, each, cost = 20, 10, 3
		ctx, org, told := context.Background(), newOrg(), newAnswers()
		var mu sync.Mutex
		now := noon
		clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
		var s [2]*ledger.Service
		for i, st := range nodes {
			s[i] = newLedgerAt(t, st, clock)
		}
		for i := range 20 { // of which those that are granted twice are granted once
			for _, by := range s {
				if _, err := by.Grant(ctx, org, ledger.Command{ID: fmt.Sprint("g", i), Amount: 50, Expires: noon.Add(time.Duration(1+i%3) * time.Hour)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if b := balance(t, s[0], org); b.Available != 1000 {
			t.Fatalf("%+v", b)
		}
		_, err := atOnce(tasks, func(task core.TaskID) error {
			by := s[len(task)%2]
			handle := by.Handler(told)
			for i, p := range []core.Payload{core.CreditsRequested{Amount: each}, core.ModelSettled{Cost: cost}, core.TaskFinished{Hold: each, Spent: cost}} {
				if err := handle(ctx, event(t, org, task, int64(i+1), p)); err != nil {
					return err
				}
				mu.Lock()
				now = now.Add(10 * time.Minute)
				mu.Unlock()
				for _, by := range s {
					if err := by.ExpireGrants(ctx); err != nil && core.CodeOf(err) != core.Unavailable {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		now = now.Add(100 * time.Hour)
		mu.Unlock()
		if err := s[0].ExpireGrants(ctx); err != nil {
			t.Fatal(err)
		}
		b := balance(t, s[1], org)
		if b.Available != 0 || b.Held != 0 || b.Granted != b.Spent || b.Spent == 0 || b.Spent > tasks*cost || b.WrittenOff != 0 {
			t.Errorf("%+v", b)
		}
		left := accounts(t, nodes[0], org)
		for account, amount := range left {
			if strings.HasPrefix(account, "expiring/") && amount != 0 || account == "~expiring" && amount != 0 {
				t.Errorf("%s has %d", account, amount)
			}
		}
	})
}
