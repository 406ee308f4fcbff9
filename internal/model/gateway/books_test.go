package gateway_test

import (
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// closed ends the rig, has the ledger hear of all that happened, holds the books to it, and
// returns the calls by what they asked for.
func (r *rig) closed() map[string][]core.MeteredCalls {
	r.t.Helper()
	r.end()
	calls, spent := map[string][]core.MeteredCalls{}, core.Credits(0)
	handle := r.books.Handler(nil)
	for after := int64(0); ; {
		page, err := r.store.ReadOrg(r.ctx, r.org, after, 200)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, e := range page {
			after = e.Position
			if err := handle(r.ctx, e); err != nil {
				r.t.Fatal(err)
			}
			p, err := e.Payload()
			if err != nil {
				r.t.Fatal(err)
			}
			if m, ok := p.(core.CallsMetered); ok {
				for _, c := range m.Calls {
					calls[c.Requested], spent = append(calls[c.Requested], c), spent+c.Cost
				}
			}
		}
		if len(page) == 0 {
			break
		}
	}
	b, err := r.books.Balance(r.ctx, r.org)
	if err != nil {
		r.t.Fatal(err)
	}
	if b.Held != 0 || b.WrittenOff != 0 || b.Spent != spent || b.Available != b.Granted-spent {
		r.t.Errorf("the books say %+v; the calls cost %d", b, spent)
	}
	r.nothingHeld()
	return calls
}

// count is how many calls they are.
func count(calls []core.MeteredCalls) (n int) {
	for _, c := range calls {
		n += c.N
	}
	return n
}

// nothingHeld looks for what is set aside, and for a note of it.
func (r *rig) nothingHeld() {
	r.t.Helper()
	all, err := store.Kind[any]("hold").List(r.ctx, r.store, core.Installation, "", "", 10)
	if err != nil || len(all) > 0 {
		r.t.Errorf("%d holds are noted, error %v", len(all), err)
	}
	balances, err := r.store.Balances(r.ctx, r.org, "", "", 200)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, b := range balances {
		if strings.HasPrefix(b.Account, "held/") && b.Amount != 0 {
			r.t.Errorf("%s is at %d", b.Account, b.Amount)
		}
	}
}
