package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/tool/gitdir/gitdirtest"
)

// neighbours is a town with two orgs, of which each has one of everything.
type neighbours struct {
	*town
	ben  *client.Client // the other org's owner
	org  core.OrgID     // the other one
	ids  map[string]string
	ours map[string]string

	provider *upstream // of both orgs' provider
}

func newNeighbours(t *testing.T) *neighbours {
	t.Helper()
	n := &neighbours{town: newTown(t), provider: newUpstream(t, answerAll)}
	n.org, n.ben = n.otherOrg("ben")
	n.ids, n.ours = n.furnish(n.ben, "ben", "theirs"), n.furnish(n.olga, "olga", "ours")
	for _, org := range []core.OrgID{n.org, core.DefaultOrg} {
		if _, err := agent.NewProjector(n.store).CatchUp(t.Context(), org, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := app.NewProjector(n.store).CatchUp(t.Context(), org, 0); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// furnish gives an org one of everything, and returns the ids by the names that they have
// in paths.
func (n *neighbours) furnish(c *client.Client, who, name string) map[string]string {
	n.t.Helper()
	ctx := n.t.Context()
	me := n.me(c)
	task := must(c.CreateTask(ctx, client.NewTask{Kind: core.KindApp, Prompt: "a shelf of " + name}, ""))(n.t)
	project := must(c.CreateProject(ctx, "of "+name, ""))(n.t)
	key := must(c.CreateKey(ctx, client.NewKey{Name: name, Scopes: []string{"tasks:read"}}, ""))(n.t)
	sessions := must(c.Sessions(ctx))(n.t)
	must(c.PutSecret(ctx, name, true, client.NewSecret{Kind: "token", Value: "s"}, ""))(n.t)
	service := must(c.CreateService(ctx, client.NewService{Name: name, Place: client.Place{Role: core.Viewer}}, ""))(n.t)
	must(c.Invite(ctx, client.NewInvitation{Email: name + "@example.com", Place: client.Place{Role: core.Viewer}}, ""))(n.t)
	invited := must(c.Invitations(ctx, client.PageOptions{}))(n.t)
	watched := must(c.CreateWatch(ctx, client.NewWatch{Name: "of " + name, URL: "https://example.com/"}, ""))(n.t)
	talk := must(c.CreateConversation(ctx, client.NewConversation{Title: "a talk of " + name}, ""))(n.t)
	said := must(c.SendMessage(ctx, talk.ID, client.NewMessage{Text: "a word of " + name, Files: []client.NewFile{{Name: "a", Content: []byte("a file of " + name)}}}, ""))(n.t)
	canary := must(c.CreateCanary(ctx, client.NewCanary{Name: name}, ""))(n.t)
	must(c.PutModelProvider(ctx, false, name, client.NewModelProvider{
		Kind: "openai-compatible", Address: n.provider.URL + "/v1", Note: "of " + name, Headers: map[string]string{"X-Of": name},
		Models: []client.ProviderModel{{Name: "model-of-" + name}}, Speaks: []string{"chat", "responses", "messages", "embeddings", "count_tokens", "compact"},
	}, ""))(n.t)
	must(c.AddSkill(ctx, client.NewSkill{Archive: skillOf(n.t, name)}, ""))(n.t)
	must(c.PutMCPServer(ctx, name, client.NewMCPServer{Transport: "http", Address: newPeer(n.t), Note: "of " + name}, ""))(n.t)
	n.prompt(me.Org, "prm_"+name)
	stored := n.do("POST", "/v1/chat/completions", `{"model":"model-of-`+name+`","messages":[{"role":"user","content":"x"}],"stream":true,"store":true}`, "Authorization", "Bearer "+n.access(who))
	if stored.status != 200 || stored.header.Get("Isekai-Answer") == "" {
		n.t.Fatalf("%d %s", stored.status, stored.body)
	}
	document := must(c.AddDocument(ctx, client.NewDocument{Source: "a.txt", Text: "a document of " + name}, ""))(n.t)
	must(c.SetMemorySettings(ctx, client.MemorySettings{Remember: true}, ""))(n.t)
	fact := must(c.Remember(ctx, client.NewFact{Text: "a fact of " + name}, ""))(n.t)
	n.publishFor(core.Scope{Org: me.Org, Project: core.DefaultProject, Actor: me.Actor}, core.AppID("app_"+name))
	hook := must(c.AddWebhook(ctx, client.NewWebhook{URL: "http://127.0.0.1:1/of-" + name}, ""))(n.t)
	must(c.TestWebhook(ctx, hook.ID))(n.t)
	sent := must(c.Deliveries(ctx, hook.ID, "", client.PageOptions{}))(n.t)
	forge := gitdirtest.HTTP(n.t, gitdirtest.Upstream(n.t, map[string]string{"a": "a shelf of theirs"}))
	must(c.AddRepository(n.t.Context(), client.NewRepository{Name: name, URL: forge.URL + "/team/project.git", Credential: "forge"}))(n.t)
	return map[string]string{
		"webhook": hook.ID, "message": sent.Items[0].ID, "notification": "msg_" + name, "type": notify.TaskFinished,
		"task": string(task.ID), "app": "app_" + name, "project": string(project.ID), "key": string(key.ID), "session": sessions[0].ID,
		"secret": name, "user": string(me.User), "org": string(me.Org), "version": "1", "file": "0", "path": "app.py", "service": string(service.ID),
		"invitation": invited.Items[0].ID, "canary": canary.ID, "watch": watched.ID, "conversation": string(talk.ID), "msg": string(said.ID), "provider": name, "model": "model-of-" + name, "prompt": "prm_" + name, "skill": name, "server": name, "repository": name, "document": document.ID, "memory": fact.ID, "answer": stored.header.Get("Isekai-Answer"), "follow": "task:" + string(task.ID),
	}
}

// elsewhere are routes that take another's id for what it isn't: the name of one's own.
var elsewhere = map[string]bool{"put-secret": true, "put-model-provider": true, "put-mcp-server": true, "set-notification-choice": true}

// TestAnotherOrgsIDsAreNotFound, whatever is asked about them.
func TestAnotherOrgsIDsAreNotFound(t *testing.T) {
	t.Parallel()
	n := newNeighbours(t)
	d := n.document()
	access := n.access("olga")
	bodies := map[string]string{ // that name things of others
		"put-mcp-files": `{"format":"zip","archive":"AAAA"}`,
		"enter-org":     `{"org":"` + n.ids["org"] + `"}`,
		"create-key":    `{"name":"k","scopes":["tasks:read"],"service":"` + n.ids["service"] + `"}`,
	}
	for _, op := range modelOps {
		bodies["model-"+string(op)] = asking(op, n.ids["model"])
	}
	asked := 0
	for _, o := range d.routes {
		if o.open() || strings.HasPrefix(string(o.Action), "operate") || elsewhere[o.ID] {
			continue
		}
		body, named := bodies[o.ID]
		if !named {
			body = d.body(o)
		}
		if o.path != "" && !strings.Contains(o.path, "{") && !named {
			continue
		}
		asked++
		a := n.do(o.method, o.named(n.ids), body, "Authorization", "Bearer "+access)
		if a.status != 404 || a.problem.Code != core.NotFound {
			t.Errorf("%s %s: %d %s", o.ID, o.named(n.ids), a.status, a.body)
		}
		for _, secret := range []string{"a shelf of theirs", "of theirs"} {
			if strings.Contains(a.body, secret) {
				t.Errorf("%s tells: %s", o.ID, a.body)
			}
		}
	}
	if asked < 30 {
		t.Errorf("only %d routes were asked", asked)
	}
	if me := n.me(n.ben); me.Role != core.Owner || len(must(n.ben.Sessions(t.Context()))(t)) == 0 {
		t.Errorf("something has happened to the other: %+v", me)
	}
}

// TestOnesOwnIDsAreFound, so that the other test asks in the right way.
func TestOnesOwnIDsAreFound(t *testing.T) {
	t.Parallel()
	n := newNeighbours(t)
	d := n.document()
	access := n.access("olga")
	withMore := map[string]bool{"task-events": true, "diff-versions": true, "diff-tasks": true, "export-task": true, "conversation-events": true} // an end, two versions, another task, files
	for _, o := range d.routes {
		if o.method != "GET" || o.open() || strings.HasPrefix(string(o.Action), "operate") || !strings.Contains(o.path, "{") || strings.HasSuffix(o.path, "/stream") || withMore[o.ID] {
			continue
		}
		if a := n.do(o.method, o.named(n.ours), "", "Authorization", "Bearer "+access); a.status != 200 {
			t.Errorf("%s %s: %d %s", o.ID, o.named(n.ours), a.status, a.body)
		}
	}
}

// TestNothingButTheCredentialNamesAnOrg: no header, no parameter and no field of a body.
func TestNothingButTheCredentialNamesAnOrg(t *testing.T) {
	t.Parallel()
	n := newNeighbours(t)
	d := n.document()
	access := n.access("olga")
	headers := []string{
		"Authorization", "Bearer " + access, "X-Org-Id", n.ids["org"], "X-Org", n.ids["org"], "X-Organization-Id", n.ids["org"], "X-Tenant-Id", n.ids["org"],
		"X-User-Id", n.ids["user"], "X-User", n.ids["user"], "X-Remote-User", n.ids["user"], "X-Forwarded-User", n.ids["user"], "X-Auth-Request-User", n.ids["user"],
		"Isekai-Org", n.ids["org"], "X-Isekai-Org", n.ids["org"], "Org", n.ids["org"],
	}
	lists := 0
	n.provider.forget()
	for _, o := range d.routes {
		if o.open() || strings.HasPrefix(string(o.Action), "operate") {
			continue
		}
		if o.method == "GET" && !strings.Contains(o.path, "{") && o.ID != "list-events" && o.ID != "follow-live" { // which have no end: feed_test.go and live_tenant_test.go look at them
			lists++
			a := n.do("GET", o.named(nil), "", headers...)
			if a.status != 200 || strings.Contains(a.body, n.ids["task"]) || strings.Contains(a.body, n.ids["project"]) || strings.Contains(a.body, "theirs") || strings.Contains(a.body, "ben@") {
				t.Errorf("%s: %d %s", o.ID, a.status, a.body)
			}
		}
		path := o.named(n.ours)
		if o.Dialect != "" { // what isn't known of a query or a body is passed over, or on: it is done, as it is without
			body := ""
			if o.Body != nil {
				body = strings.Replace(asking(dialect.Operation(strings.TrimPrefix(o.ID, "model-")), n.ours["model"]), "{", fmt.Sprintf(`{"org":%q,"org_id":%[1]q,"tenant":%[1]q,"actor":%[1]q,`, n.ids["org"]), 1)
			}
			for _, name := range []string{"org", "org_id", "tenant", "user", "user_id"} {
				if a := n.do(o.method, path+"?"+name+"="+n.ids["org"], body, headers...); a.status != 200 || strings.Contains(a.body, "theirs") {
					t.Errorf("%s with %s: %d %s", o.ID, name, a.status, a.body)
				}
			}
			continue
		}
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		for _, name := range []string{"org", "org_id", "tenant", "user", "user_id"} {
			takes := false
			for _, p := range o.Parameters {
				takes = takes || p.Name == name && p.In == "query"
			}
			if a := n.do(o.method, path+sep+name+"="+n.ids["org"], d.body(o), headers...); !takes && a.status != 422 {
				t.Errorf("%s takes %s in its query: %d %s", o.ID, name, a.status, a.body)
			}
		}
		if o.Body == nil || o.ID == "enter-org" {
			continue
		}
		var body map[string]any
		if err := json.Unmarshal([]byte(d.body(o)), &body); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"org", "org_id", "tenant", "user_id", "actor"} {
			body[name] = n.ids["org"]
		}
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		if a := n.do(o.method, path, string(b), headers...); a.status != 422 {
			t.Errorf("%s takes an org in its body: %d %s", o.ID, a.status, a.body)
		}
	}
	if lists < 15 {
		t.Errorf("only %d lists were read", lists)
	}
	if of := n.provider.seen("X-Of"); len(of) != len(modelOps)*5 || strings.Trim(strings.Join(of, ""), "ours") != "" {
		t.Errorf("calls went to providers of %q", of)
	}
	mine := must(n.olga.Tasks(t.Context(), client.ListOptions{Kind: "app"}))(t)
	if len(mine.Items) != 1 {
		t.Errorf("tasks: %+v", mine.Items)
	}
}

// TestTheProjectOfARequestIsTheOrgs: another's isn't found, by whatever route.
func TestTheProjectOfARequestIsTheOrgs(t *testing.T) {
	t.Parallel()
	n := newNeighbours(t)
	access := n.access("olga")
	for _, o := range n.document().routes {
		if o.open() {
			continue
		}
		for _, project := range []string{n.ids["project"], "prj_none", "x' OR '1'='1", "../" + n.ours["project"]} {
			if a := n.do(o.method, o.unwanted(), "", "Authorization", "Bearer "+access, "Isekai-Project", project); a.status != 404 {
				t.Errorf("%s of %s: %d %s", o.ID, project, a.status, a.body)
			}
		}
	}
	for project, tasks := range map[string]int{n.ours["project"]: 0, "": 1} {
		a := n.do("GET", "/v1/tasks?kind=app", "", "Authorization", "Bearer "+access, "Isekai-Project", project)
		if a.status != 200 || strings.Count(a.body, `"id":"tsk_`) != tasks {
			t.Errorf("the tasks of %q: %d %s", project, a.status, a.body)
		}
	}
}

// TestAStreamIsItsOwnersAlone: at every attach and every resume, by any of its places.
func TestAStreamIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	n := newNeighbours(t)
	access := n.access("olga")
	for _, path := range []string{"/v1/tasks/" + n.ids["task"] + "/events", "/v1/apps/" + n.ids["app"] + "/logs/stream"} {
		for _, after := range []string{"", "0", "1", "9223372036854775807"} {
			a := n.do("GET", path, "", "Authorization", "Bearer "+access, "Last-Event-ID", after, "Accept", "text/event-stream")
			if a.status != 404 || strings.Contains(a.body, "a shelf") {
				t.Errorf("%s after %q: %d %s", path, after, a.status, a.body)
			}
		}
	}
}
