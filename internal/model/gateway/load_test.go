package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
)

// Of 1000 calls at once by a key with budget for 400, so many are answered, half of them as
// streams; the rest hear that the budget is used up, and the books say exactly that.
func TestABudgetForSomeOfTheCalls(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const calls, paid, cost = 1000, 400, core.Credits(10)
	if _, err := r.books.SetBudget(r.ctx, r.org, ledger.OfKey(key), paid*cost, ledger.Month); err != nil {
		t.Fatal(err)
	}
	u := newUpstream(t, answering(2))
	r.provider("p", u.URL, func(s *catalog.Spec) {
		s.Models[0].Price = &core.Price{Call: cost}
		s.Timeouts = catalog.Timeouts{First: time.Minute, Idle: time.Minute, Total: time.Minute}
	})
	var answered, refused atomic.Int64
	var all sync.WaitGroup
	for i := range calls {
		all.Go(func() {
			o := r.outcome([]string{plain, streamed}[i%2])
			switch {
			case o.err == nil && strings.Contains(o.said, "stop"):
				answered.Add(1)
			case core.CodeOf(o.err) == core.Exhausted:
				refused.Add(1)
			default:
				t.Errorf("%v: %q", o.err, o.said)
			}
		})
	}
	all.Wait()
	if answered.Load() != paid || refused.Load() != calls-paid || u.calls.Load() != paid {
		t.Errorf("%d are answered, %d refused; the provider was asked %d times", answered.Load(), refused.Load(), u.calls.Load())
	}
	written := r.closed()["m"]
	spent := core.Credits(0)
	for _, c := range written {
		spent += c.Cost
	}
	budgets, err := r.books.Budgets(r.ctx, r.org)
	if err != nil || len(budgets) != 1 || count(written) != paid || spent != paid*cost || budgets[0].Used != spent || budgets[0].Held != 0 {
		t.Errorf("%d calls are written down for %d, of the budgets %+v, error %v", count(written), spent, budgets, err)
	}
}

// Streams whose readers stall neither disturb the others nor take more memory as they wait.
func TestStalledReaders(t *testing.T) { // nothing else runs meanwhile: it looks at the memory
	const streams, chunks = 300, 50
	r := newRig(t)
	r.provider("p", newUpstream(t, func(_ int64, w http.ResponseWriter, req *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		text := strings.Repeat("word ", 40)
		for i := range chunks {
			writeChunk(w, fmt.Sprint(i, " ", text))
			time.Sleep(5 * time.Millisecond)
		}
		_, _ = fmt.Fprint(w, stop, told, done)
	}).URL, func(s *catalog.Spec) {
		s.Timeouts = catalog.Timeouts{Connect: time.Minute, First: time.Minute, Idle: time.Minute, Total: 5 * time.Minute}
	})
	base := heap()
	var stalled [streams / 10]*gateway.Answer
	var readers, begun sync.WaitGroup
	begun.Add(streams)
	goOn := make(chan struct{})
	for i := range streams {
		readers.Go(func() {
			a, err := r.Do(r.ctx, r.call(streamed))
			if err == nil {
				_, err = a.Stream.Next(r.ctx)
			}
			begun.Done()
			if err != nil {
				t.Error(err)
				return
			}
			<-goOn
			if i < len(stalled) {
				stalled[i] = a
				return
			}
			defer a.Close()
			if got, err := all(r.ctx, a); err != nil || strings.Count(got, "word word") < chunks-1 || !strings.HasSuffix(got, done) {
				t.Errorf("stream %d: error %v, %d bytes", i, err, len(got))
			}
		})
	}
	begun.Wait()
	open := heap()
	close(goOn)
	readers.Wait()
	waiting := heap()
	t.Logf("%d KiB a stream, of caller, gateway and provider together; while %d wait %d KiB in all, and before any %d KiB", (open-base)>>10/streams, len(stalled), waiting>>10, base>>10)
	if per := (open - base) / streams; per > 128<<10 {
		t.Errorf("a stream takes %d KiB", per>>10)
	}
	if waiting > open {
		t.Errorf("while some wait the memory grew from %d to %d KiB", open>>10, waiting>>10)
	}
	for i, a := range stalled {
		if got, err := all(r.ctx, a); err != nil || !strings.HasSuffix(got, done) {
			t.Errorf("stalled stream %d: error %v, %d bytes", i, err, len(got))
		}
		a.Close()
	}
	if calls := count(r.closed()["m"]); calls != streams {
		t.Errorf("%d calls are written down", calls)
	}
}

// heap is how much memory is in use, in bytes.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// A reader who takes nothing slows the provider: what has come waits in the sockets, and no
// more of it in the gateway than one event.
func TestASlowReaderSlowsTheProvider(t *testing.T) { // nothing else runs meanwhile: it looks at the memory
	r := newRig(t)
	const size, most = 64 << 10, 2000 // 125 MiB
	var sent atomic.Int64
	r.provider("p", newUpstream(t, func(_ int64, w http.ResponseWriter, req *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		text := strings.Repeat("x", size)
		for range most {
			writeChunk(w, text)
			sent.Add(size)
		}
		_, _ = io.WriteString(w, stop+done)
	}).URL, func(s *catalog.Spec) {
		s.Timeouts = catalog.Timeouts{First: time.Minute, Idle: time.Minute, Total: 5 * time.Minute}
	})
	a, err := r.Do(r.ctx, r.call(streamed))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Stream.Next(r.ctx); err != nil {
		t.Fatal(err)
	}
	base := heap()
	for was := int64(-1); was != sent.Load(); time.Sleep(100 * time.Millisecond) { // until nothing moves
		was = sent.Load()
	}
	if n := sent.Load(); n > 32<<20 {
		t.Errorf("the provider has sent %d MiB to a reader who takes nothing", n>>20)
	}
	if grown := heap() - base; grown > 2<<20 {
		t.Errorf("%d KiB wait in memory", grown>>10)
	}
	t.Logf("%d KiB are on their way, and %d KiB more in memory", sent.Load()>>10, (heap()-base)>>10)
	var n int
	for err == nil {
		var piece []byte
		piece, err = a.Stream.Next(r.ctx)
		n += len(piece)
	}
	if err != io.EOF || n < (most-1)*size {
		t.Errorf("when it reads on, it gets %d bytes and %v", n, err)
	}
}
