package platform

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// TestANodeTells: of a task's end hear a webhook, who began it, and who follows the live stream,
// through the node as it is: with everything sealed, by the one way out.
func TestANodeTells(t *testing.T) {
	t.Parallel()
	got := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Get("webhook-id") }))
	t.Cleanup(hook.Close)
	in := testInstance(t)
	in.cfg.Webhooks.HTTP = true
	in.cfg.Egress.Allow = strings.TrimPrefix(hook.URL, "http://")
	conn := must(in.Connect(t.Context(), cli.Serving))(t)
	defer conn.Close()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	c := conn.Client
	closed := must(c.AddWebhook(ctx, client.NewWebhook{URL: "http://127.0.0.1:1/"}, ""))(t)
	if a := must(c.TestWebhook(ctx, closed.ID))(t); a.Status != 0 || !strings.Contains(a.Error, "refused") {
		t.Errorf("an address that nobody allowed: %+v", a)
	}
	if err := c.RemoveWebhook(ctx, closed.ID, ""); err != nil {
		t.Fatal(err)
	}
	made := must(c.AddWebhook(ctx, client.NewWebhook{URL: hook.URL, Types: []string{notify.TaskFinished}}, ""))(t)
	before := int64(0)
	task := must(c.CreateTask(ctx, client.NewTask{Kind: core.KindApp, Prompt: "a reading list"}, ""))(t)
	must(c.CancelTask(ctx, task.ID, ""))(t)
	for e, err := range c.Events(ctx, client.EventOptions{Types: []string{"task.finished"}, After: &before}) {
		if err != nil {
			t.Fatal(err)
		}
		p := must(e.Payload())(t) // it was opened
		if f, ok := p.(core.TaskFinished); !ok || e.Stream != task.ID.Stream() || f.Status == "" {
			t.Errorf("%+v", e)
		}
		break
	}
	var id string
	select {
	case id = <-got:
	case <-ctx.Done():
		t.Fatal("the webhook hears nothing")
	}
	list := must(c.Notifications(ctx, true, client.PageOptions{}))(t)
	if len(list.Items) != 1 || list.Items[0].Task != task.ID || list.Items[0].ID != id {
		t.Errorf("%+v, and the message was %s", list.Items, id)
	}
	for {
		sent := must(c.Deliveries(ctx, made.ID, "", client.PageOptions{}))(t)
		if len(sent.Items) == 1 && sent.Items[0].State == "delivered" {
			break
		}
		if len(sent.Items) != 1 {
			t.Fatalf("%+v", sent.Items)
		}
	}
}

// TestDueCredentialsAreToldOnce, however often they are looked for.
func TestDueCredentialsAreToldOnce(t *testing.T) {
	t.Parallel()
	n := openNode(t, testInstance(t))
	ctx := t.Context()
	scope := core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_a"}}
	if _, err := n.tasks.Create(ctx, scope, agent.NewTask{Kind: core.KindApp, Prompt: "a shelf", Model: agent.Blueprint}); err != nil { // the org has keys then
		t.Fatal(err)
	}
	before := must(n.store.Head(ctx, core.DefaultOrg))(t)
	due := func(context.Context, core.OrgID) ([]credential.Credential, error) {
		return []credential.Credential{{ID: "crd_a", Name: "deploy", Version: 3, Due: time.Now()}}, nil
	}
	for range 3 {
		if err := n.raiseDue(ctx, due); err != nil {
			t.Fatal(err)
		}
	}
	raised := 0
	for _, e := range must(n.store.ReadOrg(ctx, core.DefaultOrg, before, 100))(t) {
		if p, ok := must(e.Payload())(t).(core.NoticeRaised); ok {
			raised++
			if p.Type != notify.CredentialDue || p.Subject != "deploy" || p.User != "" {
				t.Errorf("%+v", p)
			}
		}
	}
	if raised != 1 {
		t.Errorf("it was told %d times", raised)
	}
}

// TestApprovalsAreTheAgents: what a task asks is asked while it waits for it, in its own project,
// and is answered once.
func TestApprovalsAreTheAgents(t *testing.T) {
	t.Parallel()
	n := openNode(t, testInstance(t))
	ctx := t.Context()
	scope := core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_a"}}
	var events []store.NewEvent
	for _, p := range []core.Payload{
		core.TaskCreated{Kind: core.KindTask, Prompt: "x", Model: "m"}, core.TaskPlanned{Plan: core.Plan{Title: "A list", Steps: []core.Step{{Title: "s"}}}},
		core.StepStarted{Attempt: 1}, core.ToolRequested{Call: core.CallContent{ID: "cal_a", Tool: "once"}, Effect: core.Once}, core.ApprovalRequested{Call: "cal_a", Question: "Did it?"},
	} {
		events = append(events, store.NewEvent{ID: core.EventID(core.NewID("evt")), Type: p.EventType(), Data: must(core.EncodePayload(p))(t)})
	}
	must(n.store.Append(ctx, scope, store.Append{Stream: "tsk_a", Events: events}))(t)
	a := approvals{n.tasks}
	asked, err := a.Asked(ctx, scope, "tsk_a", "cal_a")
	if err != nil || asked.Title != "A list" || asked.Question != "Did it?" || len(asked.Choices) != 3 {
		t.Errorf("%+v, %v", asked, err)
	}
	elsewhere := scope
	elsewhere.Project = "prj_b"
	for what, c := range map[string]struct {
		scope core.Scope
		call  core.CallID
		want  core.Code
	}{"another project": {elsewhere, "cal_a", core.NotFound}, "another call": {scope, "cal_b", core.Conflict}} {
		if err := a.Answer(ctx, c.scope, "tsk_a", c.call, core.AnswerDone); core.CodeOf(err) != c.want {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := a.Answer(ctx, scope, "tsk_a", "cal_a", core.AnswerDone); err != nil {
		t.Fatal(err)
	}
	if err := a.Answer(ctx, scope, "tsk_a", "cal_a", core.AnswerRepeat); core.CodeOf(err) != core.Conflict {
		t.Errorf("a second answer: %v", err)
	}
}
