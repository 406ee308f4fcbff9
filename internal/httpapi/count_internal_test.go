package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// tally is a RequestCounter.
type tally struct{ begun, ended atomic.Int64 }

func (c *tally) Begun()                   { c.begun.Add(1) }
func (c *tally) Ended(int, time.Duration) { c.ended.Add(1) }

// nowhere is a writer that keeps nothing.
type nowhere struct{ header http.Header }

func (w nowhere) Header() http.Header         { return w.header }
func (w nowhere) WriteHeader(int)             {}
func (w nowhere) Write(b []byte) (int, error) { return len(b), nil }

// counting returns one request's being counted, with a counter that does as good as nothing.
func counting() (run func(), c *tally) {
	c = &tally{}
	s := &server{cfg: Config{Requests: func(string) RequestCounter { return c }}}
	op := &huma.Operation{OperationID: "x"}
	rq := &request{Context: context.Background()}
	var w http.ResponseWriter = nowhere{http.Header{}}
	hc := humago.NewContext(op, httptest.NewRequestWithContext(rq, http.MethodGet, "/", nil), w)
	body := []byte("x")
	next := func(huma.Context) { _, _ = rq.out.Write(body) }
	return func() {
		began := time.Now()
		rq.out, rq.counter = answered{ResponseWriter: w}, nil
		s.count(hc, next)
		s.ended(rq, began)
	}, c
}

// TestCountingAllocatesNothing for a request.
func TestCountingAllocatesNothing(t *testing.T) {
	run, c := counting()
	if n := testing.AllocsPerRun(100, run); n != 0 || c.begun.Load() != c.ended.Load() || c.ended.Load() == 0 {
		t.Errorf("%v allocations; %d began and %d ended", n, c.begun.Load(), c.ended.Load())
	}
}

// BenchmarkCounting is what it takes a request to be counted, without the counter itself: see
// package platform's BenchmarkRequests.
func BenchmarkCounting(b *testing.B) {
	run, _ := counting()
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
}
