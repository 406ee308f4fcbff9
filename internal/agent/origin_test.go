package agent_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// A name may lead to several: a task is admitted by the dearest of them, and charged by who
// has answered.
func TestWhoAnswersIsPaid(t *testing.T) {
	t.Parallel()
	near, far := model.Origin{Provider: "near", Model: "small"}, model.Origin{Provider: "far", Model: "big"}
	by := map[model.Origin]core.Price{
		near: {Input: 2_000_000, Cached: 1_000_000, Output: 3_000_000, Version: 4},
		far:  {Input: 20_000_000, Output: 1_000_000, Call: 7, Version: 9},
	}
	const (
		ofNear = 600*2 + 400*1 + 100*3
		ofFar  = 1000*20 + 100*1 + 7
		ofNone = 1000*20 + 100*3 + 7 // what either could cost at most
	)
	for name, c := range map[string]struct {
		answers []model.Origin // in turn
		costs   []core.Credits
		prices  []int
	}{
		"one":         {[]model.Origin{near}, []core.Credits{ofNear, ofNear, ofNear, ofNear}, []int{4, 4, 4, 4}},
		"in turn":     {[]model.Origin{near, far}, []core.Credits{ofNear, ofFar, ofNear, ofFar}, []int{4, 9, 4, 9}},
		"nobody says": {[]model.Origin{{}}, []core.Credits{ofNone, ofNone, ofNone, ofNone}, []int{9, 9, 9, 9}},
		"a new one":   {[]model.Origin{{Provider: "new", Model: "small"}}, []core.Credits{ofNone, ofNone, ofNone, ofNone}, []int{9, 9, 9, 9}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			r, prices := charged(t, func(q model.Request) (model.Answer, error) {
				a, err := metered(q)
				a.By = c.answers[n%len(c.answers)]
				n++
				return a, err
			}, map[string]core.Price{"model/m": {}, "tool/act": {Call: 5}}, actTool())
			prices.by = by
			defer r.worker("w1", nil)()
			id := r.hold(agent.NewTask{Kind: core.KindTask, Model: "m"})
			st := r.wait(id, "over", over)
			var costs []core.Credits
			var versions []int
			for i, s := range settledModels(r, id) {
				costs, versions = append(costs, s.Cost), append(versions, s.Prices)
				if who := c.answers[i%len(c.answers)]; s.Provider != who.Provider || s.Model != who.Model {
					t.Errorf("call %d was answered by %s/%s, want %+v", i, s.Provider, s.Model, who)
				}
			}
			if !slices.Equal(costs, c.costs) || !slices.Equal(versions, c.prices) {
				t.Errorf("calls cost %v by the prices %v, want %v by %v", costs, versions, c.costs, c.prices)
			}
			sum := core.Credits(5)
			for _, cost := range c.costs {
				sum += cost
			}
			if st.Status != core.StatusSucceeded || st.Spent != sum {
				t.Errorf("%s for %s, want %s", st.Status, st.Spent, sum)
			}
		})
	}
}

// What an answer that broke off has used is paid to who gave it.
func TestWhoBreaksOffIsPaid(t *testing.T) {
	t.Parallel()
	near, far := model.Origin{Provider: "near", Model: "small"}, model.Origin{Provider: "far", Model: "big"}
	r, prices := charged(t, func(model.Request) (model.Answer, error) {
		return model.Answer{Text: "a beginning, and", By: near}, core.E(core.Unavailable, "model", "cut")
	}, map[string]core.Price{"model/m": {}}, actTool())
	prices.by = map[model.Origin]core.Price{near: {Input: 1_000_000, Output: 1_000_000}, far: {Input: 9_000_000, Output: 9_000_000}}
	defer r.worker("w1", nil)()
	id := r.hold(agent.NewTask{Kind: core.KindTask, Model: "m"})
	r.wait(id, "charged", func(s agent.State) bool { return s.ModelCalls > 0 })
	s := settledModels(r, id)[0]
	if u := s.Usage; s.Error == nil || s.Provider != "near" || u.Output == 0 || s.Cost != core.Credits(u.Input+u.Output) {
		t.Errorf("%+v", s)
	}
}

func settledModels(r *rig, id core.TaskID) (all []core.ModelSettled) {
	for _, p := range r.payloads(id) {
		if s, ok := p.(core.ModelSettled); ok {
			all = append(all, s)
		}
	}
	return all
}

// Nobody of a quote costs more than it says, whatever was used.
func TestACeilingIsAbove(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.Map(rapid.Int64Range(0, 5_000_000), func(n int64) core.Credits { return core.Credits(n) })
		by := map[model.Origin]core.Price{}
		for i := range rapid.IntRange(1, 4).Draw(t, "targets") {
			by[model.Origin{Provider: string(rune('a' + i))}] = core.Price{
				Input: part.Draw(t, "input"), Cached: part.Draw(t, "cached"), Output: part.Draw(t, "output"), Call: part.Draw(t, "call"), Second: part.Draw(t, "second"),
			}
		}
		u := core.Usage{Input: rapid.IntRange(0, 1_000_000).Draw(t, "in"), Output: rapid.IntRange(0, 100_000).Draw(t, "out")}
		u.Cached = rapid.IntRange(0, u.Input).Draw(t, "from cache")
		most := agent.Ceiling(by).Tokens(u)
		for who, p := range by {
			if p.Tokens(u) > most {
				t.Errorf("%+v costs %d of at most %d", who, p.Tokens(u), most)
			}
		}
	})
}
