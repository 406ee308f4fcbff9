package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// posting is one of a task's that moves an amount from one account to another.
func posting(effect, from, to string, amount core.Credits) store.Posting {
	return store.Posting{Effect: effect, Kind: "hold", Project: "prj_one", Task: "tsk_1", Note: "for " + effect,
		Moves: []store.Move{{Account: from, Amount: -amount}, {Account: to, Amount: amount}}}
}

// grant gives an org credits to spend.
func grant(t testing.TB, st store.Books, org core.OrgID, amount core.Credits) {
	t.Helper()
	p := posting(fmt.Sprint("grant ", int64(amount)), "~source", "available", amount)
	p.Kind, p.Task = "grant", ""
	must(st.Post(t.Context(), org, p))(t)
}

// balances returns an org's accounts.
func balances(t testing.TB, st store.Books, org core.OrgID) map[string]core.Credits {
	t.Helper()
	all := map[string]core.Credits{}
	for _, b := range must(st.Balances(t.Context(), org, "", "", 10_000))(t) {
		all[b.Account] = b.Amount
	}
	return all
}

func testPost(t *testing.T, open Open) {
	st, clock := start(t, open)
	grant(t, st, "org_a", 100)
	first := clock.Now()
	clock.Advance(time.Second)
	hold := posting("evt_1", "available", "held/tsk_1", 30)
	for _, want := range []bool{true, false} {
		if got := must(st.Post(t.Context(), "org_a", hold))(t); !cmp.Equal(got, []bool{want}) {
			t.Errorf("posted %v, want %v", got, want)
		}
	}
	if diff := cmp.Diff(map[string]core.Credits{"~source": -100, "available": 70, "held/tsk_1": 30}, balances(t, st, "org_a")); diff != "" {
		t.Errorf("balances (-want +got):\n%s", diff)
	}
	grantLine := store.Entry{Effect: "grant 100", Kind: "grant", Project: "prj_one", Note: "for grant 100", At: first}
	holdLine := store.Entry{Effect: "evt_1", Kind: "hold", Project: "prj_one", Task: "tsk_1", Note: "for evt_1", At: clock.Now()}
	line := func(n int, e store.Entry, account string, amount, balance core.Credits) store.Entry {
		e.N, e.Move, e.Balance = n, store.Move{Account: account, Amount: amount}, balance
		return e
	}
	want := []store.Entry{
		line(0, grantLine, "~source", -100, -100), line(1, grantLine, "available", 100, 100),
		line(0, holdLine, "available", -30, 70), line(1, holdLine, "held/tsk_1", 30, 30),
	}
	got := must(st.Entries(t.Context(), "org_a", store.EntryQuery{Limit: 100}))(t)
	for i := range got {
		if i > 0 && got[i].Seq <= got[i-1].Seq {
			t.Errorf("entry %d is %d after %d", i, got[i].Seq, got[i-1].Seq)
		}
		want[min(i, len(want)-1)].Seq = got[i].Seq
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	newest := slices.Clone(want)
	slices.Reverse(newest)
	for name, q := range map[string]store.EntryQuery{"all": {}, "a task's": {Task: "tsk_1"}, "an account's": {Account: "available"}, "both": {Task: "tsk_1", Account: "available"}} {
		q.Newest, q.Limit = true, 1
		of := slices.DeleteFunc(slices.Clone(newest), func(e store.Entry) bool {
			return q.Task != "" && e.Task != q.Task || q.Account != "" && e.Account != q.Account
		})
		for _, e := range of {
			if diff := cmp.Diff([]store.Entry{e}, must(st.Entries(t.Context(), "org_a", q))(t)); diff != "" {
				t.Errorf("%s, newest first, before %d (-want +got):\n%s", name, q.After, diff)
			}
			q.After = e.Seq
		}
		if left := must(st.Entries(t.Context(), "org_a", q))(t); len(left) != 0 {
			t.Errorf("%s, newest first: %d are before the first", name, len(left))
		}
	}
	for _, other := range []core.OrgID{"org_b", "org_", "ORG_A"} {
		if n := len(balances(t, st, other)) + len(must(st.Entries(t.Context(), other, store.EntryQuery{Limit: 10}))(t)); n != 0 {
			t.Errorf("%s has %d lines", other, n)
		}
	}
	must(st.Post(t.Context(), "org_b", posting("evt_1", "~source", "available", 1)))(t) // the same effect, of another org
	if got := balances(t, st, "org_b")["available"]; got != 1 {
		t.Errorf("another org has %v", got)
	}
}

func testPostRefusals(t *testing.T, open Open) {
	st, _ := start(t, open)
	grant(t, st, "org_a", 100)
	ok := posting("evt_1", "available", "spent", 1)
	with := func(change func(*store.Posting)) []store.Posting {
		p := ok
		p.Moves = append([]store.Move{}, ok.Moves...)
		change(&p)
		return []store.Posting{p}
	}
	for name, postings := range map[string][]store.Posting{
		"nothing": {}, "an effect twice": {ok, ok},
		"no effect":      with(func(p *store.Posting) { p.Effect = "" }),
		"a long effect":  with(func(p *store.Posting) { p.Effect = strings.Repeat("e", store.MaxID+1) }),
		"no kind":        with(func(p *store.Posting) { p.Kind = "" }),
		"a NUL":          with(func(p *store.Posting) { p.Note = "a\x00b" }),
		"no UTF-8":       with(func(p *store.Posting) { p.Moves[0].Account = "a\xff" }),
		"a long note":    with(func(p *store.Posting) { p.Note = strings.Repeat("n", store.MaxNote+1) }),
		"one move":       with(func(p *store.Posting) { p.Moves = p.Moves[:1] }),
		"a surplus":      with(func(p *store.Posting) { p.Moves[0].Amount = 2 }),
		"no account":     with(func(p *store.Posting) { p.Moves[0].Account = "" }),
		"one twice":      with(func(p *store.Posting) { p.Moves[0].Account = p.Moves[1].Account }),
		"too much":       {posting("evt_1", "~source", "available", core.MaxCredits+1)},
		"more than fits": {posting("evt_1", "~source", "available", core.MaxCredits)},
	} {
		_, err := st.Post(t.Context(), "org_a", postings...)
		wantCode(t, name, err, core.Invalid)
	}
	_, err := st.Post(t.Context(), "", ok)
	wantCode(t, "no org", err, core.Invalid)
	_, err = st.Balances(t.Context(), "org_a", "", "", 0)
	wantCode(t, "balances without a limit", err, core.Invalid)
	_, err = st.Entries(t.Context(), "org_a", store.EntryQuery{})
	wantCode(t, "entries without a limit", err, core.Invalid)
	if got := balances(t, st, "org_a"); len(got) != 2 || got["available"] != 100 {
		t.Errorf("after refusals %v", got)
	}
}

// testPostShort: what an account doesn't hold leaves none of the postings, in any order.
func testPostShort(t *testing.T, open Open) {
	st, _ := start(t, open)
	grant(t, st, "org_a", 100)
	for name, c := range map[string]struct {
		short    string
		postings []store.Posting
	}{
		"too much":        {"available", []store.Posting{posting("e", "available", "held/a", 101)}},
		"together":        {"available", []store.Posting{posting("e1", "available", "held/a", 60), posting("e2", "available", "held/b", 41)}},
		"before it comes": {"held/a", []store.Posting{posting("e1", "held/a", "spent", 1), posting("e2", "available", "held/a", 10)}},
		"nothing there":   {"held/c", []store.Posting{posting("e0", "available", "spent", 1), posting("e1", "held/c", "spent", 1)}},
	} {
		_, err := st.Post(t.Context(), "org_a", c.postings...)
		if account, short := store.Short(err); core.CodeOf(err) != core.Exhausted || !short || account != c.short {
			t.Errorf("%s: %v; short of %q, want %q", name, err, account, c.short)
		}
	}
	if got := balances(t, st, "org_a"); len(got) != 2 || got["available"] != 100 {
		t.Errorf("after refusals %v", got)
	}
	all := []store.Posting{
		posting("e1", "available", "held/a", 100), posting("e2", "held/a", "spent", 60), posting("e3", "held/a", "available", 40),
	}
	if got := must(st.Post(t.Context(), "org_a", all...))(t); !cmp.Equal(got, []bool{true, true, true}) {
		t.Errorf("posted %v", got)
	}
	// An effect that was posted is left out, though it couldn't be posted again.
	more := append(all, posting("e4", "available", "spent", 40))
	if got := must(st.Post(t.Context(), "org_a", more...))(t); !cmp.Equal(got, []bool{false, false, false, true}) {
		t.Errorf("posted %v", got)
	}
	if diff := cmp.Diff(map[string]core.Credits{"~source": -100, "available": 0, "held/a": 0, "spent": 100}, balances(t, st, "org_a")); diff != "" {
		t.Errorf("balances (-want +got):\n%s", diff)
	}
}

func testBookPages(t *testing.T, open Open) {
	st, _ := start(t, open)
	accounts := []string{"available", "held/a", "held/b", "held/b/1", "helda", "é"}
	for i, account := range accounts {
		p := posting(fmt.Sprint("e", i), "~source", account, core.Credits(i+1))
		p.Task = core.TaskID(fmt.Sprint("tsk_", i%2))
		must(st.Post(t.Context(), "org_a", p))(t)
	}
	for prefix, want := range map[string][]string{"": append(append([]string{}, accounts[:5]...), "~source", "é"), "held/": accounts[1:4], "~": {"~source"}, "x": nil} {
		for page := 1; page <= 8; page += 3 {
			var got []string
			for after, more := "", true; more; {
				found := must(st.Balances(t.Context(), "org_a", prefix, after, page))(t)
				for _, b := range found {
					got, after = append(got, b.Account), b.Account
				}
				more = len(found) == page
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("accounts %q in pages of %d (-want +got):\n%s", prefix, page, diff)
			}
		}
	}
	for q, want := range map[store.EntryQuery]int{
		{}: 12, {Account: "~source"}: 6, {Account: "held/a"}: 1, {Task: "tsk_0"}: 6, {Task: "tsk_1", Account: "~source"}: 3,
		{Task: "tsk_0", Account: "held/a"}: 0, {Task: "none"}: 0,
		{Effect: "e1"}: 2, {Effect: "e"}: 0, {Effect: "e10"}: 0,
	} {
		for page := 1; page <= 13; page += 4 {
			n, q := 0, q
			q.Limit = page
			for more := true; more; {
				found := must(st.Entries(t.Context(), "org_a", q))(t)
				for _, e := range found {
					if e.Seq <= q.After || q.Account != "" && e.Account != q.Account || q.Task != "" && e.Task != q.Task || q.Effect != "" && e.Effect != q.Effect {
						t.Errorf("%+v is in %+v", e, q)
					}
					q.After = e.Seq
				}
				n += len(found)
				more = len(found) == page
			}
			if n != want {
				t.Errorf("%d entries of %+v, want %d", n, q, want)
			}
		}
	}
}

// testHolds: of a thousand holds at once against what covers four hundred, four hundred
// succeed, and the others are told what was short.
func testHolds(t *testing.T, open Open) {
	st, _ := start(t, open)
	const holds, covered, each = 1000, 400, 7
	grant(t, st, "org_a", covered*each+each-1)
	var held, refused atomic.Int64
	var all sync.WaitGroup
	for i := range holds {
		all.Go(func() {
			posted, err := st.Post(t.Context(), "org_a", posting(fmt.Sprint("evt_", i), "available", fmt.Sprint("held/", i), each))
			account, short := store.Short(err)
			switch {
			case err == nil && len(posted) == 1 && posted[0]:
				held.Add(1)
			case short && account == "available":
				refused.Add(1)
			default:
				t.Errorf("hold %d: %v, %v", i, posted, err)
			}
		})
	}
	all.Wait()
	if held.Load() != covered || refused.Load() != holds-covered {
		t.Errorf("%d holds and %d refusals", held.Load(), refused.Load())
	}
	if got := balances(t, st, "org_a"); got["available"] != each-1 || len(got) != covered+2 {
		t.Errorf("%v is left, in %d accounts", got["available"], len(got))
	}
	checkBooks(t, st, "org_a")
}

// testOnePosting: of many who post the same at once, one does.
func testOnePosting(t *testing.T, open Open) {
	st, _ := start(t, open)
	grant(t, st, "org_a", 1000)
	for round := range 5 {
		var posted atomic.Int64
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				got, err := st.Post(t.Context(), "org_a", posting(fmt.Sprint("evt_", round), "available", "spent", 10))
				if err != nil {
					t.Error(err)
				} else if got[0] {
					posted.Add(1)
				}
			})
		}
		all.Wait()
		if posted.Load() != 1 {
			t.Errorf("%d posted the same", posted.Load())
		}
	}
	if got := balances(t, st, "org_a")["spent"]; got != 50 {
		t.Errorf("%v was spent, want 50", got)
	}
}

// failer is a test of either kind.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkBooks sees that an org's books balance: every effect's entries add up to nothing,
// every account has what its entries add up to, and none but the ~ ones was ever below zero.
func checkBooks(t interface {
	failer
	testing.TB
}, st store.Books, org core.OrgID) {
	t.Helper()
	books(t, must(st.Entries(t.Context(), org, store.EntryQuery{Limit: 100_000}))(t), balances(t, st, org))
}

// books checks entries against balances.
func books(t failer, entries []store.Entry, balances map[string]core.Credits) {
	t.Helper()
	sums, effects := map[string]core.Credits{}, map[string]core.Credits{}
	for _, e := range entries {
		sums[e.Account] += e.Amount
		effects[e.Effect] += e.Amount
		if sums[e.Account] != e.Balance || e.Balance < 0 && !strings.HasPrefix(e.Account, store.Debit) {
			t.Fatalf("%+v, and the account's entries add up to %d", e, sums[e.Account])
		}
	}
	for effect, sum := range effects {
		if sum != 0 {
			t.Fatalf("the entries of %s add up to %d", effect, sum)
		}
	}
	if diff := cmp.Diff(sums, balances); diff != "" {
		t.Fatalf("balances (-of the entries +of the accounts):\n%s", diff)
	}
}
