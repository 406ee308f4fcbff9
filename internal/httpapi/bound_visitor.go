package httpapi

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/store"
)

// Visitors bounds what strangers may ask of apps, whose previews nobody signs in to: how
// often and how much at once an address asks, how much is open of an app and of all, and how
// long a body may take to come. What comes from this machine itself has no bounds. Safe for
// concurrent use.
type Visitors struct {
	limiter *limiter // nil: no rate
	rate    store.Rate
	open    *openings
	slow    pace
	log     *slog.Logger
}

// How many requests to apps may be open on a node, long ones (WebSockets, events) among them.
const (
	addressVisits = 256
	appVisits     = 1024
	nodeVisits    = 8192
)

// pace is how slow a sender may be: so long besides what his bytes take at a rate.
type pace struct {
	grace time.Duration
	rate  int // bytes a second
}

var visitorPace = pace{grace: 30 * time.Second, rate: 4 << 10}

// NewVisitors returns the bounds of visitors; quotas and rates are as in Config.
func NewVisitors(quotas store.Quotas, rates Rates, log *slog.Logger) *Visitors {
	v := &Visitors{rate: rates.orDefault().Preview, open: newOpenings(), slow: visitorPace, log: log}
	if quotas != nil {
		v.limiter = newLimiter(quotas)
	}
	return v
}

// Handler has next see what the bounds let through.
func (v *Visitors) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := arrivalOf(r)
		if a.own() {
			next.ServeHTTP(w, r)
			return
		}
		line := ofAddress("http/preview/", a.from)
		if v.limiter != nil {
			at, err := v.limiter.take(r.Context(), line, v.rate)
			if err != nil {
				v.log.DebugContext(r.Context(), "a visitor has gone", "err", err)
				return
			}
			if !at.ok {
				refuseVisit(w, wholeSeconds(at.wait), "too many requests from your address")
				return
			}
		}
		host := strings.ToLower(r.Host)
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		leave, full := v.open.enter(room{"your address", roomName{line.use, line.of}, addressVisits}, room{"this app", roomName{"app", host}, appVisits}, room{"this server", roomName{"all", ""}, nodeVisits})
		if full != nil {
			refuseVisit(w, strconv.Itoa(fullWait), "too many open requests of "+full.of)
			return
		}
		defer leave()
		next.ServeHTTP(w, v.slow.bound(w, r))
	})
}

func refuseVisit(w http.ResponseWriter, seconds, why string) {
	w.Header().Set("Retry-After", seconds)
	http.Error(w, why+"; try again in "+seconds+" s", http.StatusTooManyRequests)
}

// bound returns the request with a body that ends in an error if its sender is slower than
// the pace. Time in which nobody reads it isn't counted.
func (p pace) bound(w http.ResponseWriter, r *http.Request) *http.Request {
	if r.ContentLength == 0 || r.Body == nil {
		return r
	}
	b := &pacedBody{ReadCloser: r.Body, pace: p, left: p.grace, rc: http.NewResponseController(w)}
	b.set(time.Now()) // for net/http, which reads what nobody else does
	// A copy: net/http looks at the body of its own request to know whether the rest of one is
	// still to come.
	r = r.WithContext(r.Context())
	r.Body = b
	return r
}

type pacedBody struct {
	io.ReadCloser
	pace
	left time.Duration // that its sender may make us wait
	rc   *http.ResponseController
	end  error // of the body: the connection is net/http's again
}

// Read implements io.Reader.
func (b *pacedBody) Read(into []byte) (int, error) {
	if b.end != nil {
		return 0, b.end
	}
	began := time.Now()
	b.set(began)
	n, err := b.ReadCloser.Read(into)
	b.left += time.Duration(n)*time.Second/time.Duration(b.rate) - time.Since(began)
	b.end = err
	return n, err
}

// set has the connection wait for no longer than is left. It ends with the body.
func (b *pacedBody) set(now time.Time) {
	_ = b.rc.SetReadDeadline(now.Add(b.left)) // a writer without deadlines is a test's
}
