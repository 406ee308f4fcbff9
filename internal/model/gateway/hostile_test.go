package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// What one caller asks for, or how slowly it reads, takes no provider from the others.
func TestACallerDoesNotOpenABreaker(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		f    func(w http.ResponseWriter)
		body string
		each int64 // calls of the provider that a caller's makes
	}{
		"too large an answer": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "40000000")
			w.WriteHeader(http.StatusOK)
		}, plain, 1},
		"a conflict": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"error":{"message":"another call has it","type":"conflict_error"}}`)
		}, plain, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			var well atomic.Bool
			u := newUpstream(t, func(n int64, w http.ResponseWriter, req *http.Request, body []byte) {
				if well.Load() {
					answering(0)(n, w, req, body)
					return
				}
				c.f(w)
			})
			r.provider("p", u.URL)
			for i := range int64(3) {
				if err := r.outcome(c.body).err; core.CodeOf(err) != core.Unavailable || u.calls.Load() != c.each*(i+1) {
					t.Fatalf("after %d calls the error is %v", u.calls.Load(), err)
				}
			}
			well.Store(true)
			if o := r.outcome(plain); o.err != nil {
				t.Error(o.err)
			}
		})
	}
}

// A stream that takes longer than it may because its reader does isn't its provider's fault.
func TestASlowReaderDoesNotOpenABreaker(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	r := newRig(t, func(c *gateway.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	})
	var well atomic.Bool
	u := newUpstream(t, func(n int64, w http.ResponseWriter, req *http.Request, body []byte) {
		if well.Load() {
			answering(3)(n, w, req, body)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		writeChunk(w, "so far")
		<-req.Context().Done()
	})
	r.provider("p", u.URL)
	for range 3 {
		a, err := r.Do(r.ctx, r.call(streamed))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Stream.Next(r.ctx); err != nil {
			t.Fatal(err)
		}
		late.Add(int64(time.Minute))
		if rest, err := all(r.ctx, a); err != nil || !strings.Contains(rest, "took too long") {
			t.Errorf("the rest is %s, error %v", rest, err)
		}
		a.Close()
	}
	well.Store(true)
	if o := r.outcome(streamed); o.err != nil {
		t.Error(o.err)
	}
}

// Who leaves before the usage is told pays for pictures, for tokens that are numbers, and for a
// text however it is long, which isn't counted for ever.
func TestWhatIsNotToldIsCharged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	u := newUpstream(t, func(_ int64, w http.ResponseWriter, req *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(req.URL.Path, "/embeddings") {
			_, _ = io.WriteString(w, `{"object":"list","data":[],"model":"m"}`)
			return
		}
		_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hi."},"finish_reason":"stop"}]}`)
	})
	r.provider("p", u.URL)
	picture := `{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}`
	blank := strings.Repeat(" ", 64<<10)
	for _, c := range []struct {
		name, body string
		op         dialect.Operation
		least      int
	}{
		{"p/pictures", `"messages":[{"role":"user","content":[` + picture + `,` + picture + `]}]`, dialect.OpChat, 4000},
		{"p/document", `"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"` + strings.Repeat("QUJD", 10_000) + `"}}]}]`, dialect.OpChat, 1500},
		{"p/sound", `"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"format":"mp3","data":"` + strings.Repeat("QUJD", 10_000) + `"}}]}]`, dialect.OpChat, 60},
		{"p/elsewhere", `"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]`, dialect.OpChat, 2000},
		{"p/numbers", `"input":[[1,2,3],[4,5]]`, dialect.OpEmbeddings, 5},
		{"p/blank", `"messages":[{"role":"user","content":"` + blank + strings.Repeat("words ", 64<<10) + `"}]`, dialect.OpChat, 48 << 10},
		{"p/short", `"messages":[` + strings.Repeat(`{"role":"user","content":"a"},`, 1<<18) + `{"role":"user","content":"hi"}]`, dialect.OpChat, 1 << 18},
		{"p/count", `"messages":[` + strings.Repeat(`{"role":"user","content":"`+blank+`"},`, 100) + `{"role":"user","content":"hi"}]`, dialect.OpCountTokens, 0},
		{"p/many", `"messages":[` + strings.Repeat(`{"role":"user","content":"`+blank+`"},`, 100) + `{"role":"user","content":"hi"}]`, dialect.OpChat, 1 << 20},
	} {
		if _, err := r.catalog.PutProvider(r.ctx, r.org, catalog.Spec{Name: "p", Kind: catalog.Compatible, Address: u.URL + "/v1"}, 0); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		a, err := r.Do(r.ctx, gateway.Call{Scope: r.scope, Key: key, Op: c.op, Body: fmt.Appendf(nil, `{"model":%q,%s}`, c.name, c.body)})
		if err != nil {
			t.Fatal(err)
		}
		a.Close()
		t.Logf("%s took %s", c.name, time.Since(began))
		if c.op == dialect.OpCountTokens {
			continue
		}
		if got := r.closedUsage(c.name); got.Input < c.least || !got.Estimated {
			t.Errorf("%s: %+v is charged, and not %d tokens", c.name, got, c.least)
		}
	}
}

// A response that nobody waits for would be made for nothing.
func TestNoResponseInTheBackground(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	u := newUpstream(t, answering(0))
	r.provider("p", u.URL, func(s *catalog.Spec) { s.Speaks = []dialect.Operation{dialect.OpResponses} })
	for _, body := range []string{`{"model":"m","input":"hi","background":true}`, `{"model":"m","input":"hi","b\u0061ckground":true,"stream":true}`} {
		_, err := r.Do(r.ctx, gateway.Call{Scope: r.scope, Key: key, Op: dialect.OpResponses, Body: []byte(body)})
		if core.CodeOf(err) != core.Unsupported || u.calls.Load() != 0 {
			t.Errorf("%s: %d calls, error %v", body, u.calls.Load(), err)
		}
	}
}

// closedUsage is that of the last call of a name, when it is written down.
func (r *rig) closedUsage(name string) core.Usage {
	r.t.Helper()
	for {
		all := r.metered()
		for i := len(all) - 1; i >= 0; i-- {
			if all[i].Requested == name {
				return all[i].Usage
			}
		}
		select {
		case <-r.ctx.Done():
			r.t.Fatal("it isn't written down")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// A rate is limited by the model, as providers do: who has used up one takes none of the others.
func TestALimitIsOfAModel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	u := newUpstream(t, func(n int64, w http.ResponseWriter, req *http.Request, body []byte) {
		if strings.Contains(string(body), `"busy"`) {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		answering(0)(n, w, req, body)
	})
	r.provider("p", u.URL, func(s *catalog.Spec) { s.Others = true })
	busy := strings.Replace(plain, `"m"`, `"p/busy"`, 1)
	for range 2 {
		if err := r.outcome(busy).err; core.CodeOf(err) != core.Exhausted || u.calls.Load() != 1 {
			t.Fatalf("after %d calls: %v", u.calls.Load(), err)
		}
	}
	if o := r.outcome(plain); o.err != nil {
		t.Error(o.err)
	}
}
