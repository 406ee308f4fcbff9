package meter_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/store"
)

// projected is a world whose view is kept.
func projected(w *world) *store.Projector {
	w.t.Helper()
	p := meter.NewProjector(w.st)
	for range 2 {
		for _, e := range w.events() {
			if err := p.Handle(ctx, e); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	return p
}

func (w *world) usage(q meter.Question) []meter.Usage {
	w.t.Helper()
	list, err := meter.Read(ctx, meter.Sources{Views: w.st, Events: w.st, Records: w.st}, w.org, q)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func TestUsageByDayProjectKeyAndModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openSQLite(t), 100_000)
	m := w.node(w.st)
	call := func(project core.ProjectID, key core.KeyID, u meter.Used) {
		a := w.ask(10)
		a.Scope.Project, a.Key = project, key
		ticket, err := m.Open(ctx, a)
		if err != nil {
			t.Fatal(err)
		}
		ticket.Settle(u)
	}
	full := meter.Used{Op: "chat", Provider: "p", Model: "m-1", Status: meter.StatusOK, Usage: core.Usage{Input: 100, Cached: 40, Output: 10, Reasoning: 4, Estimated: true}}
	w.clock.Set(time.Date(2026, 11, 22, 23, 59, 59, 0, time.UTC))
	call("prj_a", "key_a", full)
	call("prj_a", "key_a", full)
	call("prj_a", "key_b", full)
	w.clock.Advance(2 * time.Second) // the same hold, the next day
	call("prj_a", "key_a", full)
	call("prj_a", "key_a", meter.Used{Status: meter.StatusFailed, Provider: "p", Model: "m-1"})
	call("prj_b", "", meter.Used{Status: meter.StatusCanceled})
	if got := w.usage(meter.Question{From: "2026-11-01", To: "2026-11-30"}); len(got) != 0 {
		t.Errorf("before anything is written down there is %v", got)
	}
	one := meter.Usage{Day: "2026-11-22", Project: "prj_a", Key: "key_a", Provider: "p", Model: "m-1", Calls: 2, Input: 200, Cached: 80, Output: 20, Reasoning: 8, Estimated: 2, Credits: 20}
	two := meter.Usage{Day: "2026-11-22", Project: "prj_a", Key: "key_b", Provider: "p", Model: "m-1", Calls: 1, Input: 100, Cached: 40, Output: 10, Reasoning: 4, Estimated: 1, Credits: 10}
	next := meter.Usage{Day: "2026-11-23", Project: "prj_a", Key: "key_a", Provider: "p", Model: "m-1", Calls: 2, Failed: 1, Input: 100, Cached: 40, Output: 10, Reasoning: 4, Estimated: 1, Credits: 10}
	other := meter.Usage{Day: "2026-11-23", Project: "prj_b", Model: "m", Calls: 1, Failed: 1}
	questions := map[string]struct {
		q    meter.Question
		want []meter.Usage
	}{
		"all":         {meter.Question{From: "2026-09-01", To: "2026-11-30"}, []meter.Usage{next, other, one, two}},
		"a day":       {meter.Question{From: "2026-11-22", To: "2026-11-22"}, []meter.Usage{one, two}},
		"the next":    {meter.Question{From: "2026-11-23", To: "2026-11-23"}, []meter.Usage{next, other}},
		"a project":   {meter.Question{From: "2026-11-22", To: "2026-11-23", Project: "prj_b"}, []meter.Usage{other}},
		"a key":       {meter.Question{From: "2026-11-22", To: "2026-11-23", Key: "key_b"}, []meter.Usage{two}},
		"a model":     {meter.Question{From: "2026-11-22", To: "2026-11-23", Model: "m"}, []meter.Usage{other}},
		"one's own":   {meter.Question{From: "2026-11-22", To: "2026-11-23", May: func(p core.ProjectID) bool { return p == "prj_b" }}, []meter.Usage{other}},
		"before":      {meter.Question{From: "2026-11-20", To: "2026-11-21"}, []meter.Usage{}},
		"after":       {meter.Question{From: "2026-11-24", To: "2026-11-24"}, []meter.Usage{}},
		"a long time": {meter.Question{From: "2026-09-01", To: "2026-12-01"}, []meter.Usage{next, other, one, two}},
	}
	hold := func(when string) {
		t.Helper()
		for name, c := range questions {
			if diff := cmp.Diff(c.want, w.usage(c.q)); diff != "" {
				t.Errorf("%s, %s: %s", when, name, diff)
			}
		}
	}
	if n := m.Work(ctx); n != 3 {
		t.Errorf("%d accounts", n)
	}
	hold("while the holds take calls")
	w.idle(m)
	p := projected(w)
	hold("when they have ended")
	if rows, differ, err := p.Verify(ctx, w.org); rows != 3 || len(differ) != 0 || err != nil {
		t.Errorf("%d rows, %v: %v", rows, differ, err)
	}
	if err := p.Rebuild(ctx, w.org); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]meter.Usage{next, other, one, two}, w.usage(meter.Question{From: "2026-11-22", To: "2026-11-23"})); diff != "" {
		t.Errorf("built anew: %s", diff)
	}
}

func TestDaysThatCantBe(t *testing.T) {
	t.Parallel()
	st := openSQLite(t)
	for _, d := range [][2]string{{"", ""}, {"2026-11-22", "2026-11-21"}, {"2026-11-22", "x"}, {"2026-09-01", "2026-12-02"}, {"2026-13-01", "2026-13-02"}} {
		_, err := meter.Read(ctx, meter.Sources{Views: st}, "org_a", meter.Question{From: d[0], To: d[1]})
		if core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("from %q to %q: %v", d[0], d[1], err)
		}
	}
}

// A hold without calls leaves no row.
func TestAHoldWithoutCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openSQLite(t), 1000)
	m := w.node(w.st)
	w.open(m, 10).Drop()
	w.idle(m)
	if rows, differ, err := projected(w).Verify(ctx, w.org); rows != 0 || len(differ) != 0 || err != nil {
		t.Errorf("%d rows, %v: %v", rows, differ, err)
	}
	w.settled(1000, 0)
}

// BenchmarkRead sums a quarter in which eight keys called all the time on one day in ten.
func BenchmarkRead(b *testing.B) {
	st := openSQLite(b)
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	n := 0
	for day := range 9 {
		for minute := range 24 * 60 {
			var rows []store.Row
			for k := range 8 {
				n++
				when := at.AddDate(0, 0, -10*day).Add(time.Duration(minute) * time.Minute)
				rows = append(rows, store.Row{
					ID: fmt.Sprintf("hld_%d", n), Project: "prj_a", Kind: fmt.Sprintf("key_%d", k), Sort: when.UnixMilli(),
					Data: []byte(`[{"day":"` + when.Format(time.DateOnly) + `","provider":"p","model":"m","calls":1000,"input":100000,"output":10000,"credits":123456}]`),
				})
			}
			if _, err := st.Apply(ctx, "org_a", meter.View, store.Mark{Stream: core.StreamID(rows[0].ID), Version: 1}, rows); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		if _, err := meter.Read(ctx, meter.Sources{Views: st}, "org_a", meter.Question{From: "2026-08-23", To: "2026-11-22"}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n), "rows")
}
