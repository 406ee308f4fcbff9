package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/vault/vaulttest"
)

// cached has the rig's key get the same answer to an exact repeat.
func (r *rig) cached(keys ...core.KeyID) {
	r.t.Helper()
	if len(keys) == 0 {
		keys = []core.KeyID{key}
	}
	if _, err := r.catalog.SetSettings(r.ctx, r.org, catalog.Settings{CacheMinutes: 5, CacheKeys: keys}, 0); err != nil {
		r.t.Fatal(err)
	}
}

// had is an answer, read to its end, and how it stands to the cache.
func (r *rig) had(c gateway.Call) (said, cache string) {
	r.t.Helper()
	a, err := r.Do(r.ctx, c)
	if err != nil {
		r.t.Fatal(err)
	}
	defer a.Close()
	said, err = all(r.ctx, a)
	if err != nil {
		r.t.Fatal(err)
	}
	return said, a.Cache
}

func TestAnExactRepeatGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"whole": plain, "stream": streamed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			u := newUpstream(t, answering(3))
			r.provider("p", u.URL)
			r.cached()
			first, how := r.had(r.call(body))
			if how != gateway.CacheMiss {
				t.Errorf("the first is a %q", how)
			}
			again, how := r.had(r.call(body))
			if how != gateway.CacheHit || again != first || u.calls.Load() != 1 {
				t.Errorf("the repeat is a %q after %d calls: %s", how, u.calls.Load(), again)
			}
			calls := r.closed()["m"]
			if len(calls) != 2 || calls[0].Status != "ok" || calls[0].Cost == 0 || calls[1].Status != "cached" || calls[1].Cost != 0 {
				t.Errorf("metered: %+v", calls)
			}
		})
	}
}

// What differs in anything is another question.
func TestWhatIsNoRepeat(t *testing.T) {
	t.Parallel()
	changes := map[string]func(*rig, *gateway.Call, string){
		"another body": func(_ *rig, c *gateway.Call, _ string) {
			c.Body = bytes.Replace(c.Body, []byte("hello"), []byte("bye"), 1)
		},
		"more space":       func(_ *rig, c *gateway.Call, _ string) { c.Body = append([]byte(" "), c.Body...) },
		"another key":      func(_ *rig, c *gateway.Call, _ string) { c.Key = "key_other" },
		"a key without it": func(_ *rig, c *gateway.Call, _ string) { c.Key = "key_without" },
		"a person":         func(_ *rig, c *gateway.Call, _ string) { c.Key = "" },
		"another project":  func(_ *rig, c *gateway.Call, _ string) { c.Scope.Project = "prj_other" },
		"another header":   func(_ *rig, c *gateway.Call, _ string) { c.Header = http.Header{"Openai-Beta": {"x"}} },
		"a fresh one":      func(_ *rig, c *gateway.Call, _ string) { c.Fresh = true },
		"one that is stored": func(_ *rig, c *gateway.Call, _ string) {
			c.Body = bytes.Replace(c.Body, []byte("{"), []byte(`{"store":true,`), 1)
		},
		"an agent's": func(_ *rig, c *gateway.Call, _ string) { c.Task = "tsk_a" },
		"a changed provider": func(r *rig, _ *gateway.Call, url string) {
			r.provider("p", url, func(s *catalog.Spec) { s.Note = "moved" })
		},
		"a route of its name": func(r *rig, _ *gateway.Call, url string) {
			r.provider("q", url)
			if _, err := r.catalog.PutRoute(r.ctx, r.org, catalog.Route{Name: "m", Targets: []catalog.Leg{{Provider: "q", Model: "m"}}}, 0); err != nil {
				r.t.Fatal(err)
			}
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			u := newUpstream(t, answering(0))
			r.provider("p", u.URL)
			r.cached(key, "key_other")
			r.had(r.call(plain))
			c := r.call(plain)
			change(r, &c, u.URL)
			if _, how := r.had(c); how == gateway.CacheHit || u.calls.Load() != 2 {
				t.Errorf("it is a %q after %d calls", how, u.calls.Load())
			}
		})
	}
}

