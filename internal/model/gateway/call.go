package gateway

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
)

// Call is a request of a caller's.
type Call struct {
	Scope core.Scope
	Key   core.KeyID // "" for a person
	Op    dialect.Operation
	Body  []byte // JSON; not kept after the answer is closed
	// Header holds what providers of the caller's dialect read besides the body
	// (PassedHeaders); others are ignored.
	Header http.Header
	// Task is set for a call of an agent's, which the task itself pays for.
	Task core.TaskID
	// Fresh has the cache be neither asked nor filled.
	Fresh bool
	// Free has the call cost nothing: the owner's of an embedded installation.
	Free bool
	// Request is by what name the caller knows of it, for Outcome.
	Request string
}

// Answer is what came of a call: a body, or a stream. Close has to be called, and ends what
// is under way.
type Answer struct {
	Body   []byte       // JSON; valid until Close
	Stream Events       // nil: Body is the whole
	Kept   KeptAnswer   // by which the stream can be resumed; "": it isn't kept
	By     model.Origin // who answers; zero: it was said before, and is said again
	Price  *core.Price  // what that one costs, for a task, which pays itself; nil: it isn't known
	Cache  string       // CacheHit, CacheMiss; "": it wasn't asked
	buffer *bytes.Buffer
	// What the body has of the room for large answers, and what in it was known before; nil: none.
	room, known *share
}

// Events are an answer as it comes. Not for concurrent use.
type Events interface {
	// Next returns the next piece: whole server-sent events of the caller's dialect, to be sent
	// as they are. It is valid until the next call. io.EOF is the end, also after what went
	// wrong: then the piece before was the event by which the dialect says so. Any other error
	// means that the caller has gone.
	Next(ctx context.Context) ([]byte, error)
	close()
}

// Close frees what the answer holds. Its body isn't valid any more.
func (a *Answer) Close() {
	if a.Stream != nil {
		a.Stream.close()
	}
	if a.buffer != nil {
		giveBuffer(a.buffer)
		a.buffer, a.Body = nil, nil
	}
	for _, s := range []*share{a.room, a.known} {
		if s != nil {
			s.end()
		}
	}
}

// job is a call that is being served.
type job struct {
	Call
	req      dialect.Request
	to       catalog.Resolved
	ticket   *meter.Ticket // nil: it is charged elsewhere
	prices   []priced
	set      catalog.Settings
	clean    Cleaner  // of the answer; nil: it goes as it comes
	cache    cacheKey // where the answer is kept for a repeat; zero: nowhere
	began    time.Time
	attempts int
	paid     int             // of these, what they used is settled
	cut      *catalog.Target // that was at work when the caller left, or its time was over; it isn't paid yet
	err      error           // why an answer that had come failed
	told     bool            // the observer knows what became of it
}

// Do serves a call. Errors: invalid (it can't be right; with the provider's dialect.Problem
// if that has said so), unsupported (no provider of the model has the operation, or its
// dialect no word for it), not_found (there is no such model), denied (the org's policy
// refuses it), exhausted (credits, budgets, or the rate of all providers), unavailable (no
// provider answers; a Wait says for how long, if they do), canceled.
func (g *Gateway) Do(ctx context.Context, c Call) (*Answer, error) {
	j := &job{Call: c, began: g.cfg.Now()}
	returned := false
	defer func() {
		if !returned { // it panics, which mustn't keep credits
			j.drop(g, core.E(core.Internal, op, "panic"))
		}
	}()
	a, err := g.serve(ctx, j)
	returned = true
	if err != nil {
		g.over(j, Outcome{Status: statusOf(err), Err: err})
	}
	return a, err
}

// serve is Do of a job. Who is told of its outcome is told of errors by Do.
func (g *Gateway) serve(ctx context.Context, j *job) (*Answer, error) {
	if err := g.prepare(ctx, j); err != nil {
		return nil, err
	}
	if a := counted(j); a != nil {
		g.over(j, Outcome{Status: meter.StatusOK})
		return a, nil
	}
	if a, err := g.repeated(ctx, j); a != nil || err != nil {
		return a, err
	}
	if a, served, err := g.embeddings(ctx, j); served {
		return a, err
	}
	a, err := g.asked(ctx, j)
	if a != nil && j.cache.place != "" {
		a.Cache = CacheMiss
	}
	return a, err
}

// asked has somebody answer a call.
func (g *Gateway) asked(ctx context.Context, j *job) (*Answer, error) {
	if err := g.open(ctx, j, most(j.req)); err != nil {
		return nil, err
	}
	if j.req.Stream && j.req.Store && j.Task == "" {
		return g.kept(ctx, j)
	}
	r, err := g.attempt(ctx, j)
	if err != nil {
		j.drop(g, err)
		g.note(ctx, j, "", statusOf(err), nil, false)
		if j.Task != "" && j.cut != nil { // the task pays it
			err = errors.Join(err, model.ErrWorked)
		}
		return nil, err
	}
	if r.body != nil {
		return g.answer(ctx, j, r)
	}
	return &Answer{Stream: newStream(g, j, r), By: r.by(), Price: g.told(ctx, j, r.target)}, nil
}

