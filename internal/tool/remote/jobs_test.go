package remote_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/remote"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

// peer is an installation that services come back to, and a service that takes jobs for later.
type peer struct {
	t     *testing.T
	store *sqlite.Store
	jobs  *remote.Jobs
	tool  tool.Tool
	home  *httptest.Server // of the installation
	url   string           // of the service
	taken chan string      // the callbacks of the jobs that it has
	times atomic.Int32     // that a job was submitted
	early string           // what it says before it answers
	where string           // its Location
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	p := &peer{t: t, store: sqlitetest.Open(t, sqlite.Config{}), taken: make(chan string, 10)}
	p.home = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		word, _ := io.ReadAll(r.Body)
		status := map[core.Code]int{"": 204, core.Unauthenticated: 401, core.Conflict: 409, core.Invalid: 422, core.Exhausted: 413}
		w.WriteHeader(status[core.CodeOf(p.jobs.Take(r.Context(), strings.TrimPrefix(r.URL.Path, remote.CallbackPath), word))])
	}))
	t.Cleanup(p.home.Close)
	service := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(service.Close)
	p.url = service.URL
	p.restart()
	return p
}

// restart is another process of the installation, on the same store.
func (p *peer) restart() {
	p.jobs = remote.NewJobs(p.store, p.home.URL+remote.CallbackPath)
	p.tool = remote.New(remote.Config{Outside: outside{http.DefaultClient}, Jobs: p.jobs, Poll: time.Millisecond, Retry: time.Millisecond})
}

func (p *peer) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, `{"status":"running"}`)
		return
	}
	p.times.Add(1)
	var job struct {
		Callback string `json:"callback_url"`
	}
	if err := json.NewDecoder(r.Body).Decode(&job); err != nil || job.Callback == "" {
		p.t.Errorf("no callback: %v", err)
	}
	if p.early != "" {
		if status := p.say(job.Callback, p.early); status != 204 && p.times.Load() == 1 {
			p.t.Errorf("early: %d", status)
		}
	}
	if p.where == "die" {
		panic(http.ErrAbortHandler)
	}
	if p.where != "" {
		w.Header().Set("Location", p.where)
	}
	w.WriteHeader(202)
	p.taken <- job.Callback
}

// say posts to a callback.
func (p *peer) say(to, word string) int {
	p.t.Helper()
	resp, err := http.Post(to, "application/json", strings.NewReader(word))
	if err != nil {
		p.t.Error(err)
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func (p *peer) call() tool.Call {
	return tooltest.Call("", `{"url":"`+p.url+`/jobs","input":{}}`)
}

type ended struct {
	tool.Result
	err error
}

func (p *peer) begin(ctx context.Context, c tool.Call) chan ended {
	done := make(chan ended, 1)
	go func() {
		r, err := p.tool.Call(ctx, c)
		done <- ended{r, err}
	}()
	return done
}

const well = `{"status":"succeeded","output":"all done","data":{"n":1},"extra":true}`

// TestCallback: the service says by itself how the job went, once; what is forged, garbage or too
// long is refused and harms nothing, and so is what comes late.
func TestCallback(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"", "/jobs/1"} {
		p := newPeer(t)
		p.where = where
		done := p.begin(t.Context(), p.call())
		to := <-p.taken
		cut := strings.LastIndexByte(to, '.')
		other := p.begin(t.Context(), p.call())
		theirs := <-p.taken
		for name, tt := range map[string]struct {
			to, word string
			status   int
		}{
			"no secret":       {to[:cut], well, 401},
			"another secret":  {to[:cut+1] + strings.Repeat("A", 43), well, 401},
			"another's":       {to[:cut] + theirs[strings.LastIndexByte(theirs, '.'):], well, 401},
			"a part of it":    {to[:len(to)-4], well, 401},
			"an empty secret": {to[:cut+1], well, 401},
			"made up":         {p.home.URL + remote.CallbackPath + "icb_x.y", well, 401},
			"garbage":         {to, "<html>", 422},
			"half":            {to, `{"status":"succeeded","output":"ha`, 422},
			"not the last":    {to, `{"status":"running"}`, 422},
			"no output":       {to, `{"status":"succeeded"}`, 422},
			"too long":        {to, `{"status":"succeeded","output":"` + strings.Repeat("x", 300<<10) + `"}`, 413},
		} {
			if status := p.say(tt.to, tt.word); status != tt.status {
				t.Errorf("%s: %d, want %d", name, status, tt.status)
			}
		}
		if status := p.say(to, well); status != 204 {
			t.Errorf("%d", status)
		}
		if status := p.say(to, `{"status":"failed","error":"changed my mind"}`); status != 409 {
			t.Errorf("twice: %d", status)
		}
		if r := <-done; r.err != nil || r.Failed || r.Output != "all done" || string(r.Data) != `{"n":1}` {
			t.Errorf("%+v", r)
		}
		if status := p.say(to, well); status != 409 {
			t.Errorf("after the call: %d", status)
		}
		if status := p.say(theirs, `{"status":"failed","error":"no such shop"}`); status != 204 {
			t.Errorf("%d", status)
		}
		if r := <-other; r.err != nil || !r.Failed || !strings.Contains(r.Output, "no such shop") {
			t.Errorf("%+v", r)
		}
	}
}

// TestAnEarlyCallback comes before the submission is answered, or in place of an answer.
func TestAnEarlyCallback(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"", "die"} {
		p := newPeer(t)
		p.early, p.where = well, where
		if r, err := p.tool.Call(t.Context(), p.call()); err != nil || r.Failed || r.Output != "all done" {
			t.Errorf("%s: %v %+v", where, err, r)
		}
	}
}

