package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// The effects of the task that does all, none of which may come twice.
const (
	allowed = "a request that a person allows"
	parted  = "a request of the sub-task"
	booked  = "a call to the MCP server"
	early   = "early" // lines that commands append
	late    = "late"
)

// world is what is outside of the installations: a scripted model, an API and an MCP server, which
// count what reaches them by the run that it is of.
type world struct {
	fresh func(*testing.T) payer // an installation of its own
	up    *modeltest.Upstream
	peer  *httptest.Server
	api   *httptest.Server
	mu    sync.Mutex
	took  map[string]map[string]int // by run and effect
}

func (w *world) note(run, effect string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.took[run] == nil {
		w.took[run] = map[string]int{}
	}
	w.took[run][effect]++
}

// effects are how often each has reached what counts it.
func (w *world) effects(run string) map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.took[run])
}

// onSQLite is a world whose installations are copies of one.
func onSQLite(t *testing.T) *world {
	w := newWorld(t)
	first := w.settled(t, payerOnSQLite(t, w.up))
	w.fresh = first.copied
	return w
}

// onPostgres is a world whose installations have a database each.
func onPostgres(t *testing.T) *world {
	w := newWorld(t)
	w.fresh = func(t *testing.T) payer { return w.settled(t, payerOnPostgres(t, w.up)) }
	return w
}

// newWorld makes what is outside.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{took: map[string]map[string]int{}}
	w.api = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		effect := map[string]string{"/asked": allowed, "/part": parted}[r.URL.Path]
		w.note(r.URL.Query().Get("run"), effect)
	}))
	t.Cleanup(w.api.Close)
	tools := sdk.NewServer(&sdk.Implementation{Name: "peer", Version: "1"}, nil)
	sdk.AddTool(tools, &sdk.Tool{Name: "book"}, func(_ context.Context, _ *sdk.CallToolRequest, in struct {
		Run string `json:"run"`
	}) (*sdk.CallToolResult, any, error) {
		w.note(in.Run, booked)
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: "booked"}}}, nil, nil
	})
	w.peer = httptest.NewServer(sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return tools }, nil))
	t.Cleanup(w.peer.Close)
	w.up = upstream(t, w.script)
	return w
}

// settled is an installation that charges, has the MCP server, and asks about requests.
func (w *world) settled(t *testing.T, p payer) payer {
	t.Helper()
	p.env = append(p.env, "ISEKAI_EGRESS_ALLOW="+hostOf(w.api)+","+hostOf(w.peer))
	// Without a price of time what a task costs is the same each time.
	for _, name := range []string{"tool/*", "tool/run_command"} {
		data{t: t, dir: p.dir, env: p.env}.does("credit", "price", "set", name, "--call", toolPrice.String())
	}
	s := serve(t, p.dir, p.env)
	if _, err := s.PutMCPServer(t.Context(), "peer", client.NewMCPServer{Transport: "http", Address: w.peer.URL}, ""); err != nil {
		t.Fatal(err)
	}
	rules := []client.PermissionRule{
		{Do: core.Ask, Tool: "http_request", With: map[string]string{"url": w.api.URL + "/asked*"}},
		{Do: core.Allow, Tool: "http_request", With: map[string]string{"url": w.api.URL + "/part*"}},
		{Do: core.Allow, Tool: "peer_book"},
	}
	if _, err := s.SetPermissions(t.Context(), false, client.NewPermissions{Rules: rules}, ""); err != nil {
		t.Fatal(err)
	}
	s.stop(t)
	return p
}

const toolPrice = core.Credits(31)

// wishOf is the task's prompt. partOf is that of its sub-task.
func wishOf(run string) string { return "Do all of it in run " + run + "." }
func partOf(run string) string { return "Do the part of it in run " + run + "." }

var runOf = regexp.MustCompile(`Do (all|the part) of it in run ([a-z0-9]+)\.`)

