package gateway

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/gateway/h1"
	"github.com/isekai-run/isekai/internal/model/sse"
)

// reply is a target's answer: whole, or the beginning of a stream.
type reply struct {
	target catalog.Target
	lane   place
	op     dialect.Operation    // that the target was asked for: the caller's, or of another dialect
	words  *dialect.Translation // nil: they are of one dialect
	sends  sending              // what it is asked
	secret catalog.Secret       // with which
	room   share                // that it has

	whole dialect.Whole // of an answer that isn't a stream
	body  *bytes.Buffer // that, as it came
	said  []byte        // that, as it goes to the caller

	x      exchange
	events *sse.Scanner // of a stream
	watch  *dialect.Watch
	first  sse.Event
	drop   bool // the first event isn't for the caller
}

// try asks one target. Of a stream its first event has come when there is no fault, so that
// until then another can be asked.
func (g *Gateway) try(ctx context.Context, j *job, r *reply, req *http.Request) (f *fault) {
	p := r.target.Provider
	way := g.ways.of(p.Own(), p.Timeouts.Connect)
	x := &r.x
	if err := x.send(ctx, way, req, p.Timeouts, j.req.Stream, g.cfg.Now()); err != nil {
		f = g.broke(ctx, p.Name, err)
		f.cut = r.sends.end() && f.cut && !errors.Is(err, h1.ErrUnsent)
		return f
	}
	switch {
	case x.res.StatusCode/100 != 2:
		f = g.problem(ctx, x, r)
		f.cut = false
	case j.req.Stream:
		if f = g.begin(ctx, x, r, j); f == nil {
			return nil
		}
	default:
		f = g.whole(ctx, x, r)
	}
	x.close()
	r.sends.end()
	return f
}

// word puts the request in words of the target.
func (r *reply) word(j *job) ([]byte, *fault) {
	via, ok := r.target.Provider.Via(j.Op)
	if !ok {
		return nil, &fault{
			err:   core.E(core.Unsupported, op, "the provider "+r.target.Provider.Name+" has no "+string(j.Op)),
			stuck: true, why: "it has no " + string(j.Op),
		}
	}
	if via == j.Op {
		return j.bounded(r.target).With(r.target.Model), nil
	}
	words, body, err := dialect.Translate(j.bounded(r.target), dialect.Dialect(via), r.target.Model)
	if err != nil {
		return nil, &fault{err: err, stuck: true, why: "its dialect has no word for a part of the request"}
	}
	words.Created = j.began.Unix()
	r.words, r.op = words, via
	return body, nil
}

// PassedHeaders are those of a caller's that are passed to a provider of the same dialect.
var PassedHeaders = map[dialect.Operation][]string{
	dialect.OpMessages:    {"Anthropic-Version", "Anthropic-Beta"},
	dialect.OpCountTokens: {"Anthropic-Version", "Anthropic-Beta"},
	dialect.OpChat:        {"Openai-Beta"},
	dialect.OpResponses:   {"Openai-Beta"},
	dialect.OpCompact:     {"Openai-Beta"},
}

// request is what is sent to a target.
func (g *Gateway) request(ctx context.Context, j *job, r *reply) (req http.Request, _ *fault) {
	if f := g.beyond(ctx, j, r.target.Provider); f != nil {
		return req, f
	}
	body, f := r.word(j)
	if f != nil {
		return req, f
	}
	p := r.target.Provider
	secret, err := g.cfg.Secret(ctx, j.Scope, p)
	if err != nil {
		return req, &fault{err: err, stuck: true, why: "its credential can't be read"} // or the caller has gone
	}
	r.secret = secret
	h := make(http.Header, 8)
	if r.words == nil {
		for _, name := range PassedHeaders[j.Op] {
			if v := j.Header[name]; len(v) > 0 {
				h[name] = v
			}
		}
	}
	p.Prepare(h, r.op, secret)
	address, err := p.Endpoint(r.op, r.target.Model)
	if err != nil {
		return req, &fault{err: core.E(core.Internal, op, "the provider "+p.Name+" has no address").Because(err), stuck: true, why: "it has no address"}
	}
	h["Content-Type"] = jsonType
	h["User-Agent"] = userAgent
	// No value: that isn't sent, and lets the transport use another connection when one that it
	// kept turns out to be closed.
	h["Idempotency-Key"] = nil
	r.sends.body = body
	return http.Request{
		Method: http.MethodPost, URL: address, Host: address.Host, Header: h,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: r.sends.open(), ContentLength: int64(len(body)),
		GetBody: r.sends.again,
	}, nil
}

