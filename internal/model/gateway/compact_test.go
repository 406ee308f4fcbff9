package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

const compacted = `{"id":"resp_2","object":"response.compaction","created_at":1,"output":[{"type":"compaction","id":"cmp_1","encrypted_content":"gAAA"}],"usage":{"input_tokens":139,"output_tokens":438,"total_tokens":577}}`

// compactor adds a provider that compacts, and one of chats alone, and returns what the first is asked.
func compactor(t *testing.T, r *rig, price core.Price) (asked func() string) {
	var path, got string
	u := newUpstream(t, func(_ int64, w http.ResponseWriter, req *http.Request, body []byte) {
		path, got = req.URL.Path, string(body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, compacted)
	})
	r.provider("openai", u.URL, func(s *catalog.Spec) { s.Kind, s.Models[0].Price = catalog.OpenAI, &price })
	r.provider("chats", u.URL, func(s *catalog.Spec) { s.Models[0].Price = &price })
	return func() string { return path + " " + got }
}

func compaction(r *rig, body string) gateway.Call {
	c := r.call(body)
	c.Op = dialect.OpCompact
	return c
}

// A conversation is compacted by who can, and paid for as what it took.
func TestCompaction(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	asked := compactor(t, r, core.Price{Input: 1_000_000 * core.Credit / 1000, Output: 1_000_000 * core.Credit / 1000})
	_, err := r.catalog.PutRoute(r.ctx, r.org, catalog.Route{Name: "both", Targets: []catalog.Leg{{Provider: "chats", Model: "m"}, {Provider: "openai", Model: "m", Tier: 1}}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, err := r.Do(r.ctx, compaction(r, `{"model":"both","input":[{"role":"user","content":"hi"}],"prompt_cache_key":"k"}`))
	if err != nil {
		t.Fatal(err)
	}
	if string(a.Body) != compacted {
		t.Errorf("the caller gets %s", a.Body)
	}
	a.Close()
	if want := `/v1/responses/compact {"model":"m","input":[{"role":"user","content":"hi"}],"prompt_cache_key":"k"}`; asked() != want {
		t.Errorf("the provider is asked %s, not %s", asked(), want)
	}
	calls := r.metered()
	if len(calls) != 1 || calls[0].Usage != (core.Usage{Input: 139, Output: 438}) || calls[0].Cost != 577*core.Credit/1000 || calls[0].Attempts != 1 {
		t.Errorf("metered: %+v", calls)
	}
}

// Who can't compact isn't asked, nor anybody for what credits may not be enough for.
func TestCompactionThatIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	asked := compactor(t, r, core.Price{Output: 1_000_000 * core.Credit}) // a credit for a token
	long := strings.Repeat("word ", 10_000)
	for body, want := range map[string]core.Code{
		`{"model":"chats/m","input":"hi"}`:                           core.NotFound,
		`{"model":"openai/m","input":"hi"}`:                          core.Exhausted,
		`{"model":"openai/m","input":"hi","max_output_tokens":1}`:    core.Exhausted, // no limit that a provider of compaction knows
		`{"model":"openai/m","input":"` + long + `","max_tokens":1}`: core.Exhausted,
		`{"model":"openai/m","input":"hi","background":true}`:        core.Unsupported,
		`{"input":"hi"}`: core.Invalid,
	} {
		a, err := r.Do(r.ctx, compaction(r, body))
		if core.CodeOf(err) != want || err != nil && core.HintOf(err) == "" {
			t.Errorf("%.60s: %v (%s), want %s", body, err, core.HintOf(err), want)
		}
		if a != nil {
			a.Close()
		}
	}
	if asked() != " " {
		t.Errorf("a provider was asked %s", asked())
	}
}
