package agent

import (
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// Who comes between a quote and the answer doesn't cost less than it says, nor than what the
// call was admitted for: a provider that costs nothing and is gone by then saves nobody the
// price of the one that answers in its place.
func TestWhoWasntQuotedCostsWhatItSays(t *testing.T) {
	t.Parallel()
	free := model.Origin{Provider: "p", Model: "m", Exact: "org_a/p@1"}
	other := model.Origin{Provider: "p", Model: "m", Exact: "org_installation/p@2"}
	dear := core.Price{Input: 2 * core.Credit, Output: 3 * core.Credit}
	q := Ceiling(map[model.Origin]core.Price{free: {}})
	for name, c := range map[string]struct {
		quote Quote
		a     model.Answer
		want  core.Credits // for a million tokens of output
	}{
		"who was quoted":                 {q, model.Answer{By: free, Price: &dear}, 0},
		"another, dearer":                {q, model.Answer{By: other, Price: &dear}, 3 * core.Credit},
		"another, cheaper":               {Ceiling(map[model.Origin]core.Price{free: dear}), model.Answer{By: other, Price: &core.Price{}}, 3 * core.Credit},
		"another that says nothing":      {Ceiling(map[model.Origin]core.Price{free: dear}), model.Answer{By: other}, 3 * core.Credit},
		"nobody says who, but a price":   {Ceiling(map[model.Origin]core.Price{free: dear}), model.Answer{Price: &core.Price{}}, 3 * core.Credit},
		"a list that is the same to all": {Quote{Price: dear}, model.Answer{By: other}, 3 * core.Credit},
	} {
		if got := c.quote.of(c.a).Tokens(core.Usage{Output: 1_000_000}); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
