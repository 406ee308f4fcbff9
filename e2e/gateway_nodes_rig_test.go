package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// What an answer of a drip uses, and costs. Words that are read are free, so that a call is taken
// to cost at most exactly what it does.
var (
	dripUsage = core.Usage{Input: 3, Output: 10}
	dripPrice = core.Price{Output: 100 * core.Credit}
	dripCost  = dripPrice.Tokens(dripUsage)
)

// drip is a provider's server whose streams send a word now and then, until they are to end.
type drip struct {
	*httptest.Server
	calls atomic.Int64
	end   func() // ends the streams
}

func newDrip(t *testing.T) *drip {
	ended := make(chan struct{})
	u := &drip{end: sync.OnceFunc(func() { close(ended) })}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.calls.Add(1)
		var q struct {
			Model  string
			Stream bool
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
			return
		}
		usage := fmt.Sprintf(`"usage":{"prompt_tokens":%d,"completion_tokens":%d}`, dripUsage.Input, dripUsage.Output)
		if !q.Stream {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"id":"c","object":"chat.completion","model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],%s}`, q.Model, usage)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":%q,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"w%d \"}}]}\n\n", q.Model, i)
			if http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			case <-ended:
				fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":%q,\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n", q.Model)
				fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":%q,\"choices\":[],%s}\n\ndata: [DONE]\n\n", q.Model, usage)
				return
			}
		}
	}))
	t.Cleanup(func() { u.end(); u.Close() })
	return u
}

// as is what follows `isekai model add` for it.
func (u *drip) as(name string, more ...string) []string {
	return append([]string{name, "--kind", "openai-compatible", "--address", u.URL + "/v1", "--model", "scripted", "--price", "scripted=0/100"}, more...)
}

// newCallers is newCaller on PostgreSQL, at the first of two nodes. The other is started when the
// providers are there, of which it else might hear within seconds only.
func newCallers(t *testing.T, add ...[]string) (c *caller, other *server, books payer) {
	t.Helper()
	in := install(t, on{env: []string{"ISEKAI_CREDITS_CHARGE=true"}})
	first := in.node(t)
	c = callerAt(t, first, in.at(t, first.dir), add...)
	return c, in.node(t), payer{driver: "pgx", source: in.db.MigrateURL, schema: "isekai."}
}

// chat is what is asked for.
func chat(model string) map[string]any {
	return map[string]any{"model": model, "max_tokens": dripUsage.Output, "messages": []any{map[string]string{"role": "user", "content": "x"}}}
}

// at makes a call at a node, to its end. An error is that it broke off. Safe for concurrent use.
func (c *caller) at(ctx context.Context, s *server, body map[string]any) (r reply, err error) {
	b, err := json.Marshal(body)
	if err != nil {
		return r, err
	}
	ctx, done := context.WithTimeout(ctx, patience)
	defer done()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/v1/chat/completions", bytes.NewReader(b))
	if err != nil {
		return r, err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return r, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return reply{status: res.StatusCode, header: res.Header, text: string(text)}, err
}

// paid notes that so many calls were answered by a drip that goes by a name.
func (c *caller) paid(name string, calls int) {
	u := c.used[name+"/scripted"]
	c.used[name+"/scripted"] = used{u.Calls + calls, u.Input + calls*dripUsage.Input, u.Output + calls*dripUsage.Output}
	c.cost += core.Credits(calls) * dripCost
}

// metered waits until so many calls are written down, of which none failed.
func (c *caller) metered(t *testing.T, calls int) {
	t.Helper()
	var all []client.ModelUsed
	until(t, func() bool {
		var err error
		all, err = c.owner.ModelUsage(t.Context(), client.ModelUsage{})
		n := 0
		for _, m := range all {
			n += m.Calls
		}
		return err == nil && n >= calls
	}, func() string { return fmt.Sprintf("%d calls, but %+v", calls, all) })
	n, cost := 0, core.Credits(0)
	for _, m := range all {
		n, cost = n+m.Calls, cost+m.Credits
	}
	if want := core.Credits(calls) * dripCost; n != calls || cost != want || slices.ContainsFunc(all, func(m client.ModelUsed) bool { return m.Failed+m.Estimated > 0 }) {
		t.Errorf("%d calls for %s are written down, want %d for %s: %+v", n, cost, calls, want, all)
	}
}

// inLaw checks the books with the database's own words, while something may be held.
func (p payer) inLaw(t *testing.T) {
	t.Helper()
	for what, query := range laws {
		if n := p.count(t, query); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
}