// What isn't whole, or isn't an answer, isn't given again.
func TestWhatIsntKept(t *testing.T) {
	t.Parallel()
	long := strings.Replace(whole, "Hello.", strings.Repeat("long ", 40<<10), 1)
	for name, answer := range map[string]func(w http.ResponseWriter){
		"an error": func(w http.ResponseWriter) {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"error":{"message":"no"}}`)
		},
		"a broken stream": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/event-stream")
			writeChunk(w, "half")
		},
		"a long answer": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, long)
		},
		"an error in time": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/event-stream")
			writeChunk(w, "half")
			_, _ = io.WriteString(w, "data: {\"error\":{\"message\":\"no\"}}\n\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			u := newUpstream(t, func(_ int64, w http.ResponseWriter, _ *http.Request, _ []byte) { answer(w) })
			r.provider("p", u.URL)
			r.cached()
			body := plain
			if strings.Contains(name, "stream") || strings.Contains(name, "in time") {
				body = streamed
			}
			for range 2 {
				a, err := r.Do(r.ctx, r.call(body))
				if err != nil {
					continue
				}
				if _, err := all(r.ctx, a); err != nil || a.Cache != gateway.CacheMiss {
					t.Errorf("it is a %q: %v", a.Cache, err)
				}
				a.Close()
			}
			if u.calls.Load() < 2 {
				t.Error("the provider was asked once")
			}
		})
	}
}

// A stream whose caller leaves before its end isn't one to be given again.
func TestAStreamThatIsLeftIsntKept(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	u := newUpstream(t, answering(3))
	r.provider("p", u.URL)
	r.cached()
	a, err := r.Do(r.ctx, r.call(streamed))
	if err != nil {
		t.Fatal(err)
	}
	for {
		piece, err := a.Stream.Next(r.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(piece, []byte("[DONE]")) { // the connection's end isn't seen any more
			break
		}
	}
	a.Close()
	if _, how := r.had(r.call(streamed)); how != gateway.CacheMiss {
		t.Errorf("the next is a %q", how)
	}
}

// The answer to a translated request is given again in the caller's dialect.
func TestTranslatedAnswersAreGivenAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	u := newUpstream(t, answering(2))
	r.provider("p", u.URL)
	r.cached()
	for name, body := range map[string]string{
		"whole":  `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`,
		"stream": `{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`,
	} {
		c := r.call(body)
		c.Op = dialect.OpMessages
		before := u.calls.Load()
		first, _ := r.had(c)
		again, how := r.had(c)
		if how != gateway.CacheHit || again != first || u.calls.Load() != before+1 || !strings.Contains(first, `"type":"message"`) {
			t.Errorf("%s: a %q:\n%s\nafter\n%s", name, how, again, first)
		}
	}
}

// brokenStore takes no records and shows none, when that is wanted.
type brokenStore struct {
	store.Store
	down atomic.Bool
}

var errDown = errors.New("the disk is gone")

func (b *brokenStore) Record(ctx context.Context, org core.OrgID, kind, id string) (store.Record, error) {
	if b.down.Load() && strings.HasPrefix(kind, "model_cache") || b.down.Load() && kind == "model_vector" {
		return store.Record{}, errDown
	}
	return b.Store.Record(ctx, org, kind, id)
}

func (b *brokenStore) Write(ctx context.Context, org core.OrgID, changes ...store.Change) error {
	if b.down.Load() && (changes[0].Kind == "model_cache" || changes[0].Kind == "model_vector" || changes[0].Kind == "prompt") {
		return errDown
	}
	return b.Store.Write(ctx, org, changes...)
}

func TestACallGoesOnWithoutTheStoreOfAnswers(t *testing.T) {
	t.Parallel()
	driver, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = driver.Close() })
	b := &brokenStore{Store: vaulttest.Seal(t, driver)()}
	r := newRigOn(t, b)
	u := newUpstream(t, vectorsFor)
	r.provider("p", u.URL)
	if _, err := r.catalog.SetSettings(r.ctx, r.org, catalog.Settings{PromptDays: 1, CacheMinutes: 5, CacheKeys: []core.KeyID{key}}, 0); err != nil {
		t.Fatal(err)
	}
	b.down.Store(true)
	for range 2 {
		r.had(r.embed(`["a","b"]`))
	}
	if u.calls.Load() != 2 {
		t.Errorf("%d calls", u.calls.Load())
	}
}

// What is cached, and what is kept of prompts, is encrypted where it lies; what isn't kept is
// nowhere.
func TestWhatIsKeptIsEncrypted(t *testing.T) {
	t.Parallel()
	const marker = "MARKER-of-what-was-said"
	for name, set := range map[string]catalog.Settings{
		"kept": {PromptDays: 2, CacheMinutes: 5, CacheKeys: []core.KeyID{key}}, "not kept": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			driver, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "db")})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = driver.Close() })
			r := newRigOn(t, vaulttest.Seal(t, driver)())
			u := newUpstream(t, func(_ int64, w http.ResponseWriter, _ *http.Request, _ []byte) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, strings.Replace(whole, "Hello.", marker, 1))
			})
			r.provider("p", u.URL)
			if _, err := r.catalog.SetSettings(r.ctx, r.org, set, 0); err != nil {
				t.Fatal(err)
			}
			c := r.call(strings.Replace(plain, "Say hello.", marker, 1))
			r.had(c)
			r.had(c)
			c.Task = "tsk_a"
			r.had(c)
			r.closed()
			notes, err := r.Notes(r.ctx, r.org, "", 10)
			if err != nil || len(notes) != map[string]int{"kept": 3}[name] {
				t.Fatalf("%d are kept: %v", len(notes), err)
			}
			if len(notes) > 0 && (notes[0].Task != "tsk_a" || notes[1].Outcome != "cached" || notes[2].Outcome != "ok" || !bytes.Contains(notes[2].Answer, []byte(marker)) || !bytes.Contains(notes[2].Request, []byte(marker))) {
				t.Errorf("kept: %+v", notes)
			}
			for _, file := range []string{"db", "db-wal"} {
				b, err := os.ReadFile(filepath.Join(dir, file))
				if err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
				for _, text := range []string{marker, "TUFSS0VSLW9mLXdoYXQtd2FzLXNhaWQ"} { // as it is, and in base64
					if bytes.Contains(b, []byte(text)) {
						t.Errorf("%s has what was said", file)
					}
				}
			}
			page, err := r.Notes(r.ctx, "org_other", "", 10)
			if err != nil || len(page) != 0 {
				t.Errorf("another org has %d: %v", len(page), err)
			}
		})
	}
}

// Many at once, whose answers take each other's places, all get their own.
func TestManyAskAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	u := newUpstream(t, func(_ int64, w http.ResponseWriter, _ *http.Request, body []byte) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, strings.Replace(whole, "Hello.", gjson.GetBytes(body, "messages.0.content").Str, 1))
	})
	r.provider("p", u.URL)
	r.cached()
	var wait sync.WaitGroup
	for n := range 8 {
		wait.Go(func() {
			for i := range 20 {
				word := fmt.Sprintf("word %d", (n+i)%10)
				a, err := r.Do(r.ctx, r.call(strings.Replace(plain, "Say hello.", word, 1)))
				if err != nil {
					t.Error(err)
					return
				}
				if got := gjson.GetBytes(a.Body, "choices.0.message.content").Str; got != word {
					t.Errorf("%q is answered by %q", word, got)
				}
				a.Close()
			}
		})
	}
	wait.Wait()
	if n := u.calls.Load(); n > 80 {
		t.Errorf("the provider was asked %d times for 10 words", n)
	}
}

// embed is a call for embeddings.
func (r *rig) embed(input string, more ...string) gateway.Call {
	c := r.call(`{"model":"m","input":` + input + strings.Join(more, "") + `}`)
	c.Op = dialect.OpEmbeddings
	return c
}

// vectorsFor answers with an embedding of each input, which shows what it is of, in an order
// of its own.
func vectorsFor(_ int64, w http.ResponseWriter, _ *http.Request, body []byte) {
	in := gjson.GetBytes(body, "input")
	list := in.Array()
	if in.IsArray() && len(list) > 0 && list[0].Type == gjson.Number {
		list = []gjson.Result{in}
	}
	var data []string
	for i := len(list) - 1; i >= 0; i-- {
		data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":["of",%s]}`, i, list[i].Raw))
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"object":"list","data":[%s],"model":"m-1","usage":{"prompt_tokens":%d,"total_tokens":%d}}`, strings.Join(data, ","), len(list), len(list))
}

func TestEmbeddingsAreCachedByInput(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var asked atomic.Pointer[string]
	u := newUpstream(t, func(n int64, w http.ResponseWriter, req *http.Request, body []byte) {
		in := gjson.GetBytes(body, "input").Raw
		asked.Store(&in)
		vectorsFor(n, w, req, body)
	})
	r.provider("p", u.URL, func(s *catalog.Spec) { s.Limits.Failures = 50; s.Limits.FailuresOf = 100 })
	r.cached()
	for i, c := range []struct {
		input, more string
		asks        string // of the provider; "": nothing
		tokens      int64
	}{
		{`"a"`, "", `"a"`, 1},
		{`"a"`, "", "", 0},
		{`["a"]`, "", "", 0},
		{`["b","a","c","b"]`, "", `["b","c"]`, 2},
		{`["c","b","a"]`, "", "", 0},
		{`["c","d"]`, "", `["d"]`, 1},
		{`[1,2,3]`, "", `[1,2,3]`, 1},
		{`[[1,2,3],[4]]`, "", `[[4]]`, 1},
		{`["a","b"]`, `,"encoding_format":"base64"`, `["a","b"]`, 2},
		{`["a","e"]`, `,"dimensions":64`, `["a","e"]`, 2},
		{`["a","e","f"]`, `,"dimensions":64`, `["f"]`, 1},
	} {
		none := ""
		asked.Store(&none)
		said, how := r.had(r.embed(c.input, c.more))
		if *asked.Load() != c.asks || (how == gateway.CacheHit) != (c.asks == "") {
			t.Errorf("%d, %s: it is a %q, and the provider was asked for %s", i, c.input, how, *asked.Load())
		}
		list := gjson.Get(c.input, "@this")
		inputs := []string{c.input}
		if list.IsArray() && list.Array()[0].Type != gjson.Number {
			inputs = nil
			for _, e := range list.Array() {
				inputs = append(inputs, e.Raw)
			}
		}
		got := map[int64]string{}
		for _, e := range gjson.Get(said, "data").Array() {
			got[e.Get("index").Int()] = e.Get("embedding.1").Raw
		}
		for n, in := range inputs {
			if got[int64(n)] != in {
				t.Errorf("%d, %s: the embedding %d is of %s", i, c.input, n, got[int64(n)])
			}
		}
		if len(got) != len(inputs) || gjson.Get(said, "usage.prompt_tokens").Int() != c.tokens || gjson.Get(said, "model").Str != "m-1" || gjson.Get(said, "object").Str != "list" {
			t.Errorf("%d: %s", i, said)
		}
	}
	if _, how := r.had(r.embed(`"a"`)); how != gateway.CacheHit {
		t.Errorf("in the end it is a %q", how)
	}
	other := r.embed(`"a"`)
	other.Key = "key_without"
	if _, how := r.had(other); how != "" {
		t.Errorf("another key's is a %q", how)
	}
	var tokens int
	for _, c := range r.closed()["m"] {
		tokens += c.Usage.Input
		if (c.Status == "cached") != (c.Cost == 0) {
			t.Errorf("metered: %+v", c)
		}
	}
	if tokens != 12 {
		t.Errorf("%d tokens are metered", tokens)
	}
}

// meeting are records whose first reader of an embedding waits for a second.
type meeting struct {
	records
	reads atomic.Int64
	met   chan struct{}
}

func (m *meeting) Record(ctx context.Context, org core.OrgID, kind, id string) (store.Record, error) {
	if kind == "model_vector" {
		if m.reads.Add(1) == 2 {
			close(m.met)
		}
		select {
		case <-m.met:
		case <-ctx.Done():
		}
	}
	return m.records.Record(ctx, org, kind, id)
}

// Places of embeddings are looked at several at a time, and each once.
func TestPlacesAreLookedAtTogether(t *testing.T) {
	t.Parallel()
	m := &meeting{met: make(chan struct{})}
	r := newRig(t, func(c *gateway.Config) { m.records, c.Records = c.Records, m })
	r.provider("p", newUpstream(t, vectorsFor).URL)
	r.cached()
	ctx, done := context.WithTimeout(r.ctx, 30*time.Second)
	defer done()
	a, err := r.Do(ctx, r.embed(`["a","b","a","a"]`))
	if err != nil {
		t.Fatalf("one waits for the other: %v", err)
	}
	a.Close()
	if n := m.reads.Load(); n != 2 {
		t.Errorf("two places are looked at %d times", n)
	}
}

// An answer that isn't of what was asked isn't put together with what is known.
func TestEmbeddingsThatArentWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	u := newUpstream(t, func(n int64, w http.ResponseWriter, req *http.Request, body []byte) {
		if n == 1 {
			vectorsFor(n, w, req, body)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"object":"list","data":[],"model":"m-1"}`)
	})
	r.provider("p", u.URL)
	r.cached()
	r.had(r.embed(`["a"]`))
	if _, err := r.Do(r.ctx, r.embed(`["a","b"]`)); core.CodeOf(err) != core.Unavailable {
		t.Errorf("half an answer ends with %v", err)
	}
	if said, _ := r.had(r.embed(`["b"]`)); gjson.Get(said, "data.#").Int() != 0 {
		t.Errorf("what a provider says by itself is %s", said)
	}
}

// Places are few, and what expires is as if it weren't there.
func TestCachedAnswersExpire(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	u := newUpstream(t, answering(0))
	r.provider("p", u.URL)
	r.cached()
	r.had(r.call(plain))
	kept, err := r.store.Records(r.ctx, r.org, "model_cache", "", "", 10)
	if err != nil || len(kept) != 1 || len(kept[0].ID) != 4 {
		t.Fatalf("kept: %v, %v", kept, err)
	}
	if d := time.Until(kept[0].Expires); d <= 4*time.Minute || d > 5*time.Minute {
		t.Errorf("it expires in %s", d)
	}
	old := store.Change{Kind: "model_cache", ID: kept[0].ID, Expected: kept[0].Version, Expires: time.Now().Add(-time.Second), Data: kept[0].Data}
	if err := r.store.Write(r.ctx, r.org, old); err != nil {
		t.Fatal(err)
	}
	if _, how := r.had(r.call(plain)); how != gateway.CacheMiss || u.calls.Load() != 2 {
		t.Errorf("what has expired is a %q", how)
	}
}
