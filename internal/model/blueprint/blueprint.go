// Package blueprint is the built-in planner: a driver of the model port that
// needs no model. It plans and writes web apps from what parse understands of a
// prompt and what generate makes of that.
//
// platform hands it to the agent, as the model of tasks when none is configured
// and as the fallback when every model is down. It reads a request's Brief, not
// its prose; it writes through the tools that it is offered, never by itself. It
// is deterministic: the same request gives the same answer. So it never tries
// the same thing twice, and says so instead.
package blueprint

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// Config is what a Planner needs.
type Config struct {
	// Runtime returns the runtime that new apps are written for, "python" or
	// "node", or why there is none. It is asked once for each request.
	Runtime func() (string, error)
}

// Planner implements model.Model. It is safe for concurrent use if Runtime is.
type Planner struct{ runtime func() (string, error) }

// New returns a Planner.
func New(c Config) *Planner { return &Planner{runtime: c.Runtime} }

var _ model.Model = (*Planner)(nil)

// Stream implements model.Model. The Usage of an answer is zero. Errors:
// unsupported for what isn't an app, for a judgement, and for a second try at
// what failed; invalid for a change that isn't understood; what Runtime returns;
// canceled when ctx ends.
func (p *Planner) Stream(ctx context.Context, r model.Request) iter.Seq2[model.Chunk, error] {
	return func(yield func(model.Chunk, error) bool) {
		a, err := p.answer(r)
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			yield(model.Chunk{}, err)
			return
		}
		for _, c := range chunks(a) {
			if ctx.Err() != nil {
				yield(model.Chunk{}, ctx.Err())
				return
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}

// answer works out the whole answer to a request.
func (p *Planner) answer(r model.Request) (model.Answer, error) {
	const op = "blueprint"
	switch {
	case r.Purpose == model.Judge:
		return model.Answer{}, core.E(core.Unsupported, op, "the built-in planner doesn't judge; the evidence decides")
	case r.Purpose != model.Plan && r.Purpose != model.Work:
		return model.Answer{}, core.E(core.Unsupported, op, fmt.Sprintf("the built-in planner doesn't know the purpose %q", r.Purpose))
	case !buildsApps(r):
		return model.Answer{}, core.E(core.Unsupported, op, "the built-in planner builds apps; this task needs a model").
			WithHint("set OPENAI_API_KEY (and OPENAI_BASE_URL for another provider), or start Ollama on this machine")
	case r.Brief.Feedback != "":
		return model.Answer{}, core.E(core.Unsupported, op, "the built-in planner would do the same again: "+clip(r.Brief.Feedback, 300)).
			WithHint("say it in other words, or configure a model")
	case r.Purpose == model.Plan:
		return p.plan(r.Brief)
	case r.Brief.Step == nil:
		return model.Answer{}, core.E(core.Invalid, op, "there is no step to work on")
	case r.Brief.Change:
		return p.change(r)
	}
	return p.build(r)
}

// buildsApps reports whether the request is about an app: one that offers tools
// offers to write files.
func buildsApps(r model.Request) bool {
	if len(r.Tools) == 0 {
		return r.Purpose == model.Plan
	}
	for _, t := range r.Tools {
		if t.Name == writeFile {
			return true
		}
	}
	return false
}

// chunkSize is how many characters of text a chunk carries.
const chunkSize = 80

// chunks cuts an answer into the pieces in which it is streamed.
func chunks(a model.Answer) []model.Chunk {
	var out []model.Chunk
	for text := []rune(a.Text); len(text) > 0; {
		n := min(chunkSize, len(text))
		out = append(out, model.Chunk{Text: string(text[:n])})
		text = text[n:]
	}
	for i := range a.Calls {
		out = append(out, model.Chunk{Call: &a.Calls[i]})
	}
	return append(out, model.Chunk{Usage: &core.Usage{}, Done: true})
}

// clip returns s as one line of at most n characters.
func clip(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
