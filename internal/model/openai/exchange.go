package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/openai/wire"
	"github.com/isekai-run/isekai/internal/model/sse"
)

// exchange is one request whose answer has begun.
type exchange struct {
	ctx    context.Context // ends with one of the causes in error.go
	cancel context.CancelCauseFunc
	timer  *time.Timer // ends ctx when the server is silent for too long
	idle   time.Duration
	body   io.Closer
	events *sse.Scanner
	first  wire.Event
	by     *model.Origin // nil: the server doesn't say
	price  *core.Price   // likewise
}

const (
	maxBackoff    = 8 * time.Second
	maxRetryAfter = 30 * time.Second // a server that asks for more isn't waited for
	jitter        = 0.2
)

// openWithRetries opens an exchange, and again after a failure that may pass.
func (m *Model) openWithRetries(ctx context.Context, body []byte) (*exchange, error) {
	policy := retrypolicy.NewBuilder[*exchange]().
		HandleIf(func(_ *exchange, err error) bool { return passing(err) }).
		WithMaxRetries(max(0, m.cfg.Retries)).
		WithBackoff(m.cfg.Backoff, max(maxBackoff, 2*m.cfg.Backoff)).
		WithJitterFactor(jitter).
		WithDelayFunc(func(a failsafe.ExecutionAttempt[*exchange]) time.Duration {
			var s *statusError
			if errors.As(a.LastError(), &s) && s.retryAfter > 0 {
				return time.Duration(float64(s.retryAfter) / (1 - jitter)) // never earlier than asked
			}
			return -1
		}).
		ReturnLastFailure().Build()
	return failsafe.With(policy).WithContext(ctx).Get(func() (*exchange, error) { return m.open(ctx, body) })
}

// open sends the request and waits for the first event of the answer.
func (m *Model) open(ctx context.Context, body []byte) (*exchange, error) {
	x := &exchange{idle: m.cfg.Idle}
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	x.timer = time.AfterFunc(m.cfg.FirstToken, func() { x.cancel(errFirstToken) })
	res, err := m.send(x.ctx, body)
	if err == nil {
		x.by, x.price = origin(res.Header), price(res.Header)
		x.body, x.events = res.Body, sse.NewScanner(res.Body, int(m.cfg.MaxResponse))
		x.first, err = x.next()
	}
	if err != nil {
		err = cause(x.ctx, err) // before close makes it a cancellation
		x.close()
		return nil, err
	}
	return x, nil
}

// origin reads who answers from a gateway's header.
func origin(h http.Header) *model.Origin {
	by := model.Origin{Provider: h.Get(model.ProviderHeader), Model: h.Get(model.ModelHeader), Exact: h.Get(model.ExactHeader)}
	if by == (model.Origin{}) {
		return nil
	}
	return &by
}

// price reads what that one costs, likewise; nil: it isn't said.
func price(h http.Header) *core.Price {
	var p core.Price
	if json.Unmarshal([]byte(h.Get(model.PriceHeader)), &p) != nil {
		return nil
	}
	return &p
}

// next reads the next event, or io.EOF at the regular end. The caller has armed
// the timer.
func (x *exchange) next() (wire.Event, error) {
	in, err := x.events.Next()
	switch {
	case err == io.EOF: // without the event that ends it
		return wire.Event{}, errCut
	case err != nil:
		return wire.Event{}, err
	}
	x.timer.Stop() // a consumer may take its time
	data := bytes.TrimSpace(in.Data)
	if string(data) == "[DONE]" {
		return wire.Event{}, io.EOF
	}
	e, refused, err := wire.Decode(data)
	if refused != nil {
		return e, &statusError{Detail: *refused}
	}
	return e, err
}

// close ends the exchange and with it the connection, unless the answer was
// read to its end. It is idempotent.
func (x *exchange) close() {
	x.timer.Stop()
	x.cancel(context.Canceled)
	if x.body != nil {
		_ = x.body.Close()
	}
}

// send posts the request. It makes any error status a statusError, bounds the body, and
// makes an answer that isn't streamed, though a stream was asked for, a stream of one event.
func (m *Model) send(ctx context.Context, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.base.JoinPath("chat/completions").String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if m.cfg.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+m.cfg.APIKey)
	}
	res, err := m.client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 400 {
		said, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
		_ = res.Body.Close()
		return nil, newStatusError(res, said)
	}
	var in io.Reader = &bounded{res.Body, m.cfg.MaxResponse}
	if media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); media == "application/json" {
		whole, err := io.ReadAll(in)
		if err != nil {
			_ = res.Body.Close()
			return nil, err
		}
		var line bytes.Buffer
		line.WriteString("data: ")
		line.WriteString(strings.NewReplacer("\n", " ", "\r", " ").Replace(string(whole)))
		in = &line
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(in, strings.NewReader("\n\n")), res.Body} // a last event without its empty line counts
	return res, nil
}

// bounded fails with errTooLarge after n bytes.
type bounded struct {
	r io.Reader
	n int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.n <= 0 {
		return 0, errTooLarge
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.n)])
	b.n -= int64(n)
	return n, err
}
