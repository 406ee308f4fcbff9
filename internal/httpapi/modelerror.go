package httpapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// writeModelError answers a call with an error as its API has them: the provider's own words
// where it has said what is wrong, else ours.
func (s *server) writeModelError(hc huma.Context, rq *request, op dialect.Operation, err error) {
	ours := s.fromError(rq, err).(*problem)
	code := ours.Code
	var said dialect.Problem
	_ = errors.As(err, &said) // nothing, if nobody has said more
	if code != core.Invalid && code != core.Unsupported || said.Message == "" {
		// What else a provider says may be about what is behind it.
		said.Type, said.Param, said.Message = "", "", ours.Detail
	}
	if ours.Hint != "" {
		said.Message += " (" + ours.Hint + ")"
	}
	var wait gateway.Wait
	if errors.As(err, &wait) {
		hc.SetHeader("Retry-After", wholeSeconds(max(time.Duration(wait), time.Second)))
	} else if ours.wait > 0 {
		hc.SetHeader("Retry-After", wholeSeconds(ours.wait))
	} else if _, w := humago.Unwrap(hc); code == core.Exhausted && w.Header().Get("Retry-After") == "" {
		hc.SetHeader("X-Should-Retry", "false") // which clients heed: a budget isn't larger in a second
	}
	hc.SetHeader("Content-Type", "application/json")
	hc.SetStatus(modelStatus(code))
	// A reader that has gone needs no answer.
	_, _ = hc.BodyWriter().Write(dialect.WriteProblem(op, code, said, rq.id))
}

// modelStatus is statusOf as the APIs of models have it.
func modelStatus(c core.Code) int {
	switch c {
	case core.Invalid, core.Unsupported:
		return http.StatusBadRequest
	}
	return statusOf(c)
}
