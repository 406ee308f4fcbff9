package httpapi

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/client/mcpserver"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// mcpServe serves Isekai as an MCP server at /mcp, to whoever has a credential. What a tool does
// is a request of the API with that credential, through all that every request goes through: it
// takes the same scope, counts against the same limits, and is in the same log. No session is
// kept, so that any node answers.
func (s *server) mcpServe() {
	handler := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return s.tools }, &sdk.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, Logger: s.cfg.Logger, MaxRequestBodyBytes: maxBody, PropagateRequestCancellation: true,
		DisableLocalhostProtection: true, // the front looks at hosts, and crossing at origins
	})
	s.tools = mcpserver.New(s.cfg.Version, func(ctx context.Context) (*client.Client, error) {
		outer, ok := ctx.Value(outerKey{}).(*http.Request)
		if !ok {
			return nil, core.E(core.Internal, "mcp", "a call without a request")
		}
		return client.New("http://isekai.internal", "", within{outer, s.whole}), nil
	})
	op := bounds{Body: maxBody, Seconds: 60}.of(guarded(huma.Operation{OperationID: "mcp", Method: http.MethodPost, Path: "/mcp"}, identity.HealthRead))
	s.api.Adapter().Handle(&op, s.api.Middlewares().Handler(func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		if r.ContentLength > maxBody {
			s.answer(w, r, newProblem(http.StatusRequestEntityTooLarge, core.Invalid, "the request is larger than 1 MiB", "send less", requestOf(r.Context()).id))
			return
		}
		handler.ServeHTTP(w, r.WithContext(context.WithValue(hc.Context(), outerKey{}, r)))
	}))
}

// of gives an operation these bounds.
func (b bounds) of(op huma.Operation) huma.Operation {
	op.MaxBodyBytes = b.Body
	return extended(op, boundsKey, b)
}

// outerKey is where the SDK carries the request of a call to what serves the call.
type outerKey struct{}

// within sends requests to this server from within one that it serves: with that one's
// credential and from where that came, and nothing else of it.
type within struct {
	outer *http.Request
	whole http.Handler
}

// RoundTrip implements http.RoundTripper. The answer's body has to be closed.
func (t within) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	for _, name := range []string{"Authorization", "Cookie", "Isekai-Project"} {
		in.Header[name] = t.outer.Header[name]
	}
	in.RemoteAddr, in.Host, in.TLS, in.RequestURI = t.outer.RemoteAddr, t.outer.Host, t.outer.TLS, r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	body, out := io.Pipe()
	w := &piped{header: http.Header{}, body: out, answer: make(chan *http.Response, 1), to: body}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer out.Close()
		t.whole.ServeHTTP(w, in)
		w.WriteHeader(http.StatusOK)
	}()
	select {
	case resp := <-w.answer:
		resp.Request = r
		return resp, nil
	case <-r.Context().Done():
		_ = body.CloseWithError(r.Context().Err())
		<-ended
		return nil, r.Context().Err()
	}
}

// piped is a writer whose answer is read while it is written.
type piped struct {
	header http.Header
	once   sync.Once
	body   *io.PipeWriter
	to     *io.PipeReader
	answer chan *http.Response
}

// Header implements http.ResponseWriter.
func (p *piped) Header() http.Header { return p.header }

// WriteHeader implements http.ResponseWriter.
func (p *piped) WriteHeader(status int) {
	p.once.Do(func() {
		p.answer <- &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: p.header.Clone(), Body: p.to, ContentLength: -1}
	})
}

// Write implements http.ResponseWriter.
func (p *piped) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	return p.body.Write(b)
}

// Flush implements http.Flusher: what is written is read already.
func (p *piped) Flush() { p.WriteHeader(http.StatusOK) }

// SetWriteDeadline is for http.ResponseController. The reader is of this process, and closes the
// pipe when it has enough.
func (p *piped) SetWriteDeadline(time.Time) error { return nil }

// SetReadDeadline is for http.ResponseController: the request is in memory.
func (p *piped) SetReadDeadline(time.Time) error { return nil }
