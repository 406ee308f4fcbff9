package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/vault/vaulttest"
)

var storedStream = strings.Replace(streamed, `"stream":true`, `"stream":true,"store":true`, 1)

// twoNodes are rigs on one store.
func twoNodes(t *testing.T, first, second func(*gateway.Config)) (*rig, *rig) {
	t.Helper()
	driver, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = driver.Close() })
	st := vaulttest.Seal(t, driver)()
	return newRigOn(t, st, first), newRigOn(t, st, second)
}

func asItIs(*gateway.Config) {}

// stepping is a provider's server that sends a word for each step, and its end when there are
// no more.
func stepping(t *testing.T, r *rig) (step chan<- struct{}) {
	steps := make(chan struct{}, 1000)
	u := newUpstream(t, func(_ int64, w http.ResponseWriter, req *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := 0; ; i++ {
			select {
			case _, more := <-steps:
				if !more {
					_, _ = fmt.Fprint(w, stop, told, done)
					return
				}
				writeChunk(w, fmt.Sprintf("w%d ", i))
			case <-req.Context().Done():
				return
			}
		}
	})
	r.provider("p", u.URL, func(s *catalog.Spec) {
		s.Timeouts = catalog.Timeouts{First: time.Minute, Idle: 5 * time.Minute, Total: 10 * time.Minute} // on a busy machine, too
	})
	return steps
}

// endless is a provider's server that sends a word now and then.
func endless(t *testing.T, r *rig, every time.Duration) {
	u := newUpstream(t, func(_ int64, w http.ResponseWriter, req *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := 0; ; i++ {
			writeChunk(w, fmt.Sprintf("w%d ", i))
			select {
			case <-time.After(every):
			case <-req.Context().Done():
				return
			}
		}
	})
	r.provider("p", u.URL, func(s *catalog.Spec) {
		s.Timeouts = catalog.Timeouts{First: time.Minute, Idle: 5 * time.Minute, Total: 10 * time.Minute} // on a busy machine, too
	})
}

// numbers are those of the events in a stream, which have to be of one answer.
func numbers(t *testing.T, id gateway.KeptAnswer, s string) (all []int) {
	t.Helper()
	for e := range strings.SplitSeq(strings.TrimSuffix(s, "\n\n"), "\n\n") {
		line, _, _ := strings.Cut(e, "\n")
		var n int
		if _, err := fmt.Sscanf(line, "id: "+string(id)+".%d", &n); err != nil {
			t.Fatalf("an event begins with %q: %v", line, err)
		}
		all = append(all, n)
	}
	return all
}

// A stored stream goes on without its caller, who takes it up where it was cut off, at
// whatever event, from another node, while it comes and when it is over.
func TestAStoredStreamIsTakenUpAtAnyEvent(t *testing.T) {
	t.Parallel()
	const words = 6
	for cut := range words + 3 {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			t.Parallel()
			here, there := twoNodes(t, asItIs, asItIs)
			steps := stepping(t, here)
			steps <- struct{}{}
			ctx, leave := context.WithCancel(here.ctx)
			a, err := here.Do(ctx, here.call(storedStream))
			if err != nil {
				t.Fatal(err)
			}
			var begun strings.Builder
			for n := range cut {
				if n > 0 && n < words {
					steps <- struct{}{}
				} else if n == words {
					close(steps)
				}
				for strings.Count(begun.String(), "\n\n") <= n {
					piece, err := a.Stream.Next(ctx)
					if err != nil {
						t.Fatal(err)
					}
					begun.Write(piece)
				}
			}
			leave()
			a.Close()
			seen := strings.Count(begun.String(), "\n\n")
			rest := make(chan string, 2)
			for _, r := range []*rig{here, there} {
				go func() { rest <- r.resumed(string(a.Kept), seen) }()
			}
			if cut <= words {
				for range words - max(cut, 1) {
					steps <- struct{}{}
				}
				close(steps)
			}
			first, second := <-rest, <-rest
			if first != second {
				t.Errorf("the nodes give different rests:\n%s\n%s", first, second)
			}
			whole := begun.String() + first
			for i, n := range numbers(t, a.Kept, whole) {
				if n != i+1 {
					t.Errorf("event %d has the number %d", i+1, n)
				}
			}
			for i := range words {
				if strings.Count(whole, fmt.Sprintf(`"w%d "`, i)) != 1 {
					t.Errorf("the word %d isn't there once:\n%s", i, whole)
				}
			}
			if !strings.HasSuffix(whole, done) || strings.Contains(whole, `"error"`) {
				t.Errorf("it isn't whole:\n%s", whole)
			}
			if again := there.resumed("chatcmpl-1", 0); again != whole {
				t.Errorf("by the id in the answer, later, it is\n%s\nwant\n%s", again, whole)
			}
			if m := here.closed()["m"][0]; m.Status != "ok" || m.Usage.Output != 9 {
				t.Errorf("it is written down as %+v", m)
			}
		})
	}
}

