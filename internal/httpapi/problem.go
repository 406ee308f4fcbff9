package httpapi

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// problem is an error answer: RFC 9457, with Isekai's code, hint and request id.
type problem struct {
	client.Problem
	wait time.Duration // before it is any use to try again; 0: not known
}

func (p *problem) Error() string             { return p.Detail }
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders implements huma.HeadersError.
func (p *problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.wait > 0 {
		h.Set("Retry-After", wholeSeconds(p.wait))
	}
	return h
}

// statusOf is the only place where a code becomes a status.
func statusOf(c core.Code) int {
	switch c {
	case core.Invalid:
		return http.StatusUnprocessableEntity
	case core.Unauthenticated:
		return http.StatusUnauthorized
	case core.Denied:
		return http.StatusForbidden
	case core.NotFound:
		return http.StatusNotFound
	case core.Conflict:
		return http.StatusConflict
	case core.Exhausted:
		return http.StatusTooManyRequests
	case core.Unavailable:
		return http.StatusServiceUnavailable
	case core.Unsupported:
		return http.StatusNotImplemented
	case core.Canceled:
		return StatusCanceled
	}
	return http.StatusInternalServerError
}

// StatusCanceled says that the client has gone, so that nobody reads it: nginx's
// number, which has no text in net/http.
const StatusCanceled = 499

// newProblem returns the answer of a status.
func newProblem(status int, code core.Code, detail, hint, requestID string) *problem {
	title := http.StatusText(status)
	if status == StatusCanceled {
		title = "Client Closed Request"
	}
	return &problem{Problem: client.Problem{Title: title, Status: status, Code: code, Detail: detail, Hint: hint, RequestID: requestID}}
}

// codeOf is the reverse, for errors that huma itself finds.
func codeOf(status int) core.Code {
	switch {
	case status == http.StatusUnauthorized:
		return core.Unauthenticated
	case status == http.StatusForbidden:
		return core.Denied
	case status == http.StatusNotFound:
		return core.NotFound
	case status == http.StatusMethodNotAllowed:
		return core.Unsupported
	case status == http.StatusConflict || status == http.StatusPreconditionFailed:
		return core.Conflict
	case status == http.StatusTooManyRequests:
		return core.Exhausted
	case status >= 400 && status < 500:
		return core.Invalid
	}
	return core.Internal
}

// fromError makes the answer for an error of a handler. What is internal, and what
// others than us have said of it, is logged with the request's id and not shown.
func (s *server) fromError(rq *request, err error) error {
	if err == nil {
		return nil
	}
	p := problemOf(rq, err)
	switch {
	case p.Status == http.StatusInternalServerError:
		s.cfg.Logger.Error("request failed", "request", rq.id, "err", err)
	case p.Detail != err.Error():
		level := slog.LevelInfo
		if p.Status >= http.StatusInternalServerError {
			level = slog.LevelWarn
		}
		s.cfg.Logger.Log(context.Background(), level, "request refused", "request", rq.id, "err", logged(err, p.Code, p.Detail))
	}
	return p
}

// problemOf is fromError of what the log has already.
func problemOf(rq *request, err error) *problem {
	code := core.CodeOf(err)
	status := statusOf(code)
	if status == http.StatusInternalServerError {
		return newProblem(status, core.Internal, "something went wrong here", "the server's log says more under this request id", rq.id)
	}
	p := newProblem(status, code, cmp.Or(ownWords(err), string(code)), core.HintOf(err), rq.id)
	p.wait, _ = identity.Wait(err)
	if errors.Is(err, identity.ErrCodeNeeded) {
		p.Type = client.TypeCodeNeeded
	}
	return p
}

// logged is what the log has of an error. What a provider of a model has said may quote what
// it was asked, and isn't in there.
func logged(err error, code core.Code, detail string) any {
	var said dialect.Problem
	switch {
	case !errors.As(err, &said):
		return err
	case code == core.Unavailable || code == core.Exhausted || code == core.Denied:
		return detail
	}
	return string(code) + ": the caller is told"
}

// ownWords returns what the core.Errors in err's tree say, without what they and
// others wrap: a driver's or the system's words name addresses, users, paths and
// statements, which are no tenant's business.
func ownWords(err error) string {
	switch e := err.(type) { // it is a walk, like errors.As
	case *core.Error:
		own := *e
		own.Err = nil
		if below := ownWords(e.Err); below != "" {
			return own.Error() + ": " + below
		}
		return own.Error()
	case interface{ Unwrap() error }:
		return ownWords(e.Unwrap())
	case interface{ Unwrap() []error }:
		var all []string
		for _, err := range e.Unwrap() {
			if words := ownWords(err); words != "" {
				all = append(all, words)
			}
		}
		return strings.Join(all, "; ")
	}
	return ""
}

// unquoted is what huma's validation says, without what it quotes: that may be a secret.
func unquoted(err error) string {
	var d *huma.ErrorDetail
	if !errors.As(err, &d) || d.Location == "" {
		return err.Error()
	}
	return d.Message + " (" + d.Location + ")"
}

// humaError replaces huma's own error type, so that what its validation finds
// looks like every other error.
func humaError(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
	hint := ""
	for _, err := range errs {
		if err == nil {
			continue
		}
		if hint != "" {
			hint += "; "
		}
		hint += unquoted(err)
	}
	id := ""
	if ctx != nil { // while the document is made there is no request
		id = requestOf(ctx.Context()).id
	}
	return newProblem(status, codeOf(status), msg, hint, id)
}
