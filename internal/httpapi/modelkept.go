package httpapi

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// keptAnswers registers the ways to take up a stream that was cut off: by its own id, and by
// the id that the answer itself has, where clients of its API would ask for that.
func (s *server) keptAnswers() {
	for _, c := range []struct {
		id, path string
		op       dialect.Operation
	}{
		{"resume-answer", "/v1/answers/{answer}/events", dialect.OpChat},
		{"resume-chat", "/v1/chat/completions/{answer}", dialect.OpChat},
		{"resume-response", "/v1/responses/{answer}", dialect.OpResponses},
		{"resume-message", "/v1/messages/{answer}/events", dialect.OpMessages},
	} {
		text := &huma.Schema{Type: huma.TypeString}
		op := stream(huma.Operation{
			OperationID: c.id, Method: http.MethodGet, Path: c.path, Summary: "Take up a stored stream", Tags: []string{"models"},
			Description: `The events of a stream that was asked for with "store": true, after Last-Event-ID or starting_after, as they come. ` +
				"Answers are kept for a day, for who asked. The answer's id is that of the header Isekai-Answer, or that in the answer itself.",
			Parameters: []*huma.Param{
				{Name: "answer", In: "path", Required: true, Schema: text},
				{Name: "Last-Event-ID", In: "header", Schema: text, Description: "the id of the last event that was seen"},
				{Name: "starting_after", In: "query", Schema: text, Description: "likewise; of responses, the sequence_number of the last event that was seen"},
				{Name: "stream", In: "query", Schema: &huma.Schema{Type: huma.TypeBoolean}, Description: "true"},
			},
			Metadata: map[string]any{dialectMark: c.op},
		}, eventStream)
		s.raw(identity.ModelUse, op, bounds{}, func(hc huma.Context) { s.resume(hc, c.op) })
	}
}

func (s *server) resume(hc huma.Context, op dialect.Operation) {
	r, w := humago.Unwrap(hc)
	rq := requestOf(r.Context())
	a, err := s.resumed(r, rq, op)
	if err != nil {
		s.write(hc, rq, err)
		return
	}
	defer a.Close()
	s.modelStream(w, r, rq, op, a.Stream, a.Kept)
}

func (s *server) resumed(r *http.Request, rq *request, op dialect.Operation) (*gateway.Answer, error) {
	q := r.URL.Query()
	if q.Get("stream") == "false" {
		return nil, core.E(core.Unsupported, "request", "a stored answer is had as a stream").WithHint("add ?stream=true")
	}
	seen := r.Header.Get("Last-Event-ID")
	after, err := gateway.EventNumber(seen)
	if from := q.Get("starting_after"); seen == "" && from != "" {
		if after, err = gateway.EventNumber(from); op == dialect.OpResponses {
			after++ // they are numbered from 0
		}
	}
	if err != nil {
		return nil, err
	}
	return s.cfg.Gateway.Resume(r.Context(), rq.who.Scope, r.PathValue("answer"), after)
}
