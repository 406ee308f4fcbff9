package agent

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/tool"
)

// Prices say what an org pays for a model, "model/NAME", or a tool, "tool/NAME". An error
// that time doesn't mend ends the task; it names what has no price, and hints at how to
// set one.
type Prices interface {
	Quote(ctx context.Context, org core.OrgID, name string) (Quote, error)
}

// Quote is what a call costs. It is asked for before the call, and holds for it: what
// becomes of prices meanwhile doesn't matter to it. The call is admitted by the most that it
// may cost, and charged by who answered, which the event of the answer keeps with the cost. So
// no replay needs a price, and only a call that is made again after a crash is quoted again.
type Quote struct {
	core.Price                             // at most: no part of it is less than in one of By
	By         map[model.Origin]core.Price // by who answers; nil: whoever it is
}

// Listed are Prices by a list, which are the same whoever answers.
type Listed struct {
	List interface {
		Price(ctx context.Context, org core.OrgID, name string) (core.Price, error)
	}
}

// Quote implements Prices.
func (l Listed) Quote(ctx context.Context, org core.OrgID, name string) (Quote, error) {
	p, err := l.List.Price(ctx, org, name)
	return Quote{Price: p}, err
}

// Ceiling returns the quote of a name that leads to several.
func Ceiling(by map[model.Origin]core.Price) Quote {
	var most core.Price
	above := math.MaxInt // of tokens that are read, one of them costs more
	for _, p := range by {
		if most = dearer(most, p.At(0)); p.Above != nil {
			above = min(above, p.Above.Tokens)
		}
	}
	if above == math.MaxInt {
		return Quote{most, by}
	}
	many := most
	for _, p := range by {
		many = dearer(many, p.At(math.MaxInt))
	}
	most.Above = &core.PriceAbove{Tokens: above, Input: many.Input, Cached: many.Cached, CacheWrite: many.CacheWrite, CacheWrite1h: many.CacheWrite1h, Output: many.Output}
	return Quote{most, by}
}

// dearer is the price of which no part is less than in either.
func dearer(most, p core.Price) core.Price {
	p = p.Said()
	return core.Price{
		Input: max(most.Input, p.Input), Cached: max(most.Cached, p.Cached), CacheWrite: max(most.CacheWrite, p.CacheWrite),
		CacheWrite1h: max(most.CacheWrite1h, p.CacheWrite1h), Output: max(most.Output, p.Output),
		Call: max(most.Call, p.Call), Second: max(most.Second, p.Second), Version: max(most.Version, p.Version),
	}
}

// of is the price by which an answer is charged: what was quoted for who gave it. One who
// came after the quote costs what it says itself, and at least what was admitted; so does one
// of whom nobody knows.
func (q Quote) of(a model.Answer) core.Price {
	if p, ok := q.By[a.By]; ok {
		return p
	}
	if a.Price == nil || a.By == (model.Origin{}) {
		return q.Price
	}
	return Ceiling(map[model.Origin]core.Price{{}: q.Price, a.By: *a.Price}).Price
}

// decideCredits is what a charged task needs before anything else: credits.
func decideCredits(s State) Effect {
	switch {
	case s.Refused != nil:
		return giveUp(s, &core.Failure{Code: core.Exhausted, Msg: s.Refused.Reason, Hint: s.Refused.Hint})
	case s.Asked:
		return Effect{Rest: true}
	}
	return record(requestCredits(s.Created))
}

func requestCredits(c core.TaskCreated) core.CreditsRequested {
	return core.CreditsRequested{Amount: c.Hold, Key: c.Key}
}

// afford returns why a call that costs at most this isn't made, or nil.
func (s State) afford(most core.Credits) *core.Failure {
	if s.Spent+most <= s.Held {
		return nil
	}
	return &core.Failure{Code: core.Exhausted, Msg: s.usedUp(), Hint: "raise the limit of credits, or ask for less at once"}
}

func (s State) usedUp() string {
	return fmt.Sprintf("the task used %s of its %s credits, and the next call may cost more than is left", s.Spent, s.Held)
}