// TestALateCallback: when the call has given up the word is refused.
func TestALateCallback(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	r, err := p.tool.Call(t.Context(), tooltest.Call("", `{"url":"`+p.url+`/jobs","input":{},"timeout_seconds":1}`))
	if err != nil || !r.Failed || !strings.Contains(r.Output, "wasn't done after") {
		t.Fatalf("%v %+v", err, r)
	}
	if status := p.say(<-p.taken, well); status != 401 {
		t.Errorf("%d", status)
	}
}

// TestACallGoesOn: one that is made again after its process was lost doesn't submit the job again,
// and has what came meanwhile, at any node.
func TestACallGoesOn(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"", "/jobs/1"} {
		p := newPeer(t)
		p.where = where
		c := p.call()
		ctx, kill := context.WithCancel(t.Context())
		done := p.begin(ctx, c)
		to := <-p.taken
		kill()
		if r := <-done; core.CodeOf(r.err) != core.Canceled {
			t.Fatalf("%+v", r)
		}
		p.restart()
		if status := p.say(to, well); status != 204 {
			t.Errorf("%d", status)
		}
		for range 2 {
			if r, err := p.tool.Call(t.Context(), c); err != nil || r.Failed || r.Output != "all done" {
				t.Errorf("%v %+v", err, r)
			}
		}
		if n := p.times.Load(); n != 1 {
			t.Errorf("submitted %d times", n)
		}
	}
}

// TestACallThatNobodyKnowsOf isn't submitted again, if it was interrupted while it was submitted and
// the service can't come back.
func TestACallThatNobodyKnowsOf(t *testing.T) {
	t.Parallel()
	begun, times := make(chan struct{}, 10), atomic.Int32{}
	stuck := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		times.Add(1)
		_, _ = io.ReadAll(r.Body)
		begun <- struct{}{}
		<-r.Context().Done()
	}))
	defer stuck.Close()
	tl := remote.New(remote.Config{Outside: outside{http.DefaultClient}, Jobs: remote.NewJobs(sqlitetest.Open(t, sqlite.Config{}), "")})
	ctx, kill := context.WithCancel(t.Context())
	go func() { <-begun; kill() }()
	c := tooltest.Call("", `{"url":"`+stuck.URL+`","input":{}}`)
	if _, err := tl.Call(ctx, c); core.CodeOf(err) != core.Canceled {
		t.Fatal(err)
	}
	if r, err := tl.Call(t.Context(), c); err != nil || !r.Failed || !strings.Contains(r.Output, "nobody knows") || times.Load() != 1 {
		t.Errorf("%v %+v", err, r)
	}
}
