package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

const op = "gateway"

// fault is why an attempt failed, and what that means for the next.
type fault struct {
	err   error         // for the caller, if no other attempt is made
	final bool          // the request is at fault: no attempt would do better
	stuck bool          // this target can't do better; another may
	sick  bool          // it counts against the provider
	gone  bool          // the caller has gone
	cut   bool          // with a provider at work, which is paid for what it was asked: the caller's, or our time
	wait  time.Duration // before another try
	alone bool          // that wait is this call's: the provider hasn't asked for it
	why   string        // for the state of the provider, in a few words
}

// What an exchange was ended for.
var (
	errFirst    = errors.New("nothing came in time")
	errIdle     = errors.New("the answer stopped coming")
	errTotal    = errors.New("the answer took too long")
	errLarge    = errors.New("the answer is too large")
	errCut      = errors.New("the answer was cut off")
	errNonsense = errors.New("the answer isn't what the API sends")
)

// maxWait bounds how long a provider is left alone because it asked for that.
const maxWait = 5 * time.Minute

// refused is the fault of an answer with an error status.
func (g *Gateway) refused(provider string, status int, h http.Header, body []byte) *fault {
	return g.problemOf(provider, status, h, dialect.ReadProblem(body), gjson.ValidBytes(body))
}

// problemOf is the fault that a status and a problem make. inJSON: the API has said that, and
// not somebody before it.
func (g *Gateway) problemOf(provider string, status int, h http.Header, p dialect.Problem, inJSON bool) *fault {
	f := &fault{why: fmt.Sprintf("status %d", status), wait: retryAfter(h, g.cfg.Now())}
	said := cmp.Or(clip(p.Message), http.StatusText(status))
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusPaymentRequired:
		f.stuck, f.why = true, refusesKey
		f.err = core.E(core.Unavailable, op, "the provider "+provider+" refuses its credential").WithHint("isekai model test " + provider)
	case status == http.StatusNotFound:
		f.stuck = true
		f.err = core.E(core.NotFound, op, "the provider "+provider+" says: "+said).Because(p).WithHint("isekai model test " + provider + " lists what it has")
	case status == http.StatusTooManyRequests:
		f.wait, f.alone = cmp.Or(f.wait, time.Second), f.wait == 0 // it may be the call that is too large
		f.err = core.E(core.Exhausted, op, "the provider "+provider+" limits the rate of requests").Because(p)
	case status == http.StatusRequestTimeout || status == http.StatusConflict || status == http.StatusTooEarly || status >= 500:
		f.sick = status != http.StatusConflict // which callers make among themselves
		f.err = core.E(core.Unavailable, op, fmt.Sprintf("the provider %s answers with status %d", provider, status)).Because(p)
	case status/100 == 4 && inJSON:
		f.final = true
		f.err = core.E(core.Invalid, op, said).Because(p)
	default: // that isn't said by the API, but by what is before it, or instead of it
		f.stuck, f.sick = true, true
		f.err = core.E(core.Unavailable, op, fmt.Sprintf("the provider %s answers with status %d, and not as its API does", provider, status)).Because(p)
	}
	return f
}

// hinted has the fault's hint name the provider as commands about it do. That of the
// configuration has its key there, and what all orgs have is for operators to look after.
func (f *fault) hinted(p *catalog.Provider) *fault {
	var e *core.Error
	switch {
	case !errors.As(f.err, &e) || e.Hint == "":
	case p.Static() && f.why == refusesKey:
		e.Hint = "an operator sets OPENAI_API_KEY, or model.api_key, to a key that it takes"
	case !p.Own():
		e.Hint = "an operator sees more by isekai model test " + p.Name + p.Flag()
	}
	return f
}

// refusesKey is why a target isn't asked again for a call.
const refusesKey = "it refuses its credential"

// inBody is the fault of an error in an answer whose status says that all is well.
func (g *Gateway) inBody(provider string, p dialect.Problem) *fault {
	status, err := strconv.Atoi(p.Code) // as OpenRouter says it
	if err != nil || status < 400 || status > 599 {
		status = map[core.Code]int{
			core.Invalid: http.StatusBadRequest, core.Unauthenticated: http.StatusUnauthorized, core.Denied: http.StatusForbidden,
			core.NotFound: http.StatusNotFound, core.Exhausted: http.StatusTooManyRequests,
		}[p.Kind()]
	}
	f := g.problemOf(provider, cmp.Or(status, http.StatusBadGateway), nil, p, true)
	f.why = "an error in an answer of status 200"
	return f
}

// broke is the fault of an exchange that came to no answer, although its request was sent. ctx is
// the caller's.
func (g *Gateway) broke(ctx context.Context, provider string, err error) *fault {
	if ctx.Err() != nil {
		return &fault{err: ended(ctx), final: true, gone: true, cut: true}
	}
	if errors.Is(err, errFull) {
		return &fault{err: noRoom(), final: true, cut: true}
	}
	why := reason(err)
	same := errors.Is(err, errLarge) || core.CodeOf(err) == core.Denied // who asks again gets as much, or nothing, again
	return &fault{
		sick: !same, stuck: same || slow(err), cut: slow(err) || errors.Is(err, errLarge), why: why,
		err: core.E(core.Unavailable, op, "the provider "+provider+" doesn't answer: "+why).Because(err),
	}
}

// slow reports whether an exchange took all the time that it may: a second try would take as
// long.
func slow(err error) bool {
	return errors.Is(err, errFirst) || errors.Is(err, errIdle) || errors.Is(err, errTotal)
}

// reason says what went wrong, without an address in it: that is for those who may see
// providers.
func reason(err error) string {
	for _, own := range []error{errFirst, errIdle, errTotal, errLarge, errCut, errNonsense} {
		if errors.Is(err, own) {
			return own.Error()
		}
	}
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var opErr *net.OpError
	switch {
	case errors.As(err, &dns):
		return "its name isn't known"
	case errors.As(err, &cert):
		return "its certificate isn't trusted"
	case errors.As(err, &record):
		return "it doesn't speak TLS"
	case core.CodeOf(err) == core.Denied:
		return "its address may not be used"
	case errors.As(err, &opErr) && opErr.Op == "dial" && opErr.Timeout():
		return "no connection in time"
	case errors.As(err, &opErr) && opErr.Op == "dial":
		return "no connection"
	}
	return "the connection broke"
}

// ended is the error for a caller that has gone, or whose time is over.
func ended(ctx context.Context) error {
	return core.E(core.Canceled, op, "the caller has gone").Because(context.Cause(ctx))
}

// retryAfter returns how long a provider wants no request (RFC 9110, 10.2.3), at most
// maxWait; 0 if it doesn't say.
func retryAfter(h http.Header, now time.Time) time.Duration {
	wait := time.Duration(0)
	text := h.Get("Retry-After")
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil {
		wait = seconds(ms / 1000)
	} else if s, err := strconv.ParseFloat(text, 64); err == nil {
		wait = seconds(s)
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxWait)
}

// seconds is s as a duration; what no duration can be is maxWait.
func seconds(s float64) time.Duration {
	if math.IsNaN(s) || s > maxWait.Seconds() {
		return maxWait
	}
	return time.Duration(s * float64(time.Second))
}

// clip bounds what is passed on of what somebody else has said.
func clip(s string) string {
	const most = 2000
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + " ..."
	}
	return s
}
