package modeltest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"sync"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// Fake is a model in process that follows a script. It doesn't retry. Safe for
// concurrent use.
type Fake struct {
	recorder
}

// NewFake returns a Fake.
func NewFake(s Script) *Fake { return &Fake{recorder{script: s}} }

var _ model.Model = (*Fake)(nil)

// recorder counts and keeps requests.
type recorder struct {
	script   Script
	mu       sync.Mutex
	requests []Request
}

func (r *recorder) next(q Request) Answer {
	r.mu.Lock()
	n := len(r.requests)
	r.requests = append(r.requests, q)
	r.mu.Unlock()
	return r.script(n, q)
}

// Requests returns what was asked so far, in order.
func (r *recorder) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Request(nil), r.requests...)
}

// Stream implements model.Model.
func (f *Fake) Stream(ctx context.Context, r model.Request) iter.Seq2[model.Chunk, error] {
	return func(yield func(model.Chunk, error) bool) {
		q := Request{Model: r.Model, System: r.System, Messages: r.Messages, MaxTokens: r.MaxTokens}
		for _, t := range r.Tools {
			q.Tools = append(q.Tools, t.Name)
		}
		if r.Schema != nil {
			q.Schema = r.Schema.JSON
		}
		c, err := model.NewCanonical(r)
		if err != nil {
			yield(model.Chunk{}, err)
			return
		}
		if err := play(ctx, f.next(q), c, func(ch model.Chunk) bool { return yield(ch, nil) }); err != nil {
			yield(model.Chunk{}, err)
		}
	}
}

// play plays one answer.
func play(ctx context.Context, a Answer, c *model.Canonical, yield func(model.Chunk) bool) error {
	if ctx.Err() != nil || a.HangBefore {
		return gone(ctx)
	}
	if a.Status != 0 {
		return core.E(codeOf(a.Status), "model.fake", a.Error)
	}
	for again := true; again; again = a.Endless && ctx.Err() == nil {
		for _, p := range pieces(a.Text) {
			if text := c.Text(p); text != "" && !yield(model.Chunk{Text: text}) {
				return nil
			}
		}
	}
	switch {
	case a.HangWithin || a.Endless:
		return gone(ctx)
	case a.Cut:
		return core.E(core.Unavailable, "model.fake", "the answer was cut off")
	}
	for _, call := range a.Calls {
		c.Native(call.ID, call.Name, []byte(call.Arguments))
	}
	text, calls := c.End()
	if text != "" && !yield(model.Chunk{Text: text}) {
		return nil
	}
	for i := range calls {
		if !yield(model.Chunk{Call: &calls[i]}) {
			return nil
		}
	}
	yield(model.Chunk{Usage: a.usage(), Done: true})
	return nil
}

func gone(ctx context.Context) error {
	<-ctx.Done()
	err := ctx.Err()
	if why := context.Cause(ctx); !errors.Is(why, err) {
		err = fmt.Errorf("%w: %w", err, why)
	}
	return core.E(core.CodeOf(ctx.Err()), "model.fake", "the caller ended the request").Because(err)
}

func codeOf(status int) core.Code {
	switch {
	case status == http.StatusUnauthorized:
		return core.Unauthenticated
	case status == http.StatusForbidden:
		return core.Denied
	case status == http.StatusNotFound:
		return core.NotFound
	case status == http.StatusTooManyRequests || status >= 500:
		return core.Unavailable
	}
	return core.Invalid
}