// resumed is what is to be had of a stored stream after an event.
func (r *rig) resumed(id string, after int) string {
	a, err := r.Resume(r.ctx, r.scope, id, after)
	if err != nil {
		r.t.Error(err)
		return ""
	}
	defer a.Close()
	s, err := all(r.ctx, a)
	if err != nil {
		r.t.Error(err)
	}
	return s
}

// later is a clock that can be told how late it is.
type later struct{ by atomic.Int64 }

func (l *later) now() time.Time { return time.Now().Add(time.Duration(l.by.Load())) }

// Of an answer whose node has died, who takes it up gets what was written, and then hears
// that there is no more.
func TestTheNodeOfAStoredStreamDies(t *testing.T) {
	t.Parallel()
	var clock later
	var dead atomic.Bool
	here, there := twoNodes(t, func(c *gateway.Config) { c.Records = mortal{c.Records, &dead} }, func(c *gateway.Config) { c.Now = clock.now })
	defer here.end()
	steps := stepping(t, here)
	steps <- struct{}{}
	a, err := here.Do(here.ctx, here.call(storedStream))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Stream.Next(here.ctx); err != nil {
		t.Fatal(err)
	}
	b, err := there.Resume(there.ctx, there.scope, string(a.Kept), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	first, err := b.Stream.Next(there.ctx)
	if err != nil || !strings.Contains(string(first), "w0") {
		t.Fatalf("%q, %v", first, err)
	}
	dead.Store(true)
	steps <- struct{}{}
	told := make(chan string, 1)
	go func() {
		s, err := all(there.ctx, b)
		told <- fmt.Sprint(s, err)
	}()
	select {
	case s := <-told:
		t.Fatalf("while the node may live: %s", s)
	case <-time.After(500 * time.Millisecond): // several looks
	}
	clock.by.Store(int64(5*time.Minute + 31*time.Second)) // the provider's idle time, and a little
	select {
	case s := <-told:
		if !strings.Contains(s, `{"error":`) || !strings.Contains(s, "lost with the node") || strings.Contains(s, "w1") {
			t.Errorf("it ends with %s", s)
		}
	case <-time.After(10 * time.Second):
		t.Error("the reader hears nothing")
	}
	clock.by.Store(int64(10 * time.Minute)) // and stands still: who comes so late doesn't wait
	go func() { told <- there.resumed(string(a.Kept), 0) }()
	select {
	case s := <-told:
		if !strings.Contains(s, "w0") || !strings.Contains(s, "lost with the node") {
			t.Errorf("who comes later gets %s", s)
		}
	case <-time.After(10 * time.Second):
		t.Error("who comes later hears nothing")
	}
}

// An answer of which nothing comes for long, as its provider thinks and says so by comments,
// isn't taken for one whose node has died.
func TestAStoredStreamWhoseProviderThinks(t *testing.T) {
	t.Parallel()
	var clock later
	timed := func(c *gateway.Config) { c.Now = clock.now }
	here, there := twoNodes(t, timed, timed)
	defer here.end()
	thought := make(chan struct{})
	u := newUpstream(t, func(_ int64, w http.ResponseWriter, req *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		writeChunk(w, "w0 ")
		for {
			select {
			case <-thought:
				_, _ = fmt.Fprint(w, stop, told, done)
				return
			case <-req.Context().Done():
				return
			case <-time.After(20 * time.Millisecond):
				_, _ = fmt.Fprint(w, ": thinking\n\n")
				_ = http.NewResponseController(w).Flush()
			}
		}
	})
	here.provider("p", u.URL, func(s *catalog.Spec) {
		s.Timeouts = catalog.Timeouts{First: time.Minute, Idle: 2 * time.Second, Total: 10 * time.Minute}
	})
	a, err := here.Do(here.ctx, here.call(storedStream))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := there.Resume(there.ctx, there.scope, string(a.Kept), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if first, err := b.Stream.Next(there.ctx); err != nil || !strings.Contains(string(first), "w0") {
		t.Fatalf("%q, %v", first, err)
	}
	kept := func() time.Time {
		r, err := there.store.Record(there.ctx, there.org, "answer", string(a.Kept))
		if err != nil {
			t.Fatal(err)
		}
		return r.Expires
	}
	begun := kept()
	clock.by.Store(int64(time.Minute))
	for deadline := time.Now().Add(20 * time.Second); kept().Sub(begun) < time.Minute; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nobody notes that it still comes")
		}
	}
	rest := make(chan string, 1)
	go func() { rest <- there.resumed(string(a.Kept), 1) }()
	select {
	case s := <-rest:
		t.Fatalf("while its provider thinks: %s", s)
	case <-time.After(300 * time.Millisecond): // several looks
	}
	close(thought)
	if s := <-rest; !strings.HasSuffix(s, done) || strings.Contains(s, `"error"`) {
		t.Errorf("the rest is %s", s)
	}
}

// mortal are records that a node which has died doesn't reach, or a store that fails.
type mortal struct {
	records
	dead *atomic.Bool
}

type records = store.Records

func (m mortal) Write(ctx context.Context, org core.OrgID, changes ...store.Change) error {
	if m.dead.Load() {
		return core.E(core.Unavailable, "store", "the database doesn't answer")
	}
	return m.records.Write(ctx, org, changes...)
}

