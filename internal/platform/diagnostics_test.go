package platform

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/tool"
)

// answering is a tool that answers as it is told.
type answering struct {
	name   string
	answer func() (tool.Result, error)
}

func (a answering) Spec() tool.Spec {
	return tool.Spec{Name: a.name, Version: "1", Description: "d", Schema: []byte(`{"type":"object"}`), Effect: core.Pure}
}

func (a answering) Call(context.Context, tool.Call) (tool.Result, error) { return a.answer() }

// TestCallsOfToolsAreTimed, however they end; those of a tenant's own have no name.
func TestCallsOfToolsAreTimed(t *testing.T) {
	t.Parallel()
	m := newToolMetrics(prometheus.NewRegistry())
	var result tool.Result
	var err error
	answer := func() (tool.Result, error) { return result, err }
	ours := []tool.Tool{answering{"read", answer}, answering{"write", answer}}
	r := must(tool.NewObservedRegistry(m.observer(ours), ours...))(t)
	theirs, problems := r.With(answering{"a_tenants_word", answer})
	if problems != nil {
		t.Fatal(problems)
	}
	call := func(r *tool.Registry, name string, res tool.Result, fail error) {
		result, err = res, fail
		_, _ = r.Call(t.Context(), name, tool.Call{})
	}
	call(r, "read", tool.Result{}, nil)
	call(theirs, "read", tool.Result{Failed: true}, nil)
	call(r, "read", tool.Result{}, core.E(core.NotFound, "x", "y"))
	call(r, "read", tool.Result{}, core.E(core.NotFound, "x", "y"))
	call(r, "read", tool.Result{}, errors.New("a bug"))
	call(theirs, "a_tenants_word", tool.Result{}, nil)
	got := m.counts()
	slices.SortFunc(got, func(a, b client.ToolCount) int { return strings.Compare(a.Tool, b.Tool) })
	for i, c := range got {
		if c.LongestMS < 0 || c.TotalMS < c.LongestMS || c.P50 <= 0 || c.P95 < c.P50 || c.P99 < c.P95 || c.LongestMS < c.P99 {
			t.Errorf("times of %+v", c)
		}
		got[i].LongestMS, got[i].TotalMS, got[i].Timing = 0, 0, client.Timing{}
	}
	want := []client.ToolCount{
		{Tool: ofServers, Count: 1, Errors: map[string]int64{}},
		{Tool: "read", Count: 5, Failed: 1, Errors: map[string]int64{"not_found": 2, "internal": 1}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestTheLongestCallIsKnown, also of those that take longer than what is counted in ranges.
func TestTheLongestCallIsKnown(t *testing.T) {
	t.Parallel()
	m := newToolMetrics(prometheus.NewRegistry())
	told := m.observer([]tool.Tool{answering{"read", nil}})
	for _, took := range []time.Duration{time.Second, 2 * time.Hour, time.Minute} {
		told(tool.Spec{Name: "read"}, took, tool.Result{}, nil)
	}
	if c := m.counts()[0]; c.LongestMS != 7.2e6 || c.TotalMS != 7.261e6 || c.P99 != 1.8e6 {
		t.Errorf("%+v", c)
	}
}

// TestRequestsAsDiagnosticsHaveThem by operation, from many sides at once.
func TestRequestsAsDiagnosticsHaveThem(t *testing.T) {
	t.Parallel()
	m := newRequestMetrics(prometheus.NewRegistry())
	m.of("list-tasks") // which nobody asks
	c := m.of("show-task")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for _, status := range []int{200, 204, 404, 404, 429, 499, 500, 503, 999} {
				c.Begun()
				c.Ended(status, 3*time.Millisecond)
				m.counts()
			}
			c.Begun()
		})
	}
	all.Wait()
	want := client.RequestCount{
		Operation: "show-task", Count: 36, Refused: 16, Failed: 12, InFlight: 4, TotalMS: 108,
		Statuses: map[string]int64{"404": 8, "429": 4, "499": 4, "500": 8, "503": 4},
		Timing:   client.Timing{P50: 3.75, P95: 4.931, P99: 5},
	}
	if got := m.counts(); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestCountingARequestAllocatesNothing after the first.
func TestCountingARequestAllocatesNothing(t *testing.T) {
	c := newRequestMetrics(prometheus.NewRegistry()).of("show-task")
	if n := testing.AllocsPerRun(100, func() { c.Begun(); c.Ended(200, time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestModelsAsDiagnosticsHaveThem, by who answered.
func TestModelsAsDiagnosticsHaveThem(t *testing.T) {
	t.Parallel()
	m := newMetrics(slog.New(slog.DiscardHandler))
	to := catalog.Target{Provider: &catalog.Provider{Spec: catalog.Spec{Name: "house", Models: []catalog.Model{{Name: "m"}}}, Org: core.Installation}, Model: "m"}
	m.Tried(to, "chat", "status 503")
	m.Tried(to, "chat", "")
	m.Called(gateway.Outcome{Op: "chat", Target: to, Status: "ok", Took: 2 * time.Second, Stream: true, First: 200 * time.Millisecond})
	m.Called(gateway.Outcome{Op: "chat", Status: "failed", Err: core.E(core.Unavailable, "x", "y")})
	d := m.diagnostics()
	models := []client.ModelCount{
		{Operation: "chat", Count: 1, Statuses: map[string]int64{"failed": 1}, Errors: map[string]int64{"unavailable": 1}},
		{Provider: "house", Model: "m", Operation: "chat", Count: 1, Statuses: map[string]int64{"ok": 1}, Errors: map[string]int64{}},
	}
	providers := []client.ProviderCount{{
		Provider: "house", Operation: "chat", Attempts: map[string]int64{"ok": 1, "status 503": 1},
		Call: client.Timing{P50: 2500, P95: 2500, P99: 2500}, First: client.Timing{P50: 250, P95: 250, P99: 250},
	}}
	if !reflect.DeepEqual(d.Models, models) || !reflect.DeepEqual(d.Providers, providers) {
		t.Errorf("got %+v\n%+v\nwant %+v\n%+v", d.Models, d.Providers, models, providers)
	}
}

// TestDiagnosticsOfANode: what was asked of it is there, and the statements that took its store
// long, without their values; /metrics has the same.
func TestDiagnosticsOfANode(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	in.cfg.Store.SlowAfter = time.Nanosecond
	conn := must(in.Connect(t.Context(), cli.Serving))(t)
	t.Cleanup(func() { _ = conn.Close() })
	task := must(conn.Client.CreateTask(t.Context(), client.NewTask{Kind: core.KindApp, Prompt: "a shelf of secret books"}, ""))(t)
	if _, err := conn.Client.Task(t.Context(), "tsk_none"); core.CodeOf(err) != core.NotFound {
		t.Fatal(err)
	}
	d := must(conn.Client.Diagnostics(t.Context()))(t)
	of := func(operation string) client.RequestCount {
		for _, r := range d.Requests {
			if r.Operation == operation {
				return r
			}
		}
		return client.RequestCount{}
	}
	if r := of("create-task"); r.Count != 1 || r.Failed != 0 || r.P50 <= 0 {
		t.Errorf("%+v", r)
	}
	if r := of("show-task"); r.Count != 1 || r.Refused != 1 || r.Statuses["404"] != 1 {
		t.Errorf("%+v", r)
	}
	if r := of("diagnostics"); r.Count != 0 || r.InFlight != 1 {
		t.Errorf("%+v", r)
	}
	if d.Node == "" || d.Version != BuildVersion || d.SlowMS != 0 || time.Since(d.Since) > time.Minute || d.Runtime.Goroutines < 2 || d.Runtime.HeapBytes == 0 || d.Runtime.TotalBytes < d.Runtime.HeapBytes || d.Runtime.UptimeSeconds <= 0 || d.Runtime.CPUs < 1 || d.Runtime.Go == "" {
		t.Errorf("%+v", d)
	}
	inserts := false
	for _, q := range d.Queries {
		inserts = inserts || strings.HasPrefix(q.Statement, "INSERT INTO events")
		if q.Store != onSQLite || q.Count < 1 || q.TotalMS < q.LongestMS || q.Last.Before(d.Since) || strings.Contains(q.Statement, string(task.ID)) || strings.Contains(q.Statement, string(core.DefaultOrg)) {
			t.Errorf("%+v", q)
		}
	}
	if len(d.Queries) > maxSlow || !inserts {
		t.Errorf("%d statements, among which the task's event is: %t", len(d.Queries), inserts)
	}
	served, _ := FindServer(in.cfg.DataDir)
	req := must(http.NewRequestWithContext(t.Context(), http.MethodGet, served.URL+"/metrics", nil))(t)
	req.Header.Set("Authorization", "Bearer "+served.Token)
	res := must(http.DefaultClient.Do(req))(t)
	defer res.Body.Close()
	got := string(must(io.ReadAll(res.Body))(t))
	for _, want := range []string{
		`isekai_http_requests_total{operation="show-task",status="404"} 1`, `isekai_http_request_seconds_count{operation="show-task"} 1`,
		`isekai_http_requests_open{operation="metrics"} 1`, `isekai_slow_queries_total{store="sqlite"} `,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %s", want)
		}
	}
}

// TestNothingIsSlow where no statement is to be recorded.
func TestNothingIsSlow(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	in.cfg.Store.SlowAfter = 0
	conn := must(in.Connect(t.Context(), cli.Serving))(t)
	t.Cleanup(func() { _ = conn.Close() })
	if d := must(conn.Client.Diagnostics(t.Context()))(t); len(d.Queries) > 0 {
		t.Errorf("%+v", d.Queries)
	}
}
