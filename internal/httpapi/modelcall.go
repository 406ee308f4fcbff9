package httpapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// call is a route of the API of a model's provider, for clients of theirs.
type call struct {
	op      dialect.Operation
	path    string
	summary string
	like    string // whose API it is
}

// calls are the routes of those APIs that are answered by a model.
var calls = []call{
	{dialect.OpChat, "/v1/chat/completions", "Have a model answer a chat", "OpenAI's chat completions"},
	{dialect.OpResponses, "/v1/responses", "Have a model respond", "OpenAI's responses"},
	{dialect.OpCompact, "/v1/responses/compact", "Have a model make a conversation shorter", "OpenAI's compaction of responses"},
	{dialect.OpEmbeddings, "/v1/embeddings", "Turn texts into vectors", "OpenAI's embeddings"},
	{dialect.OpMessages, "/v1/messages", "Have a model answer messages", "Anthropic's messages"},
	{dialect.OpCountTokens, "/v1/messages/count_tokens", "Count the tokens of messages", "Anthropic's count_tokens"},
}

// isCall reports whether a path is of one of calls, before its route is known.
func isCall(path string) bool {
	switch path {
	case "/v1/chat/completions", "/v1/responses", "/v1/responses/compact", "/v1/embeddings", "/v1/messages", "/v1/messages/count_tokens":
		return true
	}
	return false
}

const (
	maxCall  = 32 << 20         // bytes of a request: pictures are in it
	callTime = 60 * time.Second // for it to come
)

// dialectMark is under what an operation's metadata has the dialect that its errors are in.
const dialectMark = "dialect"

// dialectKey is under what an operation in the document says that its errors aren't problems
// as RFC 9457 has them, but as this dialect does.
const dialectKey = "x-dialect"

// modelCalls registers the routes of models' APIs. Their handlers see the body as it came:
// what the gateway doesn't read passes untouched.
func (s *server) modelCalls() {
	for _, c := range calls {
		op := huma.Operation{
			OperationID: "model-" + string(c.op), Method: http.MethodPost, Path: c.path, Summary: c.summary, Tags: []string{"models"},
			Description: "For unmodified clients of " + c.like + ": the body, the answer, the stream of server-sent events and the errors are as that API has them. " +
				"Members that aren't known here are passed on.",
			RequestBody: anyObject(),
			Metadata:    map[string]any{dialectMark: c.op},
			Responses: map[string]*huma.Response{"200": {
				Description: "OK", Content: map[string]*huma.MediaType{
					"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
					eventStream:        {Schema: anEvent()},
				},
			}},
		}
		s.raw(identity.ModelUse, op, bounds{Body: maxCall}, func(hc huma.Context) { s.modelCall(hc, c.op) })
	}
}

// anyObject is the body of a request of which others say what is in it.
func anyObject() *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: true, Required: []string{"model"},
		Properties: map[string]*huma.Schema{"model": {Type: huma.TypeString, Description: "a name that GET /v1/models lists"}},
	}}}}
}

// raw registers an operation, for those who may do the action, whose handler reads and
// writes by itself.
func (s *server) raw(action identity.Action, op huma.Operation, b bounds, f func(huma.Context)) {
	op = extended(extended(guarded(op, action), boundsKey, b), dialectKey, op.Metadata[dialectMark].(dialect.Operation).Dialect())
	op.MaxBodyBytes = b.Body
	op = refusals(op, modelStatus)
	for _, status := range op.Errors {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Content: map[string]*huma.MediaType{
			"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
		}}
	}
	s.api.OpenAPI().AddOperation(&op)
	s.api.Adapter().Handle(&op, s.api.Middlewares().Handler(op.Middlewares.Handler(f)))
}

// modelCall serves one call.
func (s *server) modelCall(hc huma.Context, op dialect.Operation) {
	r, w := humago.Unwrap(hc)
	rq := requestOf(r.Context())
	body := bodies.Get().(*bytes.Buffer)
	defer giveBody(body)
	leave, err := s.readCall(body, r, rq)
	defer leave()
	if err != nil {
		s.write(hc, rq, err)
		return
	}
	a, err := s.cfg.Gateway.Do(r.Context(), gateway.Call{Scope: rq.who.Scope, Key: rq.who.Key, Op: op, Body: body.Bytes(), Header: r.Header, Fresh: fresh(r.Header), Free: rq.who.Operates, Request: rq.id})
	if err != nil {
		writeModelError(w, problemOf(rq, err), op, err) // the gateway's observer was told
		return
	}
	defer a.Close()
	if a.Cache != "" {
		w.Header()["Isekai-Cache"] = []string{a.Cache}
	}
	signed(w.Header(), a.By)
	if a.Stream != nil {
		s.modelStream(w, r, rq, op, a.Stream, a.Kept)
		return
	}
	h := w.Header()
	h["Content-Type"] = jsonContent
	h["Content-Length"] = []string{strconv.Itoa(len(a.Body))}
	// A writer without deadlines is a test's; a reader that has gone needs no answer.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(sendTime))
	_, _ = w.Write(a.Body)
}

