package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// dialectAt is whose API a path is of, also where it is no route's. false: ours.
func dialectAt(path string) (dialect.Operation, bool) {
	if c, ok := astray(path); ok {
		return c.op, true
	}
	rest, ok := strings.CutPrefix(path, "/v1/")
	if !ok {
		return "", false
	}
	switch first, _, _ := strings.Cut(rest, "/"); first {
	case "chat", "answers":
		return dialect.OpChat, true
	case "responses":
		return dialect.OpResponses, true
	case "embeddings":
		return dialect.OpEmbeddings, true
	case "messages":
		return dialect.OpMessages, true
	case "models":
		return dialect.OpModels, true
	}
	return "", false
}

// astray is the call that a client means by a path whose base isn't what its API takes: with
// /v1 twice, or without.
func astray(path string) (call, bool) {
	for _, c := range calls {
		if bare := strings.TrimPrefix(c.path, "/v1"); path != c.path && (strings.HasSuffix(path, c.path) || path == bare) {
			return c, true
		}
	}
	return call{}, false
}

// whither is where to look for what isn't at a path.
func whither(path string) string {
	c, ok := astray(path)
	switch {
	case path == "/v1/completions":
		return "a prompt goes to POST /v1/chat/completions, as a message of a user's"
	case !ok:
		return "/docs lists what there is"
	case c.op == dialect.OpMessages || c.op == dialect.OpCountTokens:
		return "it is POST " + c.path + ": the base URL of a client of Anthropic's is this server's without /v1"
	}
	return "it is POST " + c.path + ": the base URL of a client of OpenAI's is this server's with /v1 at its end"
}

// unread is the cause of an error of a body that can't be read: the status that says that
// better than the code.
type unread int

// Error implements error.
func (u unread) Error() string { return http.StatusText(int(u)) }

// writeModelError answers a call with an error as its API has them: the provider's own words
// where it has said what is wrong, else ours.
func writeModelError(w http.ResponseWriter, ours *problem, op dialect.Operation, err error) {
	var why unread
	if errors.As(err, &why) {
		ours.Status = int(why)
	}
	var wait gateway.Wait
	if errors.As(err, &wait) {
		ours.wait = max(time.Duration(wait), time.Second)
	}
	var said dialect.Problem
	_ = errors.As(err, &said) // nothing, if nobody has said more
	if said.Type == dialect.TooLarge {
		ours.Status = http.StatusRequestEntityTooLarge
	}
	ours.inDialect(w, op, said)
}

// inDialect writes a problem as an API of models has it, with what else a provider has said.
func (p *problem) inDialect(w http.ResponseWriter, op dialect.Operation, said dialect.Problem) {
	// What else a provider says may be about what is behind it, or about our account there.
	switch {
	case (p.Code == core.Invalid || p.Code == core.Unsupported) && said.Message != "":
	case p.Code == core.NotFound, p.Code == core.Exhausted && p.wait == 0:
		said = dialect.Problem{Code: said.Code, Message: p.Detail}
	default:
		said = dialect.Problem{Message: p.Detail}
	}
	if p.Status == http.StatusRequestEntityTooLarge {
		said.Type = dialect.TooLarge
	}
	if p.Hint != "" {
		said.Message += " (" + p.Hint + ")"
	}
	h := w.Header()
	if p.wait > 0 {
		h.Set("Retry-After", wholeSeconds(p.wait))
	} else if p.Code == core.Exhausted && h.Get("Retry-After") == "" {
		h.Set("X-Should-Retry", "false") // which clients heed: a budget isn't larger in a second
	}
	h["Content-Type"] = jsonContent
	status := p.Status
	if status == statusOf(p.Code) {
		status = modelStatus(p.Code)
	}
	w.WriteHeader(status)
	// A reader that has gone needs no answer.
	_, _ = w.Write(dialect.WriteProblem(op, p.Code, said, p.RequestID))
}

// modelStatus is statusOf as the APIs of models have it.
func modelStatus(c core.Code) int {
	switch c {
	case core.Invalid, core.Unsupported:
		return http.StatusBadRequest
	}
	return statusOf(c)
}