// kept has a stream go into the keep, from which its caller reads.
func (g *Gateway) kept(ctx context.Context, j *job) (*Answer, error) {
	var a *keeping
	// It outlives the call, whose body is the caller's again then.
	req, err := dialect.Read(j.Op, bytes.Clone(j.req.Body))
	if err == nil {
		j.req, j.Body = req, req.Body
		a, err = g.keeper.enter(ctx, j)
	}
	if err != nil {
		j.drop(g, err)
		return nil, err
	}
	r, err := g.attempt(a.ctx, j)
	if err != nil {
		g.keeper.leave(a)
		j.drop(g, err)
		g.note(ctx, j, "", statusOf(err), nil, false)
		return nil, err
	}
	doc, err := g.keeper.begin(a, j.Op, r.target.Provider.Timeouts.Idle)
	if err != nil {
		if core.CodeOf(err) != core.Canceled {
			j.drop(g, err) // the caller gets none of it, by no fault of its own
		}
		newStream(g, j, r).close()
		g.keeper.leave(a)
		return nil, err
	}
	a.given = g.giver(j, r)
	reader := g.keeper.reader(j.Scope.Org, doc)
	reader.live = a
	go g.keeper.pump(a, newStream(g, j, r))
	return &Answer{Kept: a.id, By: r.by(), Stream: reader}, nil
}

// prepare reads the request and finds who may serve it.
func (g *Gateway) prepare(ctx context.Context, j *job) (err error) {
	if j.req, err = dialect.Read(j.Op, j.Body); err != nil {
		return err
	}
	if j.req.Background { // what it used would be told to nobody
		return core.E(core.Unsupported, op, "a response can't be made in the background").WithHint(`have it streamed, with "store": true: then it can be taken up again`)
	}
	view, err := g.cfg.Catalog.Of(ctx, j.Scope.Org)
	if err != nil {
		return err
	}
	j.set = view.Settings()
	if j.to, err = view.Resolve(j.req.Model, j.Op); err != nil {
		return err
	}
	clean, err := g.cfg.Clean(ctx, j.Scope, j.Task, "model", j.Body)
	if err != nil {
		return err
	}
	if len(clean) != len(j.Body) || !bytes.Equal(clean, j.Body) {
		if j.req, err = dialect.Read(j.Op, clean); err != nil {
			return err
		}
	}
	j.clean, err = g.cleaner(ctx, j)
	return err
}

// open sets aside what the call may cost: by the dearest of those that may answer.
func (g *Gateway) open(ctx context.Context, j *job, most core.Usage) (err error) {
	if j.Task != "" || !charged[j.Op] {
		return nil
	}
	ask := meter.Ask{Scope: j.Scope, Key: j.Key, Model: j.req.Model, Most: most, Free: j.Free}
	if first := j.to.Tiers[0][0]; len(j.to.Tiers) == 1 && len(j.to.Tiers[0]) == 1 {
		ask.Price, ask.Fixed = first.PriceName, first.Price
	} else if ask.Fixed, err = g.dearest(ctx, j, most); err != nil {
		return err
	}
	if j.ticket, err = g.cfg.Meter.Open(ctx, ask); core.CodeOf(err) == core.Exhausted {
		err = errors.Join(err, dialect.Problem{Code: dialect.BudgetCode})
	}
	return err
}

// dearest is the price by which a call may cost most. It notes those of all targets.
func (g *Gateway) dearest(ctx context.Context, j *job, most core.Usage) (*core.Price, error) {
	var dearest *core.Price
	j.prices = j.prices[:0]
	for _, tier := range j.to.Tiers {
		for _, t := range tier {
			price := t.Price
			if price == nil && !j.Free {
				p, err := g.cfg.Meter.Price(ctx, j.Scope.Org, t.PriceName)
				if err != nil {
					return nil, err
				}
				price = &p
			}
			if price == nil {
				price = &core.Price{}
			}
			j.prices = append(j.prices, priced{t, price})
			if dearest == nil || price.Most(most) > dearest.Most(most) {
				dearest = price
			}
		}
	}
	return dearest, nil
}

// priced is a target with what it costs.
type priced struct {
	catalog.Target
	price *core.Price
}

// price is what a target costs, where targets differ; nil: what the ticket says.
func (j *job) price(t catalog.Target) *core.Price {
	for _, p := range j.prices {
		if p.Provider == t.Provider && p.Model == t.Model {
			return p.price
		}
	}
	return nil
}