// signed has an answer say who gives it: a name may lead to several.
func signed(h http.Header, by model.Origin) {
	if by.Provider != "" {
		h[model.ProviderHeader] = []string{by.Provider}
		h[model.ModelHeader] = []string{by.Model}
	}
}

// fresh reports whether a caller wants no answer that was given before.
func fresh(h http.Header) bool {
	return h.Get("Isekai-Cache") == "no" || strings.Contains(h.Get("Cache-Control"), "no-cache")
}

var (
	jsonContent   = []string{"application/json"}
	streamContent = []string{"text/event-stream; charset=utf-8"}
)

// modelStream sends a stream's pieces as they come. A reader that takes nothing holds back
// the provider, and is cut off after writeTimeout. One that may read no more is told so.
func (s *server) modelStream(w http.ResponseWriter, r *http.Request, rq *request, op dialect.Operation, from gateway.Events, kept gateway.KeptAnswer) {
	h := w.Header()
	h["Content-Type"] = streamContent
	h.Set("X-Accel-Buffering", "no")
	if kept != "" {
		h.Set("Isekai-Answer", string(kept))
	}
	out := openSSE(w, s.waiting, mayStill(r.Context(), s.waiting))
	for {
		piece, err := from.Next(r.Context())
		if err != nil {
			if !errors.Is(err, io.EOF) && s.cfg.Stopping.Err() != nil { // or its reader has gone, and needs no word of it
				_ = out.put(stopped(op, kept))
			}
			return
		}
		if err := out.stands(time.Now()); err != nil {
			p := s.fromError(rq, err).(*problem)
			// Who has gone needs no word of it.
			_ = out.put(dialect.ProblemEvent(op, p.Code, dialect.Problem{Message: p.Detail}).Append(nil))
			return
		}
		if out.put(piece) != nil {
			return
		}
	}
}

// stopped is the event by which a stream's reader learns that the node stops.
func stopped(op dialect.Operation, kept gateway.KeptAnswer) []byte {
	said := "this node is stopping: the rest of the answer doesn't come; ask again"
	if kept != "" {
		said = "this node is stopping: GET /v1/answers/" + string(kept) + "/events with Last-Event-ID has what came until then"
	}
	return dialect.ProblemEvent(op, core.Unavailable, dialect.Problem{Message: said}).Append(nil)
}

// bodies are buffers for requests, most of which are small.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func giveBody(b *bytes.Buffer) {
	const usual = 256 << 10
	if b.Cap() <= usual {
		b.Reset()
		bodies.Put(b)
	}
}

// readCall reads a request's body, for whose rest there is room only if there is for it among
// the large ones: who says how long a request is needn't send it. leave has to be called when it
// isn't needed any more.
func (s *server) readCall(into *bytes.Buffer, r *http.Request, rq *request) (leave func(), err error) {
	leave = func() {}
	if !isJSON(r.Header) {
		return leave, core.E(core.Invalid, "request", "the request's Content-Type isn't application/json").WithHint("send it as Content-Type: application/json").Because(unread(http.StatusUnsupportedMediaType))
	}
	if n := r.ContentLength; n > 0 {
		into.Grow(int(min(n, smallCall)) + bytes.MinRead)
	}
	n, err := into.ReadFrom(io.LimitReader(r.Body, smallCall))
	if err == nil && n == smallCall && r.ContentLength != smallCall {
		size := int64(maxCall)
		if r.ContentLength > 0 {
			size = min(r.ContentLength, size)
		}
		out, full := s.open.bring(int((size+1<<20-1)>>20), largeRooms(rq.who)...)
		if full != nil {
			return leave, core.E(core.Exhausted, "request", "too many large requests at once: the limit of the "+full.of+" is "+strconv.Itoa(full.most)+" MiB").
				WithHint("send less, or try again in " + strconv.Itoa(fullWait) + " s").Because(gateway.Wait(fullWait * time.Second))
		}
		leave = out
		if r.ContentLength > 0 {
			into.Grow(int(size) - smallCall + bytes.MinRead)
		}
		_, err = into.ReadFrom(r.Body)
	}
	return leave, readError(r, err)
}

// isJSON reports whether a body is said to be JSON, or nothing is said of it.
func isJSON(h http.Header) bool {
	said := h.Get("Content-Type")
	if said == "application/json" || said == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(said)
	return err == nil && media == "application/json"
}

// readError is the error of a request's body.
func readError(r *http.Request, err error) error {
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &large):
		return core.E(core.Invalid, "request", "the request is larger than "+strconv.Itoa(maxCall>>20)+" MiB").
			WithHint("send less, or refer to pictures by their address").Because(unread(http.StatusRequestEntityTooLarge))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return core.E(core.Invalid, "request", "the request didn't come in time").Because(unread(http.StatusRequestTimeout))
	case errors.Is(err, io.ErrUnexpectedEOF), r.Context().Err() != nil:
		return core.E(core.Canceled, "request", "the request didn't come whole").Because(err)
	}
	return core.E(core.Invalid, "request", "the request can't be read").Because(err)
}
