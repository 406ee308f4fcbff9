package clients

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// upstream is scripted models, by the APIs of three providers, one that has enough, and one
// that fails. What they say depends on what they are asked alone.
type upstream struct {
	t   *testing.T
	url string

	mu     sync.Mutex
	gone   int           // callers that left a slow stream
	heards []http.Header // of all requests
}

func newUpstream(t *testing.T) *upstream {
	u := &upstream{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /chat/v1/chat/completions", u.chat)
	mux.HandleFunc("POST /chat/v1/embeddings", u.embeddings)
	mux.HandleFunc("POST /messages/v1/messages", u.messages)
	mux.HandleFunc("POST /messages/v1/messages/count_tokens", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, object{"input_tokens": 14}) })
	mux.HandleFunc("POST /responses/v1/responses", u.responses)
	mux.HandleFunc("POST /responses/v1/responses/compact", u.compact)
	mux.HandleFunc("POST /limited/v1/chat/completions", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		answer(w, 429, object{"error": object{"message": "Rate limit reached", "type": "requests", "param": nil, "code": "rate_limit_exceeded"}})
	})
	mux.HandleFunc("POST /broken/v1/chat/completions", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 500, object{"error": object{"message": "secret trouble at 10.1.2.3", "type": "server_error", "param": nil, "code": nil}})
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		u.heards = append(u.heards, r.Header)
		u.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	u.url = s.URL
	return u
}

// object is a JSON object.
type object = map[string]any

// list is a JSON array.
type list = []any

// asked is what a request has a model do, whatever its API.
type asked struct {
	model    string
	stream   bool
	system   string   // all that it is told besides
	text     string   // the last of the user's
	tools    []string // that it may call
	results  []string // of the calls that it made
	pictures []string // "image/png of 70 bytes"
	schema   bool     // its answer is to be JSON
	think    bool
	logprobs bool
	unknown  any // the member x_unknown
}

// call is one of a tool.
type call struct{ id, name, arguments string }

// said is what a model says to it.
type said struct {
	think string
	text  string
	calls []call
}

// answer is the script.
func (a asked) answer() said {
	var s said
	if a.think {
		s.think = "Let me see. It adds up."
	}
	switch {
	case len(a.results) > 0:
		s.text = "The tools say " + strings.Join(a.results, " and ") + "."
	case slices.Contains(a.tools, "json_tool_call"): // by which LiteLLM has Claude keep to a schema
		s.calls = []call{{"call_1", "json_tool_call", `{"name": "Ada", "age": 36}`}}
	case len(a.tools) > 0 && strings.Contains(a.text, "weather"):
		s.calls = []call{{"call_1", "get_weather", `{"location": "Paris"}`}, {"call_2", "get_weather", `{"location": "Oslo"}`}}
	case a.schema:
		s.text = `{"name": "Ada", "age": 36}`
	case len(a.pictures) > 0:
		s.text = "I see " + strings.Join(a.pictures, " and ") + "."
	default:
		s.text = "Hello there, " + a.text + "."
		if a.system != "" {
			s.text = a.system + " " + s.text
		}
	}
	return s
}

// pieces splits a text as a model writes it.
func pieces(text string) (all []string) {
	for text != "" {
		n := min(len(text), 5)
		all = append(all, text[:n])
		text = text[n:]
	}
	return all
}

// picture says what a data URL or its parts hold.
func picture(media, data string) string {
	b, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return "nothing"
	}
	return fmt.Sprintf("%s of %d bytes", media, len(b))
}

func pictureAt(url string) string {
	media, data, _ := strings.Cut(strings.TrimPrefix(url, "data:"), ";base64,")
	return picture(media, data)
}

// read decodes a request, which has to be JSON.
func (u *upstream) read(r *http.Request) object {
	var in object
	b, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(b, &in)
	}
	if err != nil {
		u.t.Errorf("%s isn't JSON: %v", b, err)
	}
	return in
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a reader that has gone needs none
}

// event writes an event of a stream at once.
func event(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/event-stream")
	b, done := data.(string)
	if !done {
		j, err := json.Marshal(data)
		if err != nil {
			panic(err)
		}
		b = string(j)
	}
	if name != "" {
		fmt.Fprintf(w, "event: %s\n", name)
	}
	fmt.Fprintf(w, "data: %s\n\n", b)
	w.(http.Flusher).Flush()
}

// thinks has a stream say nothing for a while but that it comes, as OpenRouter's does, if that is what
// is asked for.
func (u *upstream) thinks(w http.ResponseWriter, a asked) {
	if a.text != "silent" {
		return
	}
	for range 15 {
		time.Sleep(100 * time.Millisecond)
		fmt.Fprint(w, ": OPENROUTER PROCESSING\n\n")
		w.(http.Flusher).Flush()
	}
}

// slowly has send called until the caller has gone, which is counted.
func (u *upstream) slowly(r *http.Request, send func()) {
	for {
		select {
		case <-r.Context().Done():
			u.mu.Lock()
			u.gone++
			u.mu.Unlock()
			return
		case <-time.After(10 * time.Millisecond):
			send()
		}
	}
}

func (u *upstream) left() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.gone
}

// heard reports whether a text was in a header of any request.
func (u *upstream) heard(text string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, h := range u.heards {
		if strings.Contains(fmt.Sprint(h), text) {
			return true
		}
	}
	return false
}

// text is a string, or "" for what is none; items likewise.
func text(v any) string { s, _ := v.(string); return s }

func items(v any) list { l, _ := v.(list); return l }

// field is what is at a path of an object; nil: nothing is.
func field(v any, names ...string) any {
	for _, n := range names {
		o, _ := v.(object)
		v = o[n]
	}
	return v
}

// toolsOf are the names of a request's tools.
func toolsOf(in object, path ...string) (all []string) {
	for _, t := range items(in["tools"]) {
		all = append(all, text(field(t, path...)))
	}
	return all
}
