// Package model is the port to language models and to whatever stands in for
// one.
//
// The agent calls it. The drivers below it are openai (any OpenAI-compatible
// endpoint) and blueprint (the built-in planner, which needs no model); they
// pass the suite in modeltest. A driver never runs a tool and never retries
// after its first chunk was delivered.
package model

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// Model answers requests. Implementations are safe for concurrent use.
type Model interface {
	// Stream yields the answer's chunks as they come and ends after the chunk
	// with Done set, or with an error. Leaving the loop or ending ctx cancels the
	// call upstream. Errors: unavailable (down, rate limited, cut, timed out:
	// worth another try), unauthenticated, denied, invalid (the request can't be
	// served), exhausted (the provider's quota), canceled.
	Stream(ctx context.Context, r Request) iter.Seq2[Chunk, error]
}

// ErrRefused is in the error of a request that a policy doesn't let go to any model: another
// one is no way out.
var ErrRefused = errors.New("the org's policy refuses it")

// ErrWorked is in the error of a request that a provider had when its time was over: it is paid for
// what it read.
var ErrWorked = errors.New("the provider is paid for what it read")

// Purpose says what a request is for.
type Purpose string

// The purposes.
const (
	Plan  Purpose = "plan"  // the answer is a core.Plan as JSON
	Work  Purpose = "work"  // the answer calls tools, or ends the step without
	Judge Purpose = "judge" // the answer is a judgement as JSON
	Route Purpose = "route" // the answer is a core.Intent as JSON
)

// Request is one question to a model.
type Request struct {
	Model     string // the provider's name for the model
	Purpose   Purpose
	System    string
	Messages  []Message
	Tools     []ToolSpec // what may be called; none means that nothing may
	Schema    *Schema    // set: the answer's text is JSON of this schema
	MaxTokens int        // of output; 0 leaves it to the provider
	// Brief is the substance of the messages as data, for a planner that doesn't
	// read prose. Providers ignore it.
	Brief Brief
}

// Brief is what a request is about.
type Brief struct {
	Prompt   string     // what the person asked for
	Change   bool       // it changes the app that is in the workspace
	Step     *core.Step // the step at hand, for Work and Judge
	Attempt  int        // of this step, from 1
	Feedback string     // what was wrong with the attempt, or the plan, before
}

// Role says who speaks.
type Role string

// The roles.
const (
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool"
)

// Message is one turn of the conversation.
type Message struct {
	Role   Role
	Text   string
	Calls  []core.Call // of an Assistant turn
	CallID core.CallID // of a Tool turn: which call it answers
	Failed bool        // of a Tool turn
}

// ToolSpec tells a model about a tool.
type ToolSpec struct {
	Name        string
	Description string
	Schema      json.RawMessage // JSON Schema of the arguments, an object
}

// Schema asks for JSON of a given shape.
type Schema struct {
	Name string
	JSON json.RawMessage
}

// Chunk is a piece of an answer. A chunk may set several fields.
type Chunk struct {
	Text  string      // to append to the answer's text
	Call  *core.Call  // a complete tool call, in the canonical shape
	Usage *core.Usage // tokens so far; the last one counts
	By    *Origin     // who answers, if the driver knows; with the first chunk
	Price *core.Price // what that one costs, likewise
	Done  bool        // the answer is whole
}

// Origin is who answers a request that several could have answered.
type Origin struct {
	Provider string
	Model    string // the provider's own name for it
	// Exact tells providers apart that have one name, or the same one before and after it was
	// changed: prices go by it. "": nobody says.
	Exact string
}

// The headers of an answer by which the gateway says its Origin.
const (
	ProviderHeader = "Isekai-Provider"
	ModelHeader    = "Isekai-Model"
	ExactHeader    = "Isekai-Provider-Exact" // within the process alone
	PriceHeader    = "Isekai-Price"          // likewise; a core.Price as JSON
	WorkedHeader   = "Isekai-Worked"         // likewise; of an error: it has ErrWorked
)

// Answer is a whole answer.
type Answer struct {
	Text  string
	Calls []core.Call
	Usage core.Usage
	By    Origin // zero: the driver doesn't know
	// Price is what By costs, which says it; nil: the driver doesn't know.
	Price *core.Price
}

// Collect runs a request to its end and returns the whole answer. onText, if
// not nil, sees the text as it comes. A stream that ends without Done is
// unavailable: it was cut. With an error, the answer is what came until then.
func Collect(ctx context.Context, m Model, r Request, onText func(string)) (Answer, error) {
	var a Answer
	var text strings.Builder
	done := false
	for c, err := range m.Stream(ctx, r) {
		if err != nil {
			a.Text = text.String()
			return a, err
		}
		text.WriteString(c.Text)
		if c.Text != "" && onText != nil {
			onText(c.Text)
		}
		if c.Call != nil {
			a.Calls = append(a.Calls, *c.Call)
		}
		if c.Usage != nil {
			a.Usage = *c.Usage
		}
		if c.By != nil {
			a.By, a.Price = *c.By, c.Price
		}
		done = done || c.Done
	}
	a.Text = text.String()
	if !done {
		return a, core.E(core.Unavailable, "model.stream", "the answer was cut off")
	}
	return a, nil
}
