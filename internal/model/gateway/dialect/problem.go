package dialect

import (
	"errors"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/sse"
)

// Problem is an error as the APIs say it. It is an error itself, kept as the cause within a
// core.Error, which has the code.
type Problem struct {
	Type    string // "invalid_request_error"; the API's own word
	Code    string // "model_not_found"; OpenAI's only
	Param   string // the member that it is about; OpenAI's only
	Message string // for a person
}

// Error implements error.
func (p Problem) Error() string {
	if p.Message != "" {
		return p.Message
	}
	return "the provider said no more than that it failed"
}

// BudgetCode is the Code of a Problem when credits or a budget are used up, and not a rate.
const BudgetCode = "insufficient_quota"

// TooLarge is the Type of a Problem when a request is larger than it may be; Anthropic's only.
const TooLarge = "request_too_large"

// ProblemOf returns what is told to a caller of err: the Problem that is within it, or its message,
// with its hint. An internal error's message is for the log alone.
func ProblemOf(err error) Problem {
	var p Problem
	if !errors.As(err, &p) {
		p.Message = err.Error()
		var e *core.Error
		if errors.As(err, &e) && e.Msg != "" {
			p.Message = e.Msg
		}
	}
	if core.CodeOf(err) == core.Internal {
		return Problem{}
	}
	if hint := core.HintOf(err); hint != "" {
		p.Message = p.Error() + " (" + hint + ")"
	}
	return p
}

// Kind returns the code that a problem stands for by its own code, or else its type, or Internal
// if they say nothing that is known.
func (p Problem) Kind() core.Code {
	if k := kindOfWord(p.Code); k != core.Internal {
		return k
	}
	return kindOfWord(p.Type)
}

// kindOfWord returns the code that one of the APIs' words for an error stands for.
func kindOfWord(word string) core.Code {
	switch word {
	case "invalid_request_error", "BadRequestError", TooLarge, "context_length_exceeded", "invalid_prompt":
		return core.Invalid
	case "authentication_error", "invalid_api_key":
		return core.Unauthenticated
	case "permission_error", "insufficient_permissions":
		return core.Denied
	case "not_found_error", "NotFoundError", "model_not_found":
		return core.NotFound
	case "conflict_error":
		return core.Conflict
	case "rate_limit_error", "rate_limit_exceeded", "requests", "tokens", "billing_error", BudgetCode, "credit_balance_exhausted":
		return core.Exhausted
	case "api_error", "server_error", "overloaded_error", "timeout_error", "service_unavailable_error", "unavailable_error", "server_is_overloaded", "slow_down":
		return core.Unavailable
	}
	return core.Internal
}

// NoModel is the problem of a model that there isn't, in OpenAI's words, which its clients look for.
func NoModel(message string) Problem {
	return Problem{Type: "invalid_request_error", Code: "model_not_found", Param: "model", Message: message}
}

// endedEarly is the problem of a stream that stops before its end.
func endedEarly() Problem {
	return Problem{Type: "api_error", Code: "stream_ended_early", Message: "the provider's stream ended before the answer was complete"}
}

// openAIProblem is an error as OpenAI's APIs have it.
type openAIProblem struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// anthropicProblem is an error as Anthropic's API has it.
type anthropicProblem struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

type anthropicFailure struct {
	Type      string           `json:"type"` // error
	Error     anthropicProblem `json:"error"`
	RequestID string           `json:"request_id,omitempty"`
}

// WriteProblem returns the body of an error in the dialect of an operation: its type by the code,
// as that API's documents have it, and what the problem says besides. Without a code it is the
// problem's own kind. OpenAI's bodies have no place for the request's id; it is in a header.
func WriteProblem(op Operation, code core.Code, p Problem, requestID string) []byte {
	if code == "" {
		code = p.Kind()
	}
	if op.Dialect() == Messages {
		return encode(anthropicFailure{Type: "error", Error: p.anthropic(code), RequestID: requestID})
	}
	return encode(struct {
		Error openAIProblem `json:"error"`
	}{p.openAI(code)})
}

