package ledger_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

var orgs atomic.Int64

// newOrg names an org that no other test has.
func newOrg() core.OrgID { return core.OrgID(fmt.Sprintf("org_%d", orgs.Add(1))) }

func openSQLite(t testing.TB) *sqlite.Store {
	t.Helper()
	return sqlitetest.Open(t, sqlite.Config{})
}

// noon is when tests take place.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newLedger(t fataler, st store.Store) *ledger.Service {
	return newLedgerAt(t, st, func() time.Time { return noon })
}

func newLedgerAt(t fataler, st store.Store, now func() time.Time) *ledger.Service {
	s, err := ledger.New(ledger.Config{Books: st, Records: st, Events: st, IDs: core.NewID, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fataler is what testing.T and rapid.T have in common.
type fataler interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func grant(t fataler, s *ledger.Service, org core.OrgID, amount core.Credits) {
	if made, err := s.Grant(context.Background(), org, ledger.Command{ID: "first", Amount: amount}); err != nil || !made {
		t.Fatalf("grant: %t, %v", made, err)
	}
}

func balance(t fataler, s *ledger.Service, org core.OrgID) ledger.Balance {
	b, err := s.Balance(context.Background(), org)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// accounts returns all balances of an org.
func accounts(t fataler, st store.Books, org core.OrgID) map[string]core.Credits {
	all := map[string]core.Credits{}
	for after := ""; ; {
		page, err := st.Balances(context.Background(), org, "", after, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range page {
			all[b.Account], after = b.Amount, b.Account
		}
		if len(page) < 100 {
			return all
		}
	}
}

// event returns an event of a task.
func event(t fataler, org core.OrgID, task core.TaskID, version int64, p core.Payload) core.Event {
	data, err := core.EncodePayload(p)
	if err != nil {
		t.Fatal(err)
	}
	return core.Event{
		ID: core.EventID(fmt.Sprintf("evt_%s.%d", task, version)), Org: org, Project: "prj_a", Stream: task.Stream(), Version: version,
		Type: p.EventType(), Data: data, At: noon,
	}
}

// answers are the agent's side of a request for credits, as the ledger.Tasks contract
// says it is.
type answers struct {
	mu   sync.Mutex
	told map[core.TaskID]core.Payload
	over map[core.TaskID]bool
}

func newAnswers() *answers {
	return &answers{told: map[core.TaskID]core.Payload{}, over: map[core.TaskID]bool{}}
}

func (a *answers) Answer(_ context.Context, _ core.OrgID, task core.TaskID, p core.Payload) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.told[task] != nil:
	case a.over[task]:
		return core.E(core.Conflict, "answers", "it is over")
	default:
		a.told[task] = p
	}
	return nil
}

func (a *answers) of(task core.TaskID) core.Payload {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.told[task]
}

// entries returns all entries of an org.
func entries(t fataler, st store.Books, org core.OrgID) (all []store.Entry) {
	for after := int64(0); ; {
		page, err := st.Entries(context.Background(), org, store.EntryQuery{After: after, Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, page...); len(page) < 200 {
			return all
		}
		after = page[len(page)-1].Seq
	}
}