// bounded has a request ask for no more than was set aside for it, if it is paid for: by a limit
// that the provider knows.
func (j *job) bounded(t catalog.Target) dialect.Request {
	if j.ticket == nil || !j.ticket.Price().Writes() {
		return j.req
	}
	switch name := t.Provider.LimitName(j.Op); {
	case name == "":
		return j.req
	case j.req.MaxOutput > 0:
		return j.req.LimitedBy(name)
	default:
		return j.req.Limited(name, usualOutput)
	}
}

// charged are the operations that cost something.
var charged = map[dialect.Operation]bool{dialect.OpChat: true, dialect.OpResponses: true, dialect.OpMessages: true, dialect.OpEmbeddings: true, dialect.OpCompact: true}

// drop notes that nothing came of the call, which is free, unless its caller left while a provider
// was at work, or that one took too long: then it is charged for what was asked.
func (j *job) drop(g *Gateway, err error) {
	switch {
	case j.ticket == nil:
		return
	case j.attempts == j.paid:
		j.ticket.Drop()
		return
	case j.cut != nil:
		j.err = err
		j.settle(g, *j.cut, core.Usage{Input: read(j.req), Estimated: true}, statusOf(err), 0)
		return
	}
	j.ticket.Settle(meter.Used{Status: statusOf(err), Took: g.cfg.Now().Sub(j.began), Attempts: j.attempts - j.paid, Op: string(j.Op)})
}

// statusOf is that of a call which came to nothing.
func statusOf(err error) string {
	if core.CodeOf(err) == core.Canceled {
		return meter.StatusCanceled
	}
	return meter.StatusFailed
}

// settle has the call charged for what it used.
func (j *job) settle(g *Gateway, t catalog.Target, u core.Usage, status string, first time.Duration) {
	defer g.over(j, outcomeOf(t, u, status, first)) // an error of a whole answer's is told by Do
	j.charge(g, t, u, status, first)
}

// charge is settle of a target's part of the call, which may go on.
func (j *job) charge(g *Gateway, t catalog.Target, u core.Usage, status string, first time.Duration) {
	if j.ticket == nil {
		return
	}
	j.ticket.Settle(meter.Used{
		Provider: t.Provider.Name, Model: t.Model, Usage: u, Status: status,
		Took: g.cfg.Now().Sub(j.began), First: first, Attempts: j.attempts - j.paid, Op: string(j.Op), Price: j.price(t),
	})
}

// answer is a whole answer as it goes to the caller. denied: the org's policy keeps it from
// going, which doesn't make it cost less.
func (g *Gateway) answer(ctx context.Context, j *job, r *reply) (*Answer, error) {
	u := r.whole.Usage
	if !r.whole.Told {
		u = estimate(j.req, written(r.op, r.body.Bytes()), dialect.Text(r.op, r.body.Bytes()))
	}
	r.lane.leave(nil, g.cfg.Now())
	var err error
	if j.clean != nil {
		r.said, err = cleanWhole(j.clean, r.said)
		j.clean.Done(ctx)
		if err == nil && !r.room.also(len(r.said)) {
			err = noRoom()
		}
	}
	if err != nil {
		j.err = err
		j.settle(g, r.target, u, meter.StatusFailed, g.cfg.Now().Sub(j.began))
		g.note(ctx, j, r.target.Provider.Name, meter.StatusFailed, nil, false)
		giveBuffer(r.body)
		r.room.end()
		return nil, err
	}
	j.settle(g, r.target, u, meter.StatusOK, g.cfg.Now().Sub(j.began))
	if j.req.Store {
		g.give(ctx, j, r)
	}
	g.remember(ctx, j, r.said, false)
	g.note(ctx, j, r.target.Provider.Name, meter.StatusOK, r.said, false)
	return &Answer{Body: r.said, By: r.by(), Price: g.told(ctx, j, r.target), buffer: r.body, room: &r.room}, nil
}

// told is what a target costs, as a task is told that pays for its calls itself.
func (g *Gateway) told(ctx context.Context, j *job, t catalog.Target) *core.Price {
	if j.Task == "" {
		return nil
	}
	if t.Price != nil {
		return t.Price
	}
	p, err := g.cfg.Meter.Price(ctx, j.Scope.Org, t.PriceName)
	if err != nil {
		return nil // it pays what it was quoted
	}
	return &p
}

// by is who answers.
func (r *reply) by() model.Origin {
	return model.Origin{Provider: r.target.Provider.Name, Model: r.target.Model, Exact: r.target.Provider.ID}
}

// buffers are those of whole answers, of which most are small.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func takeBuffer() *bytes.Buffer { return buffers.Get().(*bytes.Buffer) }

// giveBuffer keeps a buffer for the next answer, unless it is of one that was unusually
// large.
func giveBuffer(b *bytes.Buffer) {
	const usual = 256 << 10
	if b.Cap() <= usual {
		b.Reset()
		buffers.Put(b)
	}
}
