package storetest

import (
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// bookModel is what an org's books should be.
type bookModel struct {
	t        *rapid.T
	st       store.Books
	org      core.OrgID
	balances map[string]core.Credits
	posted   map[string]bool
	lines    int
}

var modelAccounts = []string{"~source", "available", "held/a", "held/b", "spent"}

// testBookModel runs random postings against the store and the model, one after another
// and, of other orgs, many at once.
func testBookModel(t *testing.T, open Open) {
	st, _ := start(t, open)
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		m := &bookModel{t: rt, st: st, org: core.OrgID(fmt.Sprint("org_", runs)), balances: map[string]core.Credits{}, posted: map[string]bool{}}
		rt.Repeat(map[string]func(*rapid.T){
			"post": func(*rapid.T) { m.post(m.draw()) },
			"read": func(*rapid.T) { m.compare() },
		})
		m.compare()
		m.race(core.OrgID(fmt.Sprint("org_", runs, "_race")))
	})
}

// draw returns up to four postings, with effects that may have been posted before.
func (m *bookModel) draw() (postings []store.Posting) {
	seen := map[string]bool{}
	for range rapid.IntRange(1, 4).Draw(m.t, "postings") {
		p := store.Posting{Effect: fmt.Sprint("evt_", rapid.IntRange(0, 40).Draw(m.t, "effect")), Kind: "adjust"}
		accounts := rapid.Permutation(modelAccounts).Draw(m.t, "accounts")
		var rest core.Credits
		for i := range rapid.IntRange(1, 3).Draw(m.t, "moves") {
			amount := core.Credits(rapid.IntRange(-30, 30).Draw(m.t, "amount"))
			p.Moves = append(p.Moves, store.Move{Account: accounts[i], Amount: amount})
			rest -= amount
		}
		p.Moves = append(p.Moves, store.Move{Account: accounts[len(p.Moves)], Amount: rest})
		if !seen[p.Effect] {
			postings = append(postings, p)
		}
		seen[p.Effect] = true
	}
	return postings
}

func (m *bookModel) post(postings []store.Posting) {
	after, want, short, lines := maps.Clone(m.balances), []bool{}, "", 0
	for _, p := range postings {
		want = append(want, !m.posted[p.Effect])
		if m.posted[p.Effect] {
			continue
		}
		for _, move := range p.Moves {
			after[move.Account] += move.Amount
			lines++
			if short == "" && after[move.Account] < 0 && move.Account[:1] != store.Debit {
				short = move.Account
			}
		}
	}
	got, err := m.st.Post(m.t.Context(), m.org, postings...)
	if account, _ := store.Short(err); account != short || (err != nil) != (short != "") {
		m.t.Fatalf("%+v: %v, want to be short of %q", postings, err, short)
	}
	if err != nil {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		m.t.Fatalf("%+v posted (-want +got):\n%s", postings, diff)
	}
	m.balances, m.lines = after, m.lines+lines
	for _, p := range postings {
		m.posted[p.Effect] = true
	}
}

// read returns the store's books of an org.
func (m *bookModel) read(org core.OrgID) ([]store.Entry, map[string]core.Credits) {
	entries, err := m.st.Entries(m.t.Context(), org, store.EntryQuery{Limit: 100_000})
	if err != nil {
		m.t.Fatal(err)
	}
	accounts, err := m.st.Balances(m.t.Context(), org, "", "", 1000)
	if err != nil {
		m.t.Fatal(err)
	}
	all := map[string]core.Credits{}
	for _, b := range accounts {
		all[b.Account] = b.Amount
	}
	return entries, all
}

func (m *bookModel) compare() {
	entries, accounts := m.read(m.org)
	books(m.t, entries, accounts)
	if diff := cmp.Diff(m.balances, accounts); diff != "" || len(entries) != m.lines {
		m.t.Fatalf("%d entries, want %d; balances (-want +got):\n%s", len(entries), m.lines, diff)
	}
}

// race lets several post at once what they have in common, in orders of their own. What
// was posted is what was said to be, once; the books balance.
func (m *bookModel) race(org core.OrgID) {
	var effects [][]store.Posting
	for range rapid.IntRange(1, 12).Draw(m.t, "calls") {
		effects = append(effects, m.draw())
	}
	orders := [][][]store.Posting{}
	for range 3 {
		orders = append(orders, rapid.Permutation(effects).Draw(m.t, "order"))
	}
	var mu sync.Mutex
	said := map[string]int{}
	var failed error
	var all sync.WaitGroup
	for _, calls := range orders {
		all.Go(func() {
			for _, postings := range calls {
				posted, err := m.st.Post(m.t.Context(), org, postings...)
				_, short := store.Short(err)
				mu.Lock()
				if err != nil && !short {
					failed = err
				}
				for i, yes := range posted {
					if yes {
						said[postings[i].Effect]++
					}
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if failed != nil {
		m.t.Fatal(failed)
	}
	entries, accounts := m.read(org)
	books(m.t, entries, accounts)
	found := map[string]int{}
	for _, e := range entries {
		found[e.Effect] = 1
	}
	if diff := cmp.Diff(said, found); diff != "" {
		m.t.Fatalf("effects (-said to be posted +found):\n%s", diff)
	}
}
