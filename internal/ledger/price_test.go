package ledger_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
)

func TestPricesOfTheProgram(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newLedger(t, openSQLite(t))
	if p, err := s.Price(ctx, "org_a", "model/blueprint"); err != nil || p != (core.Price{Version: 1}) {
		t.Errorf("the built-in planner costs %+v: %v", p, err)
	}
	// USD 2.50 and 10 of a million tokens are 250 and 1,000 credits.
	p, err := s.Price(ctx, "org_a", "model/gpt-4o")
	if err != nil || p.Tokens(core.Usage{Input: 2_000_000, Cached: 1_000_000, Output: 1000}) != 250*core.Credit+125*core.Credit+core.Credit {
		t.Errorf("%+v: %v", p, err)
	}
	if p, err := s.Price(ctx, "org_a", "tool/mcp_anything"); err != nil || p.Call == 0 {
		t.Errorf("a tool that nobody named: %+v, %v", p, err)
	}
	if p, err := s.Price(ctx, "org_a", ledger.Storage); err != nil || p.GiBDay == 0 {
		t.Errorf("storage: %+v, %v", p, err)
	}
	_, err = s.Price(ctx, "org_a", "model/dreamt-1")
	if core.CodeOf(err) != core.NotFound || !strings.Contains(err.Error(), "model/dreamt-1") || !strings.Contains(core.HintOf(err), "price set model/dreamt-1") {
		t.Errorf("an unknown price: %v (%s)", err, core.HintOf(err))
	}
	all, version, err := s.Prices(ctx, "org_a")
	if err != nil || version != 1 || len(all) < 10 {
		t.Errorf("%d prices of version %d: %v", len(all), version, err)
	}
	for name, p := range all {
		if strings.HasPrefix(name, "model/") && name != "model/blueprint" && (p.Input <= 0 || p.Output <= p.Input || p.Cached <= 0 || p.Cached >= p.Input) {
			t.Errorf("%s costs %+v", name, p)
		}
	}
}

func TestWhosePrice(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newLedger(t, openSQLite(t))
	set := func(org core.OrgID, name string, call core.Credits) {
		t.Helper()
		if err := s.SetPrice(ctx, org, name, &core.Price{Call: call}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(org core.OrgID, name string, call core.Credits, version int) {
		t.Helper()
		if p, err := s.Price(ctx, org, name); err != nil || p.Call != call || p.Version != version {
			t.Errorf("%s pays %+v for %s, want %d of version %d: %v", org, p, name, call, version, err)
		}
	}
	set(core.Installation, "model/x", 10)
	set("org_a", "model/x", 5)
	want("org_a", "model/x", 5, 3) // the built-in list's, the installation's, the org's
	want("org_b", "model/x", 10, 2)
	set("org_a", "model/*", 1)
	want("org_a", "model/x", 5, 4)
	want("org_a", "model/y", 1, 4)
	if p, err := s.Price(ctx, "org_a", "model/gpt-4o"); err != nil || p.Input == 0 {
		t.Errorf("a price for all of a kind goes before the one that is named: %+v, %v", p, err)
	}
	if _, err := s.Price(ctx, "org_b", "model/y"); core.CodeOf(err) != core.NotFound {
		t.Errorf("another org's agreement holds for org_b: %v", err)
	}
	if err := s.SetPrice(ctx, "org_a", "model/x", nil); err != nil {
		t.Fatal(err)
	}
	want("org_a", "model/x", 10, 5)
	all, version, err := s.Prices(ctx, "org_a")
	if err != nil || version != 5 || all["model/x"].Call != 10 || all["model/*"].Call != 1 || all["tool/*"].Call == 0 {
		t.Errorf("version %d: %+v, %v", version, all, err)
	}
}

// Every version of a list stays, so that what an old entry was charged by can be read.
func TestPricesAreKept(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	st := openSQLite(t)
	s := newLedger(t, st)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if err := s.SetPrice(ctx, "org_a", "model/x", &core.Price{Call: core.Credits(i + 1)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	kept, err := st.Records(ctx, "org_a", "prices", "version/", "", 100)
	if err != nil || len(kept) != 10 {
		t.Errorf("%d versions are kept: %v", len(kept), err)
	}
	if p, err := s.Price(ctx, "org_a", "model/x"); err != nil || p.Version != 11 {
		t.Errorf("%+v: %v", p, err)
	}
}

// Another node's change is known after five seconds, and this one's at once.
func TestPricesAreFresh(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	st := openSQLite(t)
	now := noon
	s, other := newLedgerAt(t, st, func() time.Time { return now }), newLedger(t, st)
	call := func() core.Credits {
		p, err := s.Price(ctx, "org_a", "model/x")
		if err != nil && core.CodeOf(err) != core.NotFound {
			t.Fatal(err)
		}
		return p.Call
	}
	for _, step := range []struct {
		by    *ledger.Service
		price core.Credits
		after time.Duration
		want  core.Credits
	}{{s, 1, 0, 1}, {other, 2, 4 * time.Second, 1}, {nil, 0, time.Second, 2}, {s, 3, 0, 3}} {
		if step.by != nil {
			if err := step.by.SetPrice(ctx, "org_a", "model/x", &core.Price{Call: step.price}); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(step.after)
		if got := call(); got != step.want {
			t.Errorf("after %s: %d, want %d", step.after, got, step.want)
		}
	}
}

func TestPricesThatCantBe(t *testing.T) {
	t.Parallel()
	s := newLedger(t, openSQLite(t))
	for _, name := range []string{"", "gpt-4o", "model/", "model", "memory/x", "model/a\nb", "model/" + strings.Repeat("x", 300)} {
		if err := s.SetPrice(context.Background(), "org_a", name, &core.Price{}); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("%.20q: %v", name, err)
		}
	}
	for _, p := range []core.Price{{Input: -1}, {Output: 1_000_001 * core.Credit}, {Second: -1}} {
		if err := s.SetPrice(context.Background(), "org_a", "model/x", &p); core.CodeOf(err) != core.Invalid {
			t.Errorf("%+v: %v", p, err)
		}
	}
}