// ProblemEvent returns the event that a stream of an operation's dialect ends with when it breaks
// after its first byte: what that API's clients take for an error. Without a code it is the
// problem's own kind.
func ProblemEvent(op Operation, code core.Code, p Problem) sse.Event {
	if code == "" {
		code = p.Kind()
	}
	switch op.Dialect() {
	case Messages:
		return sse.Event{Name: "error", Data: WriteProblem(op, code, p, "")}
	case Responses: // the members that are documented, and the one that its clients look for
		o := p.openAI(code)
		return sse.Event{Name: "error", Data: encode(struct {
			Type     string `json:"type"`
			Sequence int    `json:"sequence_number"`
			openAIProblemBare
			Error openAIProblem `json:"error"`
		}{"error", 0, openAIProblemBare{o.Code, o.Message, o.Param}, o})}
	}
	return sse.Event{Data: WriteProblem(op, code, p, "")}
}

// openAIProblemBare is what an error event of responses has at its top.
type openAIProblemBare struct {
	Code    *string `json:"code"`
	Message string  `json:"message"`
	Param   *string `json:"param"`
}

// openAI says a problem as OpenAI does (its guide to error codes).
func (p Problem) openAI(code core.Code) openAIProblem {
	o := openAIProblem{Message: p.Message, Type: "invalid_request_error"}
	short := p.Code
	switch code {
	case core.Unauthenticated:
		o.Type, short = "authentication_error", or(short, "invalid_api_key")
	case core.Denied:
		o.Type = "permission_error"
	case core.NotFound:
		o.Type = "not_found_error"
	case core.Exhausted:
		o.Type, short = "rate_limit_error", or(short, "rate_limit_exceeded")
		if short == BudgetCode || p.Type == "billing_error" {
			o.Type, short = BudgetCode, BudgetCode
		}
	case core.Unavailable, core.Internal, "":
		o.Type = "server_error"
	case core.Canceled:
		short = or(short, "request_canceled")
	}
	o.Message = or(o.Message, plainly(code))
	if short != "" {
		o.Code = &short
	}
	if p.Param != "" {
		o.Param = &p.Param
	}
	return o
}

// anthropic says a problem as Anthropic does (its document of errors).
func (p Problem) anthropic(code core.Code) anthropicProblem {
	a := anthropicProblem{Type: "invalid_request_error", Message: or(p.Message, plainly(code))}
	switch code {
	case core.Invalid:
		if p.Type == TooLarge {
			a.Type = TooLarge
		}
	case core.Unauthenticated:
		a.Type = "authentication_error"
	case core.Denied:
		a.Type = "permission_error"
	case core.NotFound:
		a.Type = "not_found_error"
	case core.Exhausted:
		a.Type = "rate_limit_error"
		if p.Code == BudgetCode || p.Type == "billing_error" {
			a.Type = "billing_error"
		}
	case core.Unavailable:
		a.Type = "overloaded_error"
		if p.Type == "timeout_error" || p.Type == "api_error" {
			a.Type = p.Type
		}
	case core.Internal, "":
		a.Type = "api_error"
	}
	return a
}

// plainly says a code to a person who gets nothing better.
func plainly(code core.Code) string {
	switch code {
	case core.Invalid:
		return "the request isn't valid"
	case core.Unauthenticated:
		return "the API key is missing or not valid"
	case core.Denied:
		return "the API key doesn't allow this"
	case core.NotFound:
		return "there is no such thing"
	case core.Conflict:
		return "the state has moved on; read it again"
	case core.Exhausted:
		return "a limit is reached"
	case core.Unavailable:
		return "no provider can serve this now; try again"
	case core.Canceled:
		return "the request was canceled"
	case core.Unsupported:
		return "this isn't supported"
	}
	return "an internal error; the request's id finds it in the log"
}
