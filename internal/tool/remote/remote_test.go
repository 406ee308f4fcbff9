package remote_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/remote"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

// service does jobs, well and badly, by path.
type service struct {
	mu    sync.Mutex
	asked map[string]int // by the call's id and path
	jobs  map[string]int // that were begun, by idempotency key
}

func (s *service) count(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[key]++
	return s.asked[key]
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	say := func(status int, text string) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
	key := r.Header.Get("Idempotency-Key")
	switch r.URL.Path {
	case "/now":
		b, _ := io.ReadAll(r.Body)
		say(200, `{"output":"did `+strings.ReplaceAll(string(b), `"`, `'`)+`\u202e","data":{"n":1}}`)
	case "/later":
		w.Header().Set("Location", "/jobs/"+key)
		say(202, "")
	case "/elsewhere":
		w.Header().Set("Location", "http://169.254.169.254/latest")
		say(202, "")
	case "/nowhere":
		say(202, "")
	case "/shaky": // the first two tries fail, in different ways
		switch s.count(key) {
		case 1:
			say(503, "busy")
		case 2:
			panic(http.ErrAbortHandler)
		default:
			s.mu.Lock()
			s.jobs[key]++
			s.mu.Unlock()
			say(200, `{"output":"at last"}`)
		}
	case "/down":
		s.count("down")
		say(500, "no")
	case "/partial":
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"output":"half`)
	case "/cut":
		say(200, `{"output":"half`)
	case "/html":
		say(200, "<html>")
	case "/empty":
		say(200, `{}`)
	case "/long":
		say(200, `{"output":"`+strings.Repeat("x", 2<<20)+`"}`)
	case "/fails":
		say(200, `{"status":"failed","error":"no such shop"}`)
	case "/no":
		say(403, "no")
	case "/bad":
		say(400, "no")
	case "/slow":
		w.Header().Set("Location", "/never")
		say(202, "")
	case "/never":
		say(200, `{"status":"running"}`)
	default: // /jobs/KEY
		if s.count(r.URL.Path) < 3 {
			say(200, `{"status":"running"}`)
			return
		}
		say(200, `{"status":"succeeded","output":"done in a while"}`)
	}
}

type outside struct{ client *http.Client }

func (o outside) Client() *http.Client { return o.client }
func (outside) Authorize(_ context.Context, _ tool.Call, _, name string, r *http.Request) error {
	return core.E(core.NotFound, "outside", "the project has no credential "+name)
}

func (outside) Credential(context.Context, tool.Call, string, string, string) (tool.Credential, error) {
	return tool.Credential{}, core.E(core.Unsupported, "outside", "not asked for")
}

func open(t testing.TB) (*service, tool.Tool, string) {
	t.Helper()
	s := &service{asked: map[string]int{}, jobs: map[string]int{}}
	srv := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(srv.Close)
	return s, remote.New(remote.Config{Outside: outside{srv.Client()}, Jobs: remote.NewJobs(sqlitetest.Open(t, sqlite.Config{}), ""), Poll: time.Millisecond, Retry: time.Millisecond}), srv.URL
}

func TestRemoteSkill(t *testing.T) {
	t.Parallel()
	_, tl, base := open(t)
	job := func(path string) string { return fmt.Sprintf(`{"url":"%s%s","input":{"a":1}}`, base, path) }
	tooltest.Run(t, tl,
		tooltest.Case{Name: "at once", Args: job("/now"), Output: []string{`did {'input':{'a':1}}`}, Not: []string{"\u202e"}, Check: func(t *testing.T, r tool.Result) {
			if string(r.Data) != `{"n":1}` {
				t.Errorf("%s", r.Data)
			}
		}},
		tooltest.Case{Name: "after a while", Args: job("/later"), Output: []string{"done in a while"}},
		tooltest.Case{Name: "after failures", Args: job("/shaky"), Output: []string{"at last"}},
		tooltest.Case{Name: "fails", Args: job("/fails"), Failed: true, Output: []string{"no such shop"}},
		tooltest.Case{Name: "asks elsewhere", Args: job("/elsewhere"), Failed: true, Output: []string{"sends elsewhere"}},
		tooltest.Case{Name: "says not where", Args: job("/nowhere"), Failed: true, Output: []string{"where to ask", "public.url"}},
		tooltest.Case{Name: "cut", Args: job("/cut"), Failed: true, Output: []string{"isn't whole"}},
		tooltest.Case{Name: "not JSON", Args: job("/html"), Failed: true, Output: []string{"isn't JSON"}},
		tooltest.Case{Name: "empty", Args: job("/empty"), Failed: true, Output: []string{"no output"}},
		tooltest.Case{Name: "long", Args: job("/long"), Failed: true, Output: []string{"longer than"}},
		tooltest.Case{Name: "refused", Args: job("/no"), Failed: true, Output: []string{"403", "credential"}},
		tooltest.Case{Name: "a bad request", Args: job("/bad"), Code: core.Invalid},
		tooltest.Case{Name: "never done", Args: `{"url":"` + base + `/slow","input":{},"timeout_seconds":1}`, Failed: true, Output: []string{"wasn't done after 1s", "may still"}},
		tooltest.Case{Name: "no such credential", Args: `{"url":"` + base + `/now","input":{},"credential":"none"}`, Code: core.NotFound},
		tooltest.Case{Name: "a file", Args: `{"url":"file:///etc/passwd","input":{}}`, Code: core.Invalid},
		tooltest.Case{Name: "a name within", Args: `{"url":"http://me:pw@127.0.0.1/","input":{}}`, Code: core.Invalid},
		tooltest.Case{Name: "without an end", Args: `{"url":"` + base + `/slow","input":{}}`, Slow: true},
	)
}

// TestAJobIsDoneOnce, however often it is submitted; a partial answer is asked for again.
func TestAJobIsDoneOnce(t *testing.T) {
	t.Parallel()
	s, tl, base := open(t)
	call := tooltest.Call("", `{"url":"`+base+`/shaky","input":{}}`)
	if r, err := tl.Call(t.Context(), call); err != nil || r.Failed {
		t.Fatal(err, r.Output)
	}
	s.mu.Lock()
	jobs, asked := s.jobs[string(call.ID)], s.asked[string(call.ID)]
	s.mu.Unlock()
	if jobs != 1 || asked != 3 {
		t.Errorf("%d jobs of %d requests", jobs, asked)
	}
	if r, err := tl.Call(t.Context(), tooltest.Call("", `{"url":"`+base+`/partial","input":{}}`)); err != nil || !r.Failed || !strings.Contains(r.Output, "doesn't answer") {
		t.Errorf("%v %s", err, r.Output)
	}
}

// TestTheBreaker: a service that fails is left alone, and others aren't.
func TestTheBreaker(t *testing.T) {
	t.Parallel()
	s, tl, base := open(t)
	_, _, other := open(t)
	var last string
	for range 4 {
		r, err := tl.Call(t.Context(), tooltest.Call("", `{"url":"`+base+`/down","input":{}}`))
		if err != nil || !r.Failed {
			t.Fatal(err, r.Output)
		}
		last = r.Output
	}
	s.mu.Lock()
	asked := s.asked["down"]
	s.mu.Unlock()
	if asked != 8 || !strings.Contains(last, "too often") {
		t.Errorf("it was asked %d times: %s", asked, last)
	}
	if r, err := tl.Call(t.Context(), tooltest.Call("", `{"url":"`+other+`/now","input":{}}`)); err != nil || r.Failed {
		t.Errorf("%v %s", err, r.Output)
	}
}