var (
	jsonType  = []string{"application/json"}
	userAgent = []string{"isekai"}
)

// problem reads an answer with an error status.
func (g *Gateway) problem(ctx context.Context, x *exchange, r *reply) *fault {
	b := takeBuffer()
	defer giveBuffer(b)
	p := r.target.Provider
	err := x.whole(b, maxProblem, nil)
	if err != nil && ctx.Err() != nil {
		return g.broke(ctx, p.Name, err)
	}
	if x.res.StatusCode == http.StatusUnauthorized && g.cfg.Refused != nil {
		g.cfg.Refused(p, r.secret)
	}
	body := b.Bytes()
	if hidden := r.secret.Hide(b.String()); len(hidden) != len(body) { // what a provider says may quote it
		body = []byte(hidden)
	}
	return g.refused(p.Name, x.res.StatusCode, x.res.Header, body).hinted(p)
}

// whole reads an answer that isn't a stream.
func (g *Gateway) whole(ctx context.Context, x *exchange, r *reply) *fault {
	b := takeBuffer()
	f := g.wholeInto(ctx, b, x, r)
	if f != nil {
		giveBuffer(b)
		return f
	}
	r.body = b
	return nil
}

func (g *Gateway) wholeInto(ctx context.Context, b *bytes.Buffer, x *exchange, r *reply) *fault {
	provider := r.target.Provider.Name
	if !speaks(x.res, "application/json") {
		return g.broke(ctx, provider, errNonsense)
	}
	if err := x.whole(b, maxAnswer, &r.room); err != nil {
		return g.broke(ctx, provider, err)
	}
	r.room.Hold(2 * b.Len()) // of which it had more until now
	whole, is := dialect.ReadWhole(r.op, b.Bytes())
	switch {
	case !is:
		return g.broke(ctx, provider, errNonsense)
	case whole.Problem != nil:
		return g.inBody(provider, *whole.Problem)
	}
	r.whole = whole
	var err error
	r.said = b.Bytes()
	if r.words != nil {
		if r.said, err = r.words.Answer(b.Bytes()); err != nil {
			return g.broke(ctx, provider, errors.Join(errNonsense, err))
		}
		if !r.room.also(len(r.said)) {
			return g.broke(ctx, provider, errFull)
		}
	}
	return nil
}

// begin reads a stream's first event.
func (g *Gateway) begin(ctx context.Context, x *exchange, r *reply, j *job) *fault {
	provider := r.target.Provider.Name
	if !speaks(x.res, "text/event-stream") {
		return g.unstreamed(ctx, x, provider)
	}
	asked := j.req
	asked.Op = r.op
	r.events, r.watch = sse.NewScanner(x.res.Body, maxEvent), dialect.NewWatch(asked)
	r.events.Room = &r.room
	var err error
	if r.first, err = r.events.Next(); err != nil {
		return g.broke(ctx, provider, x.readError(err))
	}
	if r.drop, err = r.watch.Event(r.first); err != nil {
		return g.badEvent(provider, err)
	}
	x.timer.Stop() // from now on it is waited for by Stream.event
	r.lane.answered()
	return nil
}

// badEvent is the fault of an event that is none, or that says that something is wrong.
func (g *Gateway) badEvent(provider string, err error) *fault {
	var p dialect.Problem
	if errors.As(err, &p) {
		return g.inBody(provider, p)
	}
	return &fault{sick: true, why: errNonsense.Error(), err: core.E(core.Unavailable, op, "the provider "+provider+" answers with what its API doesn't send").Because(err)}
}

// unstreamed is the fault of an answer to a request for a stream that isn't one. Some say so
// that something is wrong.
func (g *Gateway) unstreamed(ctx context.Context, x *exchange, provider string) *fault {
	if speaks(x.res, "application/json") {
		b := takeBuffer()
		defer giveBuffer(b)
		if x.whole(b, maxProblem, nil) == nil {
			if w, is := dialect.ReadWhole(dialect.OpChat, b.Bytes()); is && w.Problem != nil {
				return g.inBody(provider, *w.Problem)
			}
		}
	}
	return g.broke(ctx, provider, errNonsense)
}

// readError is why a stream came to no further event.
func (x *exchange) readError(err error) error {
	switch {
	case x.life.Err() != nil:
		return x.why(err)
	case errors.Is(err, sse.ErrTooLarge):
		return errLarge
	case errors.Is(err, sse.ErrNoRoom):
		return errFull
	}
	return errors.Join(errCut, err)
}
