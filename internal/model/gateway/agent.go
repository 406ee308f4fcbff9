package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// ForTask returns the gateway as a server of OpenAI's chat completions, without a network
// in between: what package model/openai sends by it is a call of the task's, which the task
// pays for. The requests' address and credentials aren't looked at.
func (g *Gateway) ForTask(scope core.Scope, task core.TaskID) http.RoundTripper {
	return taskWay{g, scope, task}
}

type taskWay struct {
	g     *Gateway
	scope core.Scope
	task  core.TaskID
}

// RoundTrip implements http.RoundTripper.
func (w taskWay) RoundTrip(req *http.Request) (*http.Response, error) {
	defer req.Body.Close()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(req.URL.Path, "/chat/completions") {
		return respond(req, http.StatusNotFound, "application/json", strings.NewReader("{}")), nil
	}
	a, err := w.g.Do(req.Context(), Call{Scope: w.scope, Op: dialect.OpChat, Body: body, Task: w.task})
	switch {
	case err != nil:
		return failure(req, err), nil
	case a.Stream != nil:
		return signed(respond(req, http.StatusOK, "text/event-stream", &streamReader{ctx: req.Context(), a: a}), a), nil
	}
	defer a.Close()
	return signed(respond(req, http.StatusOK, "application/json", bytes.NewReader(bytes.Clone(a.Body))), a), nil
}

// signed has a response say who answers, and what that one costs.
func signed(res *http.Response, a *Answer) *http.Response {
	res.Header.Set(model.ProviderHeader, a.By.Provider)
	res.Header.Set(model.ModelHeader, a.By.Model)
	res.Header.Set(model.ExactHeader, a.By.Exact)
	if a.Price != nil {
		price, err := json.Marshal(a.Price)
		if err == nil { // of numbers, as it is
			res.Header.Set(model.PriceHeader, string(price))
		}
	}
	return res
}

// statuses are those by which an error is told to the agents' driver.
var statuses = map[core.Code]int{
	core.Invalid: 400, core.Unsupported: 400, core.Unauthenticated: 401, core.Denied: 403, core.NotFound: 404, core.Exhausted: 429, core.Unavailable: 503,
}

// failure is the response to a call that failed.
func failure(req *http.Request, err error) *http.Response {
	code := core.CodeOf(err)
	status, ok := statuses[code]
	if !ok {
		status = http.StatusInternalServerError
	}
	res := respond(req, status, "application/json", bytes.NewReader(dialect.WriteProblem(dialect.OpChat, code, dialect.ProblemOf(err), "")))
	if errors.Is(err, model.ErrWorked) {
		res.Header.Set(model.WorkedHeader, "yes")
	}
	var wait Wait
	if errors.As(err, &wait) {
		res.Header.Set("Retry-After", strconv.Itoa(int((time.Duration(wait)+time.Second-1)/time.Second)))
	}
	return res
}

func respond(req *http.Request, status int, media string, body io.Reader) *http.Response {
	closer, ok := body.(io.ReadCloser)
	if !ok {
		closer = io.NopCloser(body)
	}
	return &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {media}}, ContentLength: -1, Body: closer, Request: req,
	}
}

// streamReader has a stream be read as bytes.
type streamReader struct {
	ctx  context.Context // the request's, as of every response body
	a    *Answer
	left []byte
}

func (r *streamReader) Read(p []byte) (n int, err error) {
	if len(r.left) == 0 {
		if r.left, err = r.a.Stream.Next(r.ctx); err != nil {
			return 0, err
		}
	}
	n = copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

func (r *streamReader) Close() error {
	r.a.Close()
	return nil
}
