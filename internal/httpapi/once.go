package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/isekai-run/isekai/internal/core"
)

// onceHeader names a request, so that its repeats have the first one's answer
// (draft-ietf-httpapi-idempotency-key-header).
const onceHeader = "Idempotency-Key"

// maxKey bounds the header, in bytes.
const maxKey = 200

// Marks in an operation's metadata.
const (
	createsMark = "creates" // it takes an Idempotency-Key
	secretMark  = "secret"  // its answer is shown once
	twiceMark   = "twice"   // its command finds by commandKey what it did before
)

// creates marks an operation that takes an Idempotency-Key. Those that answer with 201
// Created need no mark.
func creates(op huma.Operation) huma.Operation { return marked(op, createsMark) }

// shownOnce marks an operation whose answer holds a secret: a repeat learns that it was
// done, and isn't shown it.
func shownOnce(op huma.Operation) huma.Operation { return marked(op, secretMark) }

// foundAgain marks an operation whose command, given the same commandKey again, finds what
// it has done: one that a crash has cut off may be repeated at once.
func foundAgain(op huma.Operation) huma.Operation { return marked(op, twiceMark) }

// commandKey names the request for a command that is idempotent by itself; "": it has no
// Idempotency-Key. No other principal's request has the same.
func commandKey(ctx context.Context) string { return requestOf(ctx).key }

func marked(op huma.Operation, mark string) huma.Operation {
	if op.Metadata == nil {
		op.Metadata = map[string]any{}
	}
	op.Metadata[mark] = true
	return op
}

// repeatable lets an operation that creates something be asked for again without being
// done again.
func (s *server) repeatable(op huma.Operation) huma.Operation {
	if isPublic(&op) || op.DefaultStatus != http.StatusCreated && op.Metadata[createsMark] == nil {
		return op
	}
	longest, shortest := maxKey, 1
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: onceHeader, In: "header", Description: "a repeat within 24 hours returns the first answer",
		Schema: &huma.Schema{Type: "string", MinLength: &shortest, MaxLength: &longest},
	})
	op.Middlewares = append(op.Middlewares, s.once)
	return op
}

// once answers a request that has an Idempotency-Key as it was answered the first time.
// What failed here, and what was refused for a reason that passes, isn't kept.
func (s *server) once(ctx huma.Context, next func(huma.Context)) {
	r, _ := humago.Unwrap(ctx)
	rq := requestOf(ctx.Context())
	lines, named := r.Header[onceHeader]
	if !named {
		next(ctx)
		return
	}
	if len(lines) != 1 || !validKey(lines[0]) {
		s.write(ctx, rq, core.E(core.Invalid, "idempotency", "the Idempotency-Key can't be one").WithHint("send one, of 1 to 200 printable ASCII characters"))
		return
	}
	body, err := io.ReadAll(ctx.BodyReader())
	again := replayed{humaContext: ctx, body: io.MultiReader(bytes.NewReader(body), failing{err})}
	if err != nil {
		next(again) // which finds the same, and says what it is
		return
	}
	at := placeOf(rq.who, lines[0])
	rq.key = at.id
	lease := time.Until(deadlineOf(ctx.Context())) + sendTime
	twice, patience := ctx.Operation().Metadata[twiceMark] != nil, answerWait
	if twice && s.answers.at(at) == nil {
		patience = goneWait
	}
	first, claim, err := s.answers.begin(ctx.Context(), at, fingerprint(r, rq, body), lease, patience, twice)
	switch {
	case err != nil:
		s.write(ctx, rq, err)
	case first != nil && first.Withheld:
		s.write(ctx, rq, core.E(core.Conflict, "idempotency", "this was done, and its answer is shown once").
			WithHint("look at what it has made; if its secret is lost, take it back and make another with a new Idempotency-Key"))
	case first != nil:
		ctx.SetHeader("Idempotency-Replayed", "true")
		s.send(ctx, rq, first.Header, first.Status, first.Body)
	default:
		s.first(ctx, rq, claim, again, next)
	}
}

// first runs an operation, keeps its answer, and sends it.
func (s *server) first(ctx huma.Context, rq *request, c *claim, in replayed, next func(huma.Context)) {
	rec := &recorder{replayed: in, header: http.Header{}}
	settle := func(f func(context.Context) error) { // what is done is kept, whoever has gone
		later, stop := afterwards(ctx.Context())
		defer stop()
		s.unkept(rq, f(later))
	}
	done := false
	defer func() {
		if !done { // a panic
			settle(c.free)
		}
	}()
	next(rec)
	done = true
	if passes(rec.status) {
		settle(c.free)
	} else {
		k := kept{Status: rec.status, Header: rec.header, Body: rec.body.Bytes()}
		if ctx.Operation().Metadata[secretMark] != nil && rec.status < 300 || rec.body.Len() > answerSize {
			k.Header, k.Body, k.Withheld = nil, nil, true
		}
		settle(func(later context.Context) error { return c.give(later, k) })
	}
	s.send(ctx, rq, rec.header, rec.status, rec.body.Bytes())
}

// unkept tells the log that an answer couldn't be kept. The request was done nevertheless.
func (s *server) unkept(rq *request, err error) {
	if err != nil {
		s.cfg.Logger.Warn("the answer to an Idempotency-Key isn't kept", "request", rq.id, "err", err)
	}
}

// passes reports whether another try may have another outcome.
func passes(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests, StatusCanceled:
		return true
	}
	return status >= 500
}

func (s *server) send(ctx huma.Context, rq *request, header http.Header, status int, body []byte) {
	for name, values := range header {
		for i, value := range values {
			if i == 0 {
				ctx.SetHeader(name, value)
			} else {
				ctx.AppendHeader(name, value)
			}
		}
	}
	ctx.SetStatus(status)
	if _, err := ctx.BodyWriter().Write(body); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		s.cfg.Logger.Debug("write answer", "request", rq.id, "err", err)
	}
}

func validKey(key string) bool {
	return key != "" && len(key) <= maxKey && strings.IndexFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) < 0
}

// fingerprint is what a repeat must have in common with the first: all that says what is
// asked.
func fingerprint(r *http.Request, rq *request, body []byte) []byte {
	h := sha256.New()
	for _, part := range []string{r.Method, r.URL.Path, r.URL.RawQuery, string(rq.who.Scope.Project), r.Header.Get("If-Match"), r.Header.Get("Content-Type")} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	h.Write(body)
	return h.Sum(nil)
}

// deadlineOf returns when the route's time is over: every one that creates has some.
func deadlineOf(ctx context.Context) time.Time {
	at, _ := ctx.Deadline()
	return at
}

// failing is a reader that has nothing but an error, or nothing at all.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

// replayed is a request whose body was read.
type replayed struct {
	humaContext
	body io.Reader
}

// humaContext is embedded by another name than that of its method Context.
type humaContext huma.Context

func (r replayed) BodyReader() io.Reader { return r.body }
func (r replayed) Unwrap() huma.Context  { return r.humaContext }

// SetReadDeadline does nothing: the body is here. On the connection, which is only looked at for
// its end by now, a deadline would end the request.
func (r replayed) SetReadDeadline(time.Time) error { return nil }

// recorder keeps the answer to itself.
type recorder struct {
	replayed
	status int
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) SetStatus(status int)            { r.status = status }
func (r *recorder) Status() int                     { return r.status }
func (r *recorder) SetHeader(name, value string)    { r.header.Set(name, value) }
func (r *recorder) AppendHeader(name, value string) { r.header.Add(name, value) }
func (r *recorder) BodyWriter() io.Writer           { return &r.body }
