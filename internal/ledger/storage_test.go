package ledger_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/store"
)

const gib = 1 << 30

// A day is charged once, by whom and as often as it may be; the next is another.
func TestStorageIsChargedOnceADay(t *testing.T) {
	t.Parallel()
	onTwoNodes(t, func(t *testing.T, nodes [2]store.Store) {
		ctx, org := context.Background(), newOrg()
		s := [2]*ledger.Service{newLedger(t, nodes[0]), newLedger(t, nodes[1])}
		grant(t, s[0], org, core.Credit)
		if err := s[0].SetPrice(ctx, org, ledger.Storage, &core.Price{GiBDay: 1000}); err != nil {
			t.Fatal(err)
		}
		for day := range 2 {
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() {
					at := noon.AddDate(0, 0, day).Add(time.Duration(i) * time.Minute)
					if cost, err := s[i%2].ChargeStorage(ctx, org, at, 2*gib+1); err != nil || cost != 2001 {
						t.Errorf("%d, %v", cost, err)
					}
				})
			}
			all.Wait()
		}
		want := ledger.Balance{Available: core.Credit - 2*2001, Spent: 2 * 2001, Storage: 2 * 2001, Granted: core.Credit}
		if b := balance(t, s[1], org); b != want {
			t.Errorf("%+v, want %+v", b, want)
		}
		lines, err := s[0].Entries(ctx, org, store.EntryQuery{Account: "storage", Limit: 10})
		if err != nil || len(lines) != 2 || lines[1].Kind != "storage" || lines[1].Balance != 2*2001 || !strings.Contains(lines[1].Note, "2.000 GiB on 2026-11-23") {
			t.Errorf("%+v, %v", lines, err)
		}
	})
}

// An org that can't pay keeps what it has, and begins no new task.
func TestStorageThatNothingCovers(t *testing.T) {
	t.Parallel()
	w := emptyShop(t)
	ctx := context.Background()
	grant(t, w.s, w.org, 100)
	for day, cost := range []core.Credits{60, 60, 60} {
		if err := w.s.SetPrice(ctx, w.org, ledger.Storage, &core.Price{GiBDay: cost}); err != nil {
			t.Fatal(err)
		}
		if got, err := w.s.ChargeStorage(ctx, w.org, noon.AddDate(0, 0, day), gib); err != nil || got != cost {
			t.Errorf("day %d: %d, %v", day, got, err)
		}
	}
	if b := balance(t, w.s, w.org); b != (ledger.Balance{Spent: 180, Storage: 180, Granted: 100, WrittenOff: 80}) {
		t.Errorf("%+v", b)
	}
	if _, ok := w.begin(1, ""); ok {
		t.Error("a task begins without credits")
	}
}

// What is free, and nothing, leaves no line in the books.
func TestStorageForNothing(t *testing.T) {
	t.Parallel()
	w := emptyShop(t)
	ctx := context.Background()
	if cost, err := w.s.ChargeStorage(ctx, w.org, noon, 0); cost != 0 || err != nil {
		t.Errorf("nothing costs %d: %v", cost, err)
	}
	if err := w.s.SetPrice(ctx, core.Installation, ledger.Storage, &core.Price{}); err != nil {
		t.Fatal(err)
	}
	if cost, err := w.s.ChargeStorage(ctx, w.org, noon, 100*gib); cost != 0 || err != nil {
		t.Errorf("what is free costs %d: %v", cost, err)
	}
	if all := entries(t, w.st, w.org); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}