// script is the model of the task, and of its sub-task.
func (w *world) script(_ int, r modeltest.Request) modeltest.Answer {
	kind, turn := turnOf(r)
	switch kind {
	case planning:
		return onePlan
	case judging:
		return aSuccess
	}
	m := runOf.FindStringSubmatch(r.Messages[0].Text)
	if m == nil {
		return modeltest.Answer{Status: http.StatusBadRequest, Error: "it isn't said which run it is"}
	}
	run := m[2]
	post := func(path string) modeltest.Call {
		return call("p", "http_request", map[string]string{"method": "POST", "url": w.api.URL + path + "?run=" + run, "body": "{}"})
	}
	line := func(text string) modeltest.Call {
		return call("l", "run_command", map[string][]string{"argv": {"sh", "-c", "echo " + text + " >> log.txt"}})
	}
	calls := []modeltest.Call{
		line(early), post("/asked"), call("d", "delegate", map[string]string{"prompt": partOf(run)}), call("b", "peer_book", map[string]string{"run": run}), line(late),
	}
	if m[1] == "the part" {
		calls = []modeltest.Call{post("/part"), call("w", "write_file", map[string]string{"path": "part.txt", "content": "the part"})}
	}
	if turn < len(calls) {
		return modeltest.Answer{Calls: calls[turn : turn+1]}
	}
	return modeltest.Answer{Text: "Done: " + m[1] + "."}
}

// outcome is what must be the same however a task that does all was interrupted.
type outcome struct {
	Status  core.TaskStatus
	Answer  string
	Calls   []string // of the task and of its sub-task, in order
	Files   map[string]string
	Effects map[string]int
	Cost    core.Credits // but for calls whose outcome was lost: they cost nothing
}

// attempt is one run.
type attempt struct {
	*world
	payer
	run   string
	tasks []core.TaskID // as far as they are known: the task, and its sub-task
}

func (w *world) attempt(t *testing.T, run string) *attempt {
	t.Helper()
	return &attempt{world: w, payer: w.fresh(t), run: run}
}

// patient bounds how long a run takes.
const patient = 2 * time.Minute

// plays has the task done by a server, as its person: asks for it, with a key so that it is one task
// however often it is asked for, and answers what it asks, until it has ended, and is paid. It
// reports whether it came to that before the server died.
func (a *attempt) plays(t *testing.T, s *server) bool {
	t.Helper()
	a.tasks = nil
	var last error
	for deadline := time.Now().Add(patient); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		over, err := a.helps(t, s)
		if over {
			return true
		}
		select {
		case err := <-s.done:
			s.done <- err
			return false
		default:
			last = err
		}
	}
	t.Fatalf("run %s is stuck: %v\n%s", a.run, last, a.stories(t, s))
	return false
}

// helps looks once at what the task needs.
func (a *attempt) helps(t *testing.T, s *server) (over bool, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if len(a.tasks) == 0 {
		made, err := s.CreateTask(ctx, client.NewTask{Kind: core.KindTask, Prompt: wishOf(a.run)}, "k"+a.run)
		if err != nil {
			return false, err
		}
		a.tasks = []core.TaskID{made.ID}
	}
	listed, err := s.Tasks(ctx, client.ListOptions{})
	if err != nil {
		return false, err
	}
	for _, l := range listed.Items {
		if !slices.Contains(a.tasks, l.ID) {
			a.tasks = append(a.tasks, l.ID)
		}
	}
	open := false
	for _, id := range a.tasks {
		d, err := s.Task(ctx, id)
		switch {
		case err != nil:
			return false, err
		case d.Approval != nil:
			_, err = s.ResumeTask(ctx, id, a.answer(t, d))
			return false, err
		case !d.Status.Terminal():
			open = true
		}
	}
	if open || len(a.tasks) < 2 { // the list follows the events
		return false, nil
	}
	b, err := s.Balance(ctx)
	return b.Held == 0 && b.Spent > 0, err
}

// answer is what a person who looks says to what a task asks.
func (a *attempt) answer(t *testing.T, d client.TaskDetail) client.Reply {
	q := d.Approval
	r := client.Reply{Call: q.Call, As: core.AnswerAllow}
	if q.Why == core.AskPermission {
		if q.Tool != "http_request" || d.Parent != "" {
			t.Errorf("run %s asks about %s of %s", a.run, q.Tool, d.Prompt)
		}
		return r
	}
	took := 0
	switch {
	case q.Tool == "http_request" && d.Parent == "":
		took = a.effects(a.run)[allowed]
	case q.Tool == "http_request":
		took = a.effects(a.run)[parted]
	case q.Tool == "peer_book":
		took = a.effects(a.run)[booked]
	case q.Tool == "run_command" && strings.Contains(q.Subject, early):
		took = a.lines(t, d.ID, early)
	case q.Tool == "run_command" && strings.Contains(q.Subject, late):
		took = a.lines(t, d.ID, late)
	default:
		t.Errorf("run %s asks what became of %s %s", a.run, q.Tool, q.Subject)
	}
	if r.As = core.AnswerRepeat; took > 0 {
		r.As = core.AnswerDone
	}
	return r
}