// A node that stops says so in the streams that it keeps.
func TestTheNodeOfAStoredStreamStops(t *testing.T) {
	t.Parallel()
	here, there := twoNodes(t, asItIs, asItIs)
	steps := stepping(t, here)
	steps <- struct{}{}
	a, err := here.Do(here.ctx, here.call(storedStream))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Stream.Next(here.ctx); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	m := here.closed()["m"][0]
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the stop took %s", took)
	}
	for _, s := range []string{there.resumed(string(a.Kept), 1), here.resumed(string(a.Kept), 1)} {
		if !strings.Contains(s, `{"error":`) || !strings.Contains(s, "its node stopped") || numbers(t, a.Kept, s)[0] != 2 {
			t.Errorf("the rest is %q", s)
		}
	}
	if rest, err := all(here.ctx, a); err != nil || !strings.Contains(rest, "its node stopped") {
		t.Errorf("the caller gets %q, %v", rest, err)
	}
	if m.Status != "canceled" || !m.Usage.Estimated || m.Cost == 0 {
		t.Errorf("it is written down as %+v", m)
	}
}

// When the store fails, a stream isn't begun, or ends by saying so.
func TestTheStoreOfAStoredStreamFails(t *testing.T) {
	t.Parallel()
	var dead atomic.Bool
	r := newRig(t, func(c *gateway.Config) { c.Records = mortal{c.Records, &dead} })
	endless(t, r, time.Millisecond)
	dead.Store(true)
	if _, err := r.Do(r.ctx, r.call(storedStream)); core.CodeOf(err) != core.Unavailable {
		t.Errorf("a stream that can't be stored ends with %v", err)
	}
	dead.Store(false)
	a, err := r.Do(r.ctx, r.call(storedStream))
	if err != nil {
		t.Fatal(err)
	}
	dead.Store(true)
	said, err := all(r.ctx, a)
	a.Close()
	if err != nil || !strings.Contains(said, "can't be stored") || strings.Contains(said, done) {
		t.Errorf("the stream ends with %v: %s", err, said[max(0, len(said)-300):])
	}
	calls := r.closed()["m"]
	if len(calls) != 2 || calls[0].Cost != 0 || calls[0].Status != "failed" || calls[1].Cost == 0 || calls[1].Status != "canceled" {
		t.Errorf("they are written down as %+v", calls)
	}
}

// What is too large to be stored ends by saying so; what is too much isn't begun.
func TestTheBoundsOfStoredStreams(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ size, times int }{"of an event": {600 << 10, 1}, "of an answer": {200 << 10, 100}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			text := strings.Repeat("x", c.size)
			r.provider("p", newUpstream(t, func(_ int64, w http.ResponseWriter, _ *http.Request, _ []byte) {
				w.Header().Set("Content-Type", "text/event-stream")
				writeChunk(w, "first")
				for range c.times {
					writeChunk(w, text)
				}
				_, _ = fmt.Fprint(w, stop, done)
			}).URL, func(s *catalog.Spec) { s.Timeouts.Idle, s.Timeouts.Total = 30*time.Second, time.Minute })
			got := r.outcome(storedStream)
			if got.err != nil || !strings.Contains(got.said, "too large to be stored") || strings.Contains(got.said, done) || len(got.said) > 17<<20 {
				t.Errorf("error %v, %d bytes: %s", got.err, len(got.said), got.said[max(0, len(got.said)-300):])
			}
		})
	}
	t.Run("of an org", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		endless(t, r, time.Minute)
		for range 200 {
			a, err := r.Do(r.ctx, r.call(storedStream))
			if err != nil {
				t.Fatal(err)
			}
			a.Close()
		}
		if _, err := r.Do(r.ctx, r.call(storedStream)); core.CodeOf(err) != core.Exhausted {
			t.Errorf("one too many ends with %v", err)
		}
		if calls := count(r.closed()["m"]); calls != 200 {
			t.Errorf("%d calls are written down", calls)
		}
	})
}

// Another actor of the org, or of another project, finds no stored answer.
func TestAStoredStreamIsItsCallersAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.provider("p", newUpstream(t, answering(2)).URL)
	a, err := r.Do(r.ctx, r.call(storedStream))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := all(r.ctx, a); err != nil {
		t.Fatal(err)
	}
	a.Close()
	for name, change := range map[string]func(*core.Scope){
		"another actor":   func(s *core.Scope) { s.Actor.ID = "key_other" },
		"another project": func(s *core.Scope) { s.Project = "prj_other" },
		"another org":     func(s *core.Scope) { s.Org = "org_other" },
	} {
		scope := r.scope
		change(&scope)
		for _, id := range []string{string(a.Kept), "chatcmpl-1"} {
			if _, err := r.Resume(r.ctx, scope, id, 0); core.CodeOf(err) != core.NotFound {
				t.Errorf("%s, %s: %v", name, id, err)
			}
		}
	}
	if _, err := gateway.EventNumber("ans_x.-1"); err == nil || errors.Is(err, context.Canceled) {
		t.Error("an event has a number below zero")
	}
}
