package httpapi

import (
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// RequestCounter is told of the requests to one operation: of each that it has begun, and then how
// it was answered and how long it took, a stream's to its end. It must not block, and is safe for
// concurrent use.
type RequestCounter interface {
	Begun()
	Ended(status int, took time.Duration)
}

// NoOperation stands for what no operation takes: what is refused before its route is known, an
// unknown path, the document and its page.
const NoOperation = "(none)"

// uncounted is the RequestCounter of who counts nothing.
type uncounted struct{}

// Begun implements RequestCounter.
func (uncounted) Begun() {}

// Ended implements RequestCounter.
func (uncounted) Ended(int, time.Duration) {}

// counter returns that of an operation. There are as many as operations.
func (s *server) counter(op *huma.Operation) RequestCounter {
	if c, ok := s.counters.Load(op); ok {
		return c.(RequestCounter)
	}
	c, _ := s.counters.LoadOrStore(op, s.cfg.Requests(op.OperationID))
	return c.(RequestCounter)
}

// count tells an operation's counter that a request to it has begun. It is the first to see one
// whose route is known; the perimeter says how it ended.
func (s *server) count(ctx huma.Context, next func(huma.Context)) {
	rq := requestOf(ctx.Context())
	rq.counter = s.counter(ctx.Operation())
	rq.counter.Begun()
	next(ctx)
}

// ended tells the counter of a request that it is over.
func (s *server) ended(rq *request, began time.Time) {
	if rq.counter == nil {
		rq.counter = s.outside
		rq.counter.Begun()
	}
	status := rq.out.status
	if status == 0 { // as net/http answers for who writes nothing
		status = http.StatusOK
	}
	rq.counter.Ended(status, time.Since(began))
}

// answered is a writer that knows the status of its answer.
type answered struct {
	http.ResponseWriter
	status int // 0: none yet
}

// WriteHeader implements http.ResponseWriter.
func (a *answered) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK { // not one that another follows
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answered) Write(b []byte) (int, error) {
	a.begin()
	return a.ResponseWriter.Write(b)
}

// ReadFrom implements io.ReaderFrom, which net/http's own writer does without a buffer of ours.
func (a *answered) ReadFrom(from io.Reader) (int64, error) {
	a.begin()
	return io.Copy(a.ResponseWriter, from)
}

// Unwrap is for http.ResponseController.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answered) begin() {
	if a.status == 0 {
		a.status = http.StatusOK
	}
}

// bare returns the connection's own writer, to which net/http's functions may say what no
// interface names: that a body was too large, so that the connection ends.
func bare(w http.ResponseWriter) http.ResponseWriter {
	if a, ok := w.(*answered); ok {
		return a.ResponseWriter
	}
	return w
}
