package gateway_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// caching costs a credit for each token that is read, more for those that go into the cache, and
// twice as much above 1000 tokens.
var caching = &core.Price{
	Input: 1e6 * core.Credit, Cached: 1e5 * core.Credit, CacheWrite: 125e4 * core.Credit, CacheWrite1h: 2e6 * core.Credit, Output: 4e6 * core.Credit,
	Above: &core.PriceAbove{Tokens: 1000, Input: 2e6 * core.Credit, Cached: 2e5 * core.Credit, CacheWrite: 25e5 * core.Credit, CacheWrite1h: 4e6 * core.Credit, Output: 6e6 * core.Credit},
}

// claude answers as Anthropic does, with a usage.
func claude(usage string) func(int64, http.ResponseWriter, *http.Request, []byte) {
	return func(_ int64, w http.ResponseWriter, _ *http.Request, body []byte) {
		message := `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hello."}],"stop_reason":"end_turn","stop_sequence":null,"usage":` + usage + `}`
		if !bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, message)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for _, e := range []string{
			`message_start {"type":"message_start","message":` + strings.Replace(strings.Replace(message, `{"type":"text","text":"Hello."}`, "", 1), `"end_turn"`, "null", 1) + `}`,
			`content_block_start {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
			`content_block_delta {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello."}}`,
			`content_block_stop {"type":"content_block_stop","index":0}`,
			`message_delta {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":3}}`,
			`message_stop {"type":"message_stop"}`,
		} {
			name, data, _ := strings.Cut(e, " ")
			_, _ = io.WriteString(w, "event: "+name+"\ndata: "+data+"\n\n")
		}
	}
}

// What a provider puts into its cache, and a long request, cost what its price says, in whatever
// dialect it is asked, and the caller is told of it as far as his dialect has words.
func TestCacheWritesAndLongRequestsArePaid(t *testing.T) {
	t.Parallel()
	const c = core.Credit
	for name, k := range map[string]struct {
		usage string
		want  core.Usage
		cost  core.Credits
	}{
		"five minutes": {`{"input_tokens":10,"cache_creation_input_tokens":40,"cache_read_input_tokens":20,"output_tokens":3}`,
			core.Usage{Input: 70, Cached: 20, CacheWrite: 40, Output: 3}, 10*c + 2*c + 50*c + 12*c},
		"an hour": {`{"input_tokens":10,"cache_creation_input_tokens":40,"cache_creation":{"ephemeral_5m_input_tokens":24,"ephemeral_1h_input_tokens":16},"cache_read_input_tokens":20,"output_tokens":3}`,
			core.Usage{Input: 70, Cached: 20, CacheWrite: 40, CacheWrite1h: 16, Output: 3}, 10*c + 2*c + 30*c + 32*c + 12*c},
		"as long as costs no more": {`{"input_tokens":100,"cache_creation_input_tokens":0,"cache_read_input_tokens":900,"output_tokens":3}`,
			core.Usage{Input: 1000, Cached: 900, Output: 3}, 100*c + 90*c + 12*c},
		"longer": {`{"input_tokens":101,"cache_creation_input_tokens":0,"cache_read_input_tokens":900,"output_tokens":3}`,
			core.Usage{Input: 1001, Cached: 900, Output: 3}, 202*c + 180*c + 18*c},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.provider("claude", newUpstream(t, claude(k.usage)).URL, func(s *catalog.Spec) {
				s.Kind, s.Models = catalog.Anthropic, []catalog.Model{{Name: "m", Price: caching}}
			})
			if _, err := r.books.Grant(r.ctx, r.org, ledger.Command{ID: core.NewID("cmd"), Amount: 100_000 * core.Credit}); err != nil {
				t.Fatal(err)
			}
			for op, word := range map[dialect.Operation]string{dialect.OpMessages: "cache_creation_input_tokens", dialect.OpChat: "cache_write_tokens"} {
				for _, body := range []string{plain, streamed} {
					if op == dialect.OpChat && body == streamed {
						body = strings.TrimSuffix(body, "}") + `,"stream_options":{"include_usage":true}}`
					}
					call := r.call(body)
					call.Op = op
					a, err := r.Do(r.ctx, call)
					if err != nil {
						t.Fatalf("%s: %v", op, err)
					}
					said, err := all(r.ctx, a)
					a.Close()
					if err != nil || k.want.CacheWrite > 0 && !strings.Contains(said, `"`+word+`":40`) {
						t.Errorf("%s says %v: %s", op, err, said)
					}
				}
			}
			want := k.want
			want.Input, want.Cached, want.CacheWrite, want.CacheWrite1h, want.Output = 2*want.Input, 2*want.Cached, 2*want.CacheWrite, 2*want.CacheWrite1h, 2*want.Output
			got := map[string]core.MeteredCalls{}
			for _, m := range r.closed()["m"] {
				sum := got[m.Op]
				sum.N, sum.Cost = sum.N+m.N, sum.Cost+m.Cost
				sum.Usage.Input, sum.Usage.Cached, sum.Usage.Output = sum.Usage.Input+m.Usage.Input, sum.Usage.Cached+m.Usage.Cached, sum.Usage.Output+m.Usage.Output
				sum.Usage.CacheWrite, sum.Usage.CacheWrite1h = sum.Usage.CacheWrite+m.Usage.CacheWrite, sum.Usage.CacheWrite1h+m.Usage.CacheWrite1h
				got[m.Op] = sum
			}
			for _, op := range []string{"messages", "chat"} {
				if m := got[op]; m.N != 2 || m.Usage != want || m.Cost != 2*k.cost {
					t.Errorf("%s: metered %+v, want twice %+v for %s", op, m, k.want, k.cost)
				}
			}
		})
	}
}

// What is set aside for a call covers all of it going into the cache for an hour, and the dearer
// price of a long request: with less the call isn't made, and with that it never costs more.
func TestWhatIsSetAsideCoversTheDearest(t *testing.T) {
	t.Parallel()
	const tokens = 82/3 + 1 // that the request may have
	long := strings.Replace(plain, "hello", strings.Repeat("hello ", 600), 1)
	for name, k := range map[string]struct {
		body string
		need core.Credits
	}{
		"a short one": {plain, tokens*2 + 16*4},
		"a long one":  {long, core.Credits(len(long)/3+1)*4 + 16*6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			u := newUpstream(t, claude(`{"input_tokens":0,"cache_creation_input_tokens":27,"cache_creation":{"ephemeral_1h_input_tokens":27},"output_tokens":16}`))
			r.provider("claude", u.URL, func(s *catalog.Spec) {
				s.Kind, s.Models = catalog.Anthropic, []catalog.Model{{Name: "m", Price: caching}}
			})
			if _, err := r.books.Grant(r.ctx, r.org, ledger.Command{ID: core.NewID("cmd"), Amount: 100_000 * core.Credit}); err != nil {
				t.Fatal(err)
			}
			call := r.call(k.body)
			call.Op = dialect.OpMessages
			for _, enough := range []bool{false, true} {
				limit := k.need*core.Credit + 3 // what rounding may add
				if !enough {
					limit--
				}
				if _, err := r.books.SetBudget(r.ctx, r.org, ledger.Subject("key/"+string(key)), limit, ledger.Month); err != nil {
					t.Fatal(err)
				}
				a, err := r.Do(r.ctx, call)
				if enough && err != nil || !enough && core.CodeOf(err) != core.Exhausted {
					t.Errorf("with %s: %v", limit, err)
				}
				if err == nil {
					a.Close()
				}
			}
			if n := u.calls.Load(); n != 1 {
				t.Errorf("the provider was asked %d times", n)
			}
		})
	}
}
