package catalog_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

func TestWhereNamesLead(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.put(t, house, of("openai", catalog.OpenAI, "gpt-5-mini", "text-embedding-3-small"))
		r.put(t, house, of("claude", catalog.Anthropic, "claude-haiku-4-5"))
		r.put(t, house, catalog.Spec{Name: "azure", Kind: catalog.Azure, Address: "https://res.openai.azure.com", Models: []catalog.Model{{Name: "gpt-5"}}})
		r.route(t, house, "smart", catalog.Leg{Provider: "openai", Model: "gpt-5-mini"})
		r.put(t, orgA, of("openai", catalog.Compatible, "gpt-5-mini", "own"))
		r.put(t, orgA, of("local", catalog.Ollama))
		r.route(t, orgA, "fast", catalog.Leg{Provider: "claude", Model: "claude-haiku-4-5", Tier: 3},
			catalog.Leg{Provider: "openai", Model: "own", Weight: 3}, catalog.Leg{Provider: "local", Model: "qwen3:8b"})
		r.route(t, orgA, "both", catalog.Leg{Provider: "local", Model: "qwen3:8b"}, catalog.Leg{Provider: "azure", Model: "gpt-5", Tier: 1})
		r.route(t, orgA, "org/slash", catalog.Leg{Provider: "openai", Model: "own"})

		const chat, embed = dialect.OpChat, dialect.OpEmbeddings
		for _, c := range []struct {
			org  core.OrgID
			name string
			op   dialect.Operation
			want string // or a code
		}{
			{orgB, "gpt-5-mini", chat, "org_installation:openai/gpt-5-mini=i"},
			{orgB, "openai/gpt-5-mini", dialect.OpMessages, "org_installation:openai/gpt-5-mini=i"},
			{orgB, "smart", dialect.OpResponses, "org_installation:openai/gpt-5-mini=i"},
			{orgB, "claude-haiku-4-5", chat, "org_installation:claude/claude-haiku-4-5=i"},
			{orgB, "claude-haiku-4-5", dialect.OpCountTokens, "org_installation:claude/claude-haiku-4-5=i"},
			{orgB, "gpt-5-mini", dialect.OpCountTokens, "org_installation:openai/gpt-5-mini=i"},
			{orgB, "claude-haiku-4-5", embed, "unsupported"},
			{orgB, "smart", dialect.OpCompact, "org_installation:openai/gpt-5-mini=i"},
			{orgB, "claude-haiku-4-5", dialect.OpCompact, "not_found"}, // that can't be translated
			{orgB, "own", chat, "not_found"},
			{orgB, "fast", chat, "not_found"},
			{orgB, "openai/nothing", chat, "not_found"},
			{orgB, "", chat, "not_found"},

			{orgA, "gpt-5-mini", chat, "org_a:openai/gpt-5-mini=i"},
			{orgA, "smart", chat, "org_installation:openai/gpt-5-mini=i"}, // the operator's route stays his
			{orgA, "claude/claude-haiku-4-5", chat, "org_installation:claude/claude-haiku-4-5=i"},
			{orgA, "fast", chat, "org_a:openai/own=iii org_a:local/qwen3:8b=i | org_installation:claude/claude-haiku-4-5=i"},
			{orgA, "fast", embed, "org_a:openai/own=iii org_a:local/qwen3:8b=i"},
			{orgA, "fast", dialect.OpCompact, "not_found"},
			{orgA, "both", dialect.OpCompact, "org_installation:azure/gpt-5=i"},
			{orgA, "org/slash", chat, "org_a:openai/own=i"},
			{orgA, "local/any:1b", chat, "org_a:local/any:1b=i"},
			{orgA, "whatever", chat, "org_a:local/whatever=i"}, // it lists nothing, so it is asked
			{orgA, "with a space", chat, "not_found"},
		} {
			got, err := view(t, r.Catalog, c.org).Resolve(c.name, c.op)
			switch said := ways(got); {
			case err != nil && string(core.CodeOf(err)) != c.want:
				t.Errorf("%s of %s for %s: %v, want %s", c.name, c.org, c.op, err, c.want)
			case err != nil && core.HintOf(err) == "":
				t.Errorf("%s of %s for %s: %v has no hint", c.name, c.org, c.op, err)
			case err == nil && said != c.want:
				t.Errorf("%s of %s for %s: %s, want %s", c.name, c.org, c.op, said, c.want)
			}
		}
	})
}

func TestNamesThatAreLikeIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	_, err := view(t, r.Catalog, orgA).Resolve("gpt", dialect.OpChat)
	if hint := core.HintOf(err); !strings.Contains(hint, "isekai model add") {
		t.Errorf("without any model the hint is %q", hint)
	}
	r.put(t, house, of("openai", catalog.OpenAI, "gpt-5-mini", "gpt-5", "o4-mini"))
	r.put(t, orgB, of("secret", catalog.OpenAI, "gpt-5-mimi"))
	for name, want := range map[string]string{"gpt5-mini": "gpt-5-mini", "openai/gpt-5-mni": "gpt-5-mini", "gpt-5-MINI": "gpt-5-mini"} {
		_, err := view(t, r.Catalog, orgA).Resolve(name, dialect.OpChat)
		if hint := core.HintOf(err); core.CodeOf(err) != core.NotFound || !strings.HasPrefix(hint, "did you mean "+want) || strings.Contains(hint, "mimi") {
			t.Errorf("%s: %v, with the hint %q", name, err, hint)
		}
		var p dialect.Problem
		if !errors.As(err, &p) || p.Code != "model_not_found" || !strings.Contains(p.Message, name) {
			t.Errorf("%s: OpenAI's clients are told %+v", name, p)
		}
	}
	_, err = view(t, r.Catalog, orgA).Resolve(strings.Repeat("x", 100_000), dialect.OpChat)
	if refused(t, "a long name", err, core.NotFound); len(err.Error()) > 500 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}

func TestRoutesOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	r.put(t, orgA, of("openai", catalog.OpenAI, "gpt-5-mini"))
	r.put(t, orgA, of("open", catalog.Ollama))
	r.route(t, orgA, "fast", catalog.Leg{Provider: "openai", Model: "gpt-5-mini"})
	_, err := r.SetSettings(t.Context(), orgA, catalog.Settings{RoutesOnly: true}, 0)
	ok(t, err)
	v := view(t, r.Catalog, orgA)
	for _, name := range []string{"gpt-5-mini", "openai/gpt-5-mini", "open/x", "anything"} {
		_, err := v.Resolve(name, dialect.OpChat)
		refused(t, name, err, core.NotFound)
	}
	_, err = v.Resolve("fast", dialect.OpChat)
	ok(t, err)
	if got := v.Models(); !slices.Equal(got, []catalog.Offer{{Name: "fast", Owner: "route"}}) {
		t.Errorf("on offer are %+v", got)
	}
}

// TestWhatACallCosts: an org's own provider costs what it says, or nothing; the
// installation's what it says, or what the list says.
func TestWhatACallCosts(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	price := &core.Price{Input: 5}
	for _, org := range []core.OrgID{house, orgA} {
		s := of("p"+strings.TrimPrefix(string(org), "org"), catalog.Compatible, "plain")
		s.Name = strings.ReplaceAll(s.Name, "_", "-")
		s.Models = append(s.Models, catalog.Model{Name: "priced", Price: price})
		r.put(t, org, s)
	}
	v := view(t, r.Catalog, orgA)
	for name, want := range map[string]*core.Price{
		"p-a/plain": {}, "p-a/priced": price, "p-installation/plain": nil, "p-installation/priced": price,
	} {
		got, err := v.Resolve(name, dialect.OpChat)
		ok(t, err)
		target := got.Tiers[0][0]
		if (target.Price == nil) != (want == nil) || want != nil && *target.Price != *want {
			t.Errorf("%s costs %+v, want %+v", name, target.Price, want)
		}
		if want := "model/" + target.Model; target.PriceName != want {
			t.Errorf("%s is listed as %s", name, target.PriceName)
		}
	}
}

