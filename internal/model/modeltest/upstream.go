package modeltest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Upstream is a model server on loopback: POST /v1/chat/completions by its
// script, streaming only; GET /v1/models and Ollama's GET /api/tags with the
// one model "scripted".
type Upstream struct {
	recorder
	URL    string // of the server; the base URL is URL + "/v1"
	server *httptest.Server
	gone   chan struct{}
}

// NewUpstream starts a server that gives these answers and ends with the test.
func NewUpstream(t testing.TB, answers ...Answer) *Upstream {
	u := NewServer(Answers(answers...))
	t.Cleanup(u.Close)
	return u
}

// NewServer starts a server that follows a script. The caller closes it.
func NewServer(s Script) *Upstream {
	u := &Upstream{recorder: recorder{script: s}, gone: make(chan struct{}, 1024)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", u.complete)
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"scripted","object":"model"}]}`)
	})
	mux.HandleFunc("GET /api/tags", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"models":[{"name":"scripted","size":1}]}`)
	})
	u.server = httptest.NewServer(mux)
	u.URL = u.server.URL
	return u
}

// BaseURL is what a client of OpenAI's API is configured with.
func (u *Upstream) BaseURL() string { return u.URL + "/v1" }

// Gone yields once for each client that left an answer that hung or was
// endless.
func (u *Upstream) Gone() <-chan struct{} { return u.gone }

// Close cuts what is still going on and stops the server.
func (u *Upstream) Close() {
	u.server.CloseClientConnections()
	u.server.Close()
}

func (u *Upstream) complete(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	if err != nil {
		return // the client went away
	}
	q, stream, err := parseRequest(body)
	if err != nil || !stream {
		sendError(w, Answer{Status: http.StatusBadRequest, Error: "not a streaming chat completions request"})
		return
	}
	q.Header = r.Header.Clone()
	a := u.next(q)
	s := &sender{w: w, flush: http.NewResponseController(w), model: q.Model}
	switch {
	case a.HangBefore:
		_ = s.flush.Flush()
	case a.Status != 0:
		sendError(w, a)
		return
	case a.Raw != nil:
		s.raw(a.Raw)
		return
	case a.Endless:
		for s.err == nil && r.Context().Err() == nil {
			s.text(a.Text)
		}
	default:
		s.text(a.Text)
	}
	switch {
	case a.HangBefore || a.HangWithin || a.Endless:
		<-r.Context().Done()
		u.gone <- struct{}{}
	case a.Cut:
		panic(http.ErrAbortHandler)
	default:
		s.calls(a.Calls)
		s.end(a)
	}
}

func sendError(w http.ResponseWriter, a Answer) {
	if a.RetryAfter != "" {
		w.Header().Set("Retry-After", a.RetryAfter)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.Status)
	var code any
	if a.ErrorCode != "" {
		code = a.ErrorCode
	}
	_ = json.NewEncoder(w).Encode(object{"error": object{"message": a.Error, "type": "error", "param": nil, "code": code}})
}
