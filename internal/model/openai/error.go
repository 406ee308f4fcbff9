package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/openai/wire"
)

const (
	op           = "model.openai"
	maxErrorBody = 64 << 10
	maxMessage   = 500 // bytes of a server's message in an error
)

// What can go wrong besides a status. A context ends with one of the first
// three as its cause.
var (
	errTotal      = errors.New("the answer took too long")
	errFirstToken = errors.New("the model didn't begin to answer in time")
	errIdle       = errors.New("the model stopped in the middle of its answer")
	errCut        = errors.New("the answer was cut off")
	errTooLarge   = errors.New("the answer is too large")
	errFiltered   = errors.New("the provider's content filter withheld the answer")
)

// statusError is an error that the server reported.
type statusError struct {
	status     int // 0 when it came within a stream
	retryAfter time.Duration
	worked     bool // model.ErrWorked
	wire.Detail
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.Message) }

func newStatusError(res *http.Response, body []byte) *statusError {
	e := &statusError{status: res.StatusCode, retryAfter: retryAfter(res.Header), worked: res.Header.Get(model.WorkedHeader) != ""}
	var envelope struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &envelope) == nil && len(envelope.Error) > 0 {
		body = envelope.Error
	}
	e.Detail = wire.NewDetail(body)
	return e
}

// retryAfter reads how long the server asks to wait (RFC 9110, and OpenAI's
// header in milliseconds), or 0.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return time.Duration(min(ms, 1e9) * float64(time.Millisecond))
	}
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil && s > 0 {
		return time.Duration(min(s, 1e6) * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

func (e *statusError) is(words ...string) bool {
	s := strings.ToLower(e.Code + " " + e.Type + " " + e.Message)
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

func (e *statusError) quota() bool { return e.is("insufficient_quota", "billing", "credit balance") }

// passing reports whether the same request may do better in a moment: the
// server was busy or broken, or the connection was. A server that didn't answer
// in time isn't asked again.
func passing(err error) bool {
	var s *statusError
	if errors.As(err, &s) {
		busy := s.status == http.StatusTooManyRequests || s.status == http.StatusRequestTimeout || s.status >= 500 ||
			s.status == 0 && s.is("overloaded", "rate_limit", "server_error", "internal")
		return busy && !s.quota() && s.retryAfter <= maxRetryAfter
	}
	if errors.Is(err, errTooLarge) || errors.Is(err, wire.ErrNonsense) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var u *url.Error
	return errors.As(err, &u) || errors.Is(err, errCut) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// cause returns why ctx ended, if that is why err came.
func cause(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return context.Cause(ctx)
}

// ended is the error for a caller who went away: canceled or, at its deadline,
// unavailable. It wraps the cause that the caller gave.
func ended(ctx context.Context) error {
	err := ctx.Err()
	if why := context.Cause(ctx); !errors.Is(why, err) {
		err = fmt.Errorf("%w: %w", err, why)
	}
	return core.E(core.CodeOf(ctx.Err()), op, "the caller ended the request").Because(err)
}

// failed makes err the port's: with a code, a hint, and without the key.
func (m *Model) failed(ctx context.Context, err error, name string) error {
	var s *statusError
	switch {
	case errors.As(err, &s):
		return m.refused(ctx, s, name)
	case errors.Is(err, errTooLarge):
		return core.E(core.Invalid, op, fmt.Sprintf("the answer is larger than %d bytes", m.cfg.MaxResponse)).WithHint("ask for less at once")
	case errors.Is(err, errFiltered):
		return core.E(core.Invalid, op, err.Error()).WithHint("say it in other words")
	case errors.Is(err, errFirstToken), errors.Is(err, errIdle), errors.Is(err, errTotal):
		return core.E(core.Unavailable, op, err.Error()).WithHint("try again; a local model may need a longer timeout to load")
	case errors.Is(err, errCut), errors.Is(err, wire.ErrNonsense):
		return core.E(core.Unavailable, op, err.Error())
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the URL, which may hold a secret
	}
	return core.E(core.Unavailable, op, "no answer from "+m.base.Host+": "+m.clean(err.Error())).
		WithHint("check that the model server runs, and OPENAI_BASE_URL")
}

// refused translates an error that the server reported.
func (m *Model) refused(ctx context.Context, s *statusError, name string) error {
	e := core.E(core.Unavailable, op, m.clean(s.Message))
	if s.Message == "" {
		e.Msg = "the model server answered " + strconv.Itoa(s.status) + " " + http.StatusText(s.status)
	}
	if s.worked {
		e.Err = model.ErrWorked
	}
	switch {
	case s.status == http.StatusUnauthorized || s.is("invalid_api_key"):
		e.Code, e.Hint = core.Unauthenticated, "check OPENAI_API_KEY"
	case s.status == http.StatusForbidden:
		e.Code, e.Hint = core.Denied, "this key may not use "+name+": check its permissions, or choose another model"
	case s.quota() || s.status == http.StatusPaymentRequired:
		e.Code, e.Hint = core.Exhausted, "the provider's quota is used up: check its plan and billing"
	case s.status == http.StatusTooManyRequests:
		e.Hint = "the provider limits the rate: try again later"
		if s.retryAfter > 0 {
			e.Hint = "the provider limits the rate: try again in " + s.retryAfter.Round(time.Second).String()
		}
	case s.is("context_length", "maximum context", "context window", "context size"):
		e.Code, e.Hint = core.Invalid, "the conversation is longer than the model takes: choose a model with a longer context, or a smaller task"
	case s.status == http.StatusNotFound:
		e.Code, e.Hint = core.NotFound, m.whichModels(ctx, name)
	case s.status >= 500 || s.status == http.StatusRequestTimeout || s.status == 0:
		if e.Hint = "the provider has a problem: try again"; m.cfg.Hinted && s.Message != "" {
			e.Hint = ""
		}
	default:
		e.Code = core.Invalid
	}
	return e
}

var keys = regexp.MustCompile(`\b(?:sk-|Bearer )[\w*.-]{6,}`)

// clean takes keys out of a server's message, some quote them, and bounds it.
func (m *Model) clean(s string) string {
	if k := m.cfg.APIKey; k != "" {
		s = strings.ReplaceAll(s, k, "[key]")
	}
	s = keys.ReplaceAllString(s, "[key]")
	if len(s) > maxMessage {
		s = s[:maxMessage] + "…"
	}
	return strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "")
}
