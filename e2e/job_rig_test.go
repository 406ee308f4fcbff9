package e2e

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// job is an installation that charges, with a scripted model, and the task that it does.
type job struct {
	*server
	data
	books payer
	up    *modeltest.Upstream
	task  core.TaskID
}

// newJob starts one. work answers what isn't the plan or the judgement; more are settings.
func newJob(t *testing.T, work func(history) modeltest.Answer, more ...string) *job {
	t.Helper()
	up := upstream(t, func(_ int, r modeltest.Request) modeltest.Answer {
		switch kind, _ := turnOf(r); kind {
		case planning:
			return onePlan
		case judging:
			return aSuccess
		}
		return work(historyOf(r))
	})
	p := payerOnSQLite(t, up)
	p.source = p.dir + "/isekai.db"
	env := append(p.env[:len(p.env):len(p.env)], append(more, "ISEKAI_LOG_LEVEL=debug")...)
	s := serve(t, p.dir, env)
	return &job{server: s, data: data{t: t, dir: p.dir, env: env}, books: p, up: up}
}

// begin creates the task.
func (j *job) begin(n client.NewTask) {
	j.t.Helper()
	n.Kind = core.KindTask
	d, err := j.CreateTask(j.t.Context(), n, "")
	if err != nil {
		j.t.Fatal(err)
	}
	j.task = d.ID
}

// follow reads the task's events until one is as wanted, or the last, and returns them all. It takes as long as
// the task does, which on a machine under load may be minutes where something is compiled.
func (j *job) follow(wanted func(core.Payload) bool) []core.Event {
	j.t.Helper()
	var all []core.Event
	for e, err := range j.TaskEvents(j.t.Context(), j.task, 0) {
		if err != nil {
			j.t.Fatal(err)
		}
		all = append(all, e)
		p, err := e.Payload()
		if err != nil {
			j.t.Fatal(err)
		}
		if wanted(p) {
			break
		}
	}
	return all
}

// asks waits until the task asks a person whether it may call a tool.
func (j *job) asks(tool string) {
	j.t.Helper()
	var asked bool
	all := j.follow(func(p core.Payload) bool {
		a, ok := p.(core.ApprovalRequested)
		asked = ok && a.Why == core.AskPermission && a.Tool == tool
		return asked
	})
	if !asked {
		j.t.Fatalf("nobody was asked whether it may %s\n%s", tool, told(all))
	}
}

// succeeds waits for the task's end, which has to be a good one, and checks that each of its calls was charged
// once: what was taken is what its events say, and nothing is held.
func (j *job) succeeds() (answer string, events []core.Event) {
	j.t.Helper()
	j.follow(func(core.Payload) bool { return false })
	d, events := j.ended(j.t, j.task), j.story(j.t, j.task)
	if d.Status != core.StatusSucceeded {
		j.t.Fatalf("%s: %+v\n%s", d.Status, d.Error, told(events))
	}
	should, err := costs(events)
	if err != nil {
		j.t.Fatal(err)
	}
	spent := core.Credits(0)
	for _, c := range should {
		spent += c
	}
	until(j.t, func() bool { // the ledger follows the events
		b, err := j.Balance(j.t.Context())
		return err == nil && b == client.Balance{Available: granted - spent, Spent: spent, Granted: granted}
	}, func() string { return "the books don't have what the events say" })
	if diff := cmp.Diff(should, j.consumed(j.t, j.task)); diff != "" || spent == 0 {
		j.t.Errorf("charged otherwise than it says (-says +charged):\n%s", diff)
	}
	j.books.lawful(j.t, "at the end")
	return d.Answer, events
}

// history is what a scripted model is sent of its own work.
type history struct {
	modeltest.Request
	calls []made
}

// made is a call that the model has made, and what came of it.
type made struct {
	Tool      string
	Arguments string
	Output    string
}

func historyOf(r modeltest.Request) history {
	h := history{Request: r}
	at := map[core.CallID]int{}
	for _, m := range r.Messages {
		for _, c := range m.Calls {
			at[c.ID] = len(h.calls)
			h.calls = append(h.calls, made{Tool: c.Tool, Arguments: string(c.Arguments)})
		}
		if i, ok := at[m.CallID]; ok && m.Role == model.Tool {
			h.calls[i].Output = m.Text
		}
	}
	return h
}

// outputs are what the calls of a tool came to, in their order.
func (h history) outputs(tool string) []string {
	var all []string
	for _, c := range h.calls {
		if c.Tool == tool {
			all = append(all, c.Output)
		}
	}
	return all
}

// lost ends a job that isn't as the model's script expects: the answer says what it was.
func lost(why string) modeltest.Answer {
	return modeltest.Answer{Status: 400, Error: "the script doesn't know what to do: " + why}
}

// calls is an answer of one call.
func calls(tool string, args any) modeltest.Answer {
	return modeltest.Answer{Calls: []modeltest.Call{call("", tool, args)}}
}

// settled are the results of the calls of a tool, as the events have them.
func settled(t *testing.T, events []core.Event, tool string) []core.ToolSettled {
	t.Helper()
	of := map[core.CallID]string{}
	var all []core.ToolSettled
	for _, e := range events {
		p, err := e.Payload()
		if err != nil {
			t.Fatal(err)
		}
		switch p := p.(type) {
		case core.ToolRequested:
			of[p.Call.ID] = p.Call.Tool
		case core.ToolSettled:
			if of[p.Call] == tool {
				all = append(all, p)
			}
		}
	}
	return all
}

// asJSON writes a value as it came over the API.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