// The bounds of a model's answer that a charged task asks for, in tokens: with less it
// isn't worth asking, and more no step needs.
const (
	minReply = 1 << 10
	maxReply = 16 << 10
)

// reply is how long a model's answer may be, in tokens, so that what is left pays for it;
// 0: as long as the model likes, for what it writes is free.
func (s State) reply(p core.Price, input int) int {
	if p = p.At(input); p.Output <= 0 {
		return 0
	}
	left := s.Held - s.Spent - p.Most(core.Usage{Input: input})
	return int(min(maxReply, max(minReply, float64(left)/float64(p.Output)*1e6)))
}

// used is what a call of a model is paid for: what its provider reports. Of an answer that
// came to an early end it may report nothing, and then it is about what was asked and came. Of one
// that didn't come, what was asked is paid if a provider was at work on it.
func used(a model.Answer, err error, input int) core.Usage {
	if err == nil || a.Usage != (core.Usage{}) || a.Text == "" && core.CodeOf(err) != core.Canceled && !errors.Is(err, model.ErrWorked) {
		return a.Usage
	}
	return core.Usage{Input: input, Output: len(a.Text) / bytesPerToken, Estimated: true}
}

// bytesPerToken is less than most texts have, so that a call which was admitted seldom costs
// more than was thought.
const bytesPerToken = 3

// tokens is about how many tokens a request has.
func tokens(r model.Request) int {
	n := len(r.System)
	if r.Schema != nil {
		n += len(r.Schema.JSON)
	}
	for _, t := range r.Tools {
		n += len(t.Name) + len(t.Description) + len(t.Schema)
	}
	for _, m := range r.Messages {
		n += len(m.Text) + 12
		for _, c := range m.Calls {
			n += len(c.Tool) + len(c.Arguments) + 12
		}
	}
	return n/bytesPerToken + 1
}

// admitModel is admit for a model, which is to read so many tokens.
func (d *drive) admitModel(ctx context.Context, input int) (q Quote, ok bool, err error) {
	return d.admit(ctx, "model/"+d.state.Model, func(p core.Price) core.Credits {
		return p.Most(core.Usage{Input: input, Output: minReply})
	})
}

// pays says who pays what a call cost: the ledger by this task's own hold, or its parent when it is
// a sub-task.
func (s State) pays(cost core.Credits) (own, share core.Credits) {
	if s.Created.Parent != nil {
		return 0, cost
	}
	return cost, 0
}

// admitTool is admit for a tool. What undoes another call costs nothing, nor does what
// isn't run, or is a part of the agent.
func (d *drive) admitTool(ctx context.Context, c CallTool, t tool.Tool) (q Quote, ok bool, err error) {
	if c.Undo || c.Settle != nil || part(c.Call.Tool) {
		return Quote{}, true, nil
	}
	return d.admit(ctx, "tool/"+c.Call.Tool, func(p core.Price) core.Credits { return p.Took(t.Spec().Timeout) })
}

// admit returns the quote of a call that may be made. If it may not, because it has no
// price or may cost more than is left, the task is given up and ok is false. A call that
// was requested before a crash was admitted then, and is made: what has no price any more
// is free. So is everything in a task that isn't charged.
func (d *drive) admit(ctx context.Context, name string, most func(core.Price) core.Credits) (q Quote, ok bool, err error) {
	if !d.state.charged() || d.Prices == nil {
		return Quote{}, true, nil
	}
	q, err = d.Prices.Quote(ctx, d.lease.Org, name)
	if err != nil && !lasting(err) {
		return q, false, fmt.Errorf("price of %s: %w", name, err)
	}
	if d.state.Pending != nil {
		return q, true, nil
	}
	refusal := core.Fail(err)
	if refusal == nil {
		refusal = d.state.afford(most(q.Price))
	}
	if refusal != nil {
		d.note(giveUp(d.state, refusal).Record...)
	}
	return q, refusal == nil, nil
}