// lines counts those that a command has left in a task's workspace.
func (a *attempt) lines(t *testing.T, id core.TaskID, line string) int {
	found, err := filepath.Glob(filepath.Join(a.dir, "workspaces", "*", string(id), "log.txt"))
	if err != nil || len(found) > 1 {
		t.Errorf("%q: %v", found, err)
	}
	if len(found) == 0 {
		return 0
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		t.Error(err)
	}
	return strings.Count(string(b), line+"\n")
}

// outcome reads what came of the tasks, and checks what holds of every one.
func (a *attempt) outcome(t *testing.T, s *server) outcome {
	t.Helper()
	if len(a.tasks) != 2 {
		t.Fatalf("run %s has the tasks %v", a.run, a.tasks)
	}
	d, err := s.Task(t.Context(), a.tasks[0])
	if err != nil {
		t.Fatal(err)
	}
	o := outcome{Status: d.Status, Answer: d.Answer, Files: a.files(t, s), Effects: a.effects(a.run)}
	for _, id := range a.tasks {
		calls, done := callsOf(t, s.story(t, id))
		o.Calls = append(o.Calls, calls...)
		o.Cost += core.Credits(done) * toolPrice
	}
	b, err := s.Balance(t.Context())
	if want := (client.Balance{Available: granted - b.Spent, Spent: b.Spent, Granted: granted}); err != nil || b != want {
		t.Errorf("run %s: %+v, want %+v: %v", a.run, b, want, err)
	}
	budgets, err := s.Budgets(t.Context())
	if err != nil || len(budgets) != 1 || budgets[0].Used != b.Spent || budgets[0].Held != 0 {
		t.Errorf("run %s: %+v of %s: %v", a.run, budgets, b.Spent, err)
	}
	o.Cost += b.Spent
	a.lawful(t, "run "+a.run)
	return o
}

// callsOf are the calls of a task's events, each of which was settled once, in order, and how many
// of them were taken as done by a person who was asked what became of them.
func callsOf(t *testing.T, events []core.Event) (calls []string, done int) {
	t.Helper()
	open := map[core.CallID]string{}
	for _, e := range events {
		p, err := e.Payload()
		if err != nil {
			t.Fatal(err)
		}
		switch p := p.(type) {
		case core.ModelRequested:
			open[p.Call] = p.Purpose
		case core.ToolRequested:
			open[p.Call.ID] = p.Call.Tool
		case core.ModelSettled:
			calls = append(calls, open[p.Call])
			delete(open, p.Call)
		case core.ToolSettled:
			calls = append(calls, open[p.Call])
			delete(open, p.Call)
		case core.ApprovalAnswered:
			if p.Answer == core.AnswerDone {
				done++
			}
		}
	}
	if len(open) > 0 || slices.Contains(calls, "") {
		t.Errorf("calls %q, not settled: %v\n%s", calls, open, told(events))
	}
	return calls, done
}

// files are those that the task has left.
func (a *attempt) files(t *testing.T, s *server) map[string]string {
	t.Helper()
	var b bytes.Buffer
	if err := s.ExportTask(t.Context(), a.tasks[0], 0, "zip", &b); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(f.Name, "/") // its folder has the name of the task
		all[name] = string(text)
	}
	return all
}

// stories are what tasks have come to, for a person.
func (a *attempt) stories(t *testing.T, s *server) string {
	var b strings.Builder
	for _, id := range a.tasks {
		frames, err := s.ReplayTask(t.Context(), id)
		fmt.Fprintf(&b, "%s: %v\n", id, err)
		for _, f := range frames {
			fmt.Fprintf(&b, "%+v\n", f)
		}
	}
	return b.String()
}