// TestResolveAllocatesNothing for what is listed.
func TestResolveAllocatesNothing(t *testing.T) {
	r := newRig(t, onSQLite)
	r.put(t, orgA, of("openai", catalog.OpenAI, "gpt-5-mini"))
	r.route(t, orgA, "fast", catalog.Leg{Provider: "openai", Model: "gpt-5-mini"})
	v := view(t, r.Catalog, orgA)
	for _, name := range []string{"fast", "gpt-5-mini", "openai/gpt-5-mini"} {
		if n := testing.AllocsPerRun(100, func() { _, _ = v.Resolve(name, dialect.OpChat) }); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

// TestResolveKeepsItsWord for whatever is there: what it gives is there, on, of the org or
// the installation, able to do it, in the order of the tiers; and what is listed is found.
func TestResolveKeepsItsWord(t *testing.T) {
	t.Parallel()
	r, n := newRig(t, onSQLite), 0
	rapid.Check(t, func(rt *rapid.T) {
		r.empty(t, house)
		n++
		orgA, orgB := core.OrgID(fmt.Sprintf("org_a%d", n)), core.OrgID(fmt.Sprintf("org_b%d", n))
		names := []string{"a", "b", "c"}
		models := []string{"m", "n", "a/m", "o:1"}
		kinds := []catalog.Kind{catalog.OpenAI, catalog.Anthropic, catalog.Ollama}
		for _, org := range []core.OrgID{orgA, house, orgB} {
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 3, rapid.ID).Draw(rt, "providers") {
				s := of(name, rapid.SampledFrom(kinds).Draw(rt, "kind"), rapid.SliceOfNDistinct(rapid.SampledFrom(models), 0, 3, rapid.ID).Draw(rt, "models")...)
				s.Off, s.Others = rapid.Bool().Draw(rt, "off"), rapid.Bool().Draw(rt, "others")
				r.put(t, org, s)
			}
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"r", "m", "a/m"}), 0, 2, rapid.ID).Draw(rt, "routes") {
				var legs []catalog.Leg
				for range rapid.IntRange(1, 4).Draw(rt, "legs") {
					legs = append(legs, catalog.Leg{
						Provider: rapid.SampledFrom(names).Draw(rt, "to"), Model: rapid.SampledFrom(models).Draw(rt, "model"),
						Weight: rapid.IntRange(0, 3).Draw(rt, "weight"), Tier: rapid.IntRange(0, 2).Draw(rt, "tier"),
					})
				}
				_, err := r.PutRoute(t.Context(), org, catalog.Route{Name: name, Targets: legs}, 0)
				if err != nil {
					refused(t, "a route that leads to nothing", err, core.Invalid)
				}
			}
		}
		v := view(t, r.Catalog, orgA)
		for _, o := range v.Models() {
			if _, err := v.Resolve(o.Name, dialect.OpChat); core.CodeOf(err) == core.NotFound {
				rt.Errorf("%s is on offer, and not found", o.Name)
			}
		}
		for _, name := range append([]string{"r", "zzz", "c/m", "a/a/m", "b/a/m"}, models...) {
			i := slices.IndexFunc(v.Models(), func(o catalog.Offer) bool { return o.Name == name })
			if got, is := v.Model(name); is != (i >= 0) || is && got != v.Models()[i] {
				rt.Errorf("%s is %+v (%t) by itself, and not among %+v", name, got, is, v.Models())
			}
		}
		for _, name := range append([]string{"r", "zzz", "c/m", "a/a/m", "b/a/m"}, models...) {
			for _, op := range []dialect.Operation{dialect.OpChat, dialect.OpMessages, dialect.OpEmbeddings, dialect.OpCountTokens, dialect.OpCompact} {
				got, err := v.Resolve(name, op)
				if err != nil {
					if !slices.Contains([]core.Code{core.NotFound, core.Unsupported, core.Unavailable}, core.CodeOf(err)) || core.HintOf(err) == "" {
						rt.Errorf("%s for %s: %v", name, op, err)
					}
					continue
				}
				check(rt, orgB, name, op, got)
			}
		}
	})
}

func check(rt *rapid.T, stranger core.OrgID, name string, op dialect.Operation, got catalog.Resolved) {
	if got.Name != name || len(got.Tiers) == 0 {
		rt.Errorf("%s for %s: %+v", name, op, got)
	}
	for _, tier := range got.Tiers {
		if len(tier) == 0 {
			rt.Errorf("%s for %s has an empty tier", name, op)
		}
		for _, target := range tier {
			p := target.Provider
			does := op
			if op == dialect.OpCountTokens { // who doesn't count is asked for nothing
				does = dialect.OpMessages
			}
			if _, able := p.Via(does); !able || p.Off || p.Org == stranger || !p.Has(target.Model) || target.Weight < 1 {
				rt.Errorf("%s for %s leads to %s of %s (%v)", name, op, p.Name, p.Org, fmt.Sprintf("%+v", p.Spec))
			}
			if full := p.Name + "/" + target.Model; got.Route == "" && name != target.Model && name != full {
				rt.Errorf("%s leads to %s by no route", name, full)
			}
		}
	}
}
