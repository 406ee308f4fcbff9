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
	if p, err := s.Price(ctx, "org_a", "model/blueprint"); err != nil || p != (core.Price{Version: 2}) {
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
	all, err := s.Prices(ctx, "org_a")
	if err != nil || all.Version != 2 || len(all.Prices) < 10 {
		t.Errorf("%d prices of version %d: %v", len(all.Prices), all.Version, err)
	}
	if at, err := time.Parse("2006-01", all.AsOf); err != nil || at.After(time.Now()) {
		t.Errorf("they are as of %q", all.AsOf)
	}
	for name, p := range all.Prices {
		if strings.HasPrefix(name, "model/") && name != "model/blueprint" && (p.Input <= 0 || p.Output <= p.Input || p.Cached < 0 || p.Cached >= p.Input) {
			t.Errorf("%s costs %+v", name, p)
		}
		if all.From[name] != ledger.BuiltIn {
			t.Errorf("%s is from %q", name, all.From[name])
		}
	}
}

// A version of a model has its name's price, unless it has one of its own. No other
// likeness counts.
func TestPricesOfVersions(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newLedger(t, openSQLite(t))
	if err := s.SetPrice(ctx, "org_a", "model/m", &core.Price{Call: 7}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]core.Credits{
		"model/m-2025-08-07": 7, "model/m-2025-08": 0, "model/m-20250807": 0, "model/m-mini": 0, "model/m-2025-08-07-x": 0, "model/m-9999-08-07": 0, "model/m-2025-08-07-2025-08-08": 0,
	} {
		p, err := s.Price(ctx, "org_a", name)
		if p.Call != want || want == 0 && core.CodeOf(err) != core.NotFound {
			t.Errorf("%s costs %+v: %v", name, p, err)
		}
	}
	first, err := s.Price(ctx, "org_a", "model/gpt-4o-2024-05-13")
	later, err2 := s.Price(ctx, "org_a", "model/gpt-4o-2024-08-06")
	now, err3 := s.Price(ctx, "org_a", "model/gpt-4o")
	if err != nil || err2 != nil || err3 != nil || later != now || first.Input <= now.Input {
		t.Errorf("%+v, %+v, %+v: %v, %v, %v", first, later, now, err, err2, err3)
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
	want("org_a", "model/x", 5, 4) // the built-in list's, the installation's, the org's
	want("org_b", "model/x", 10, 3)
	set("org_a", "model/*", 1)
	want("org_a", "model/x", 5, 5)
	want("org_a", "model/y", 1, 5)
	if p, err := s.Price(ctx, "org_a", "model/gpt-4o"); err != nil || p.Input == 0 {
		t.Errorf("a price for all of a kind goes before the one that is named: %+v, %v", p, err)
	}
	if _, err := s.Price(ctx, "org_b", "model/y"); core.CodeOf(err) != core.NotFound {
		t.Errorf("another org's agreement holds for org_b: %v", err)
	}
	if err := s.SetPrice(ctx, "org_a", "model/x", nil); err != nil {
		t.Fatal(err)
	}
	want("org_a", "model/x", 10, 6)
	all, err := s.Prices(ctx, "org_a")
	if err != nil || all.Version != 6 || all.Prices["model/x"].Call != 10 || all.Prices["model/*"].Call != 1 || all.Prices["tool/*"].Call == 0 {
		t.Errorf("%+v, %v", all, err)
	}
	for name, from := range map[string]string{"model/x": ledger.Installation, "model/*": ledger.Agreed, "tool/*": ledger.BuiltIn} {
		if all.From[name] != from {
			t.Errorf("%s is from %q, want %q", name, all.From[name], from)
		}
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
	if p, err := s.Price(ctx, "org_a", "model/x"); err != nil || p.Version != 12 {
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
