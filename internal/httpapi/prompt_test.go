package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
)

// marker is what is said, and is to be nowhere.
const marker = "MARKER-of-what-was-said"

const saying = `{"model":"m","messages":[{"role":"user","content":"` + marker + `"}],"max_tokens":9}`

// prompt has the org keep a call.
func (w *town) prompt(org core.OrgID, id string) {
	w.t.Helper()
	err := w.store.Write(w.t.Context(), org, putPrompt(id))
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestPrompts(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	if _, err := o.models.SetSettings(ctx, core.DefaultOrg, catalog.Settings{PromptDays: 2}, 0); err != nil {
		t.Fatal(err)
	}
	olga := o.access("olga")
	for n := range 3 {
		if n == 2 {
			o.says("application/json", http.StatusInternalServerError, `{"error":{"message":"out of order"}}`)
		}
		a := o.call(olga, strings.Replace(saying, marker, fmt.Sprint(marker, n), 1))
		if (a.status == 200) != (n < 2) {
			t.Fatalf("the call: %d %s", a.status, a.body)
		}
	}
	first := must(o.olga.Prompts(ctx, client.PageOptions{Limit: 2}))(t)
	if len(first.Items) != 2 || first.Next == "" || first.Items[0].Outcome != "failed" || first.Items[1].Outcome != "ok" || first.Items[1].Provider != "p" || first.Items[1].Call != "chat" {
		t.Fatalf("the first page is %+v", first)
	}
	rest := must(o.olga.Prompts(ctx, client.PageOptions{Limit: 2, Cursor: first.Next}))(t)
	if len(rest.Items) != 1 || rest.Next != "" {
		t.Fatalf("the rest is %+v", rest)
	}
	oldest := must(o.olga.Prompt(ctx, rest.Items[0].ID))(t)
	if !strings.Contains(oldest.Request, marker+"0") || oldest.Answer != helloAnswer || oldest.Expires.Sub(oldest.At).Round(time.Second) != 48*time.Hour || oldest.Actor.Kind != core.ActorUser {
		t.Errorf("the oldest is %+v", oldest)
	}

	ann := o.person(o.olga, "ann", client.Place{Role: core.Member})
	_, err := ann.Prompts(ctx, client.PageOptions{})
	refused(t, "a member lists", err, core.Denied)
	_, err = ann.Prompt(ctx, oldest.ID)
	refused(t, "a member reads", err, core.Denied)
	key := must(o.olga.CreateKey(ctx, client.NewKey{Name: "all", Scopes: keyScopes()}, ""))(t)
	_, err = o.as(key.Text).Prompt(ctx, oldest.ID)
	refused(t, "a key reads", err, core.Denied)
	_, paul := o.otherOrg("paul")
	_, err = paul.Prompt(ctx, oldest.ID)
	refused(t, "another org reads", err, core.NotFound)
	if page := must(paul.Prompts(ctx, client.PageOptions{}))(t); len(page.Items) != 0 {
		t.Errorf("another org has %+v", page)
	}

	if err := o.olga.DeletePrompt(ctx, oldest.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, "one that is gone", o.olga.DeletePrompt(ctx, oldest.ID), core.NotFound)
	if err := o.olga.DeletePrompts(ctx); err != nil {
		t.Fatal(err)
	}
	if page := must(o.olga.Prompts(ctx, client.PageOptions{}))(t); len(page.Items) != 0 {
		t.Errorf("left: %+v", page)
	}
	page := must(o.audit.List(ctx, core.DefaultOrg, auditlog.Query{Action: "prompt.", Limit: 50}))(t)
	var told []string
	for _, e := range page.Entries {
		told = append(told, e.Action+" "+e.Target+" "+e.Detail["prompts"])
	}
	want := "prompt.list  0, prompt.delete  2, prompt.delete " + oldest.ID + " , prompt.read " + oldest.ID + " , prompt.list  1, prompt.list  2"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("recorded: %s\nwant %s", got, want)
	}
	if strings.Contains(o.all.String(), marker) {
		t.Errorf("the log has what was said: %s", o.all)
	}
}

// Whether prompts are kept is recorded when it changes.
func TestThatPromptsAreKeptIsRecorded(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	on := must(o.olga.SetModelSettings(t.Context(), client.ModelSettings{PromptDays: 2}, ""))(t)
	must(o.olga.SetModelSettings(t.Context(), client.ModelSettings{}, on.ETag))(t)
	page := must(o.audit.List(t.Context(), core.DefaultOrg, auditlog.Query{Action: "model.settings", Limit: 50}))(t)
	if len(page.Entries) != 2 || page.Entries[0].Detail["prompt_days"] != "0" || page.Entries[1].Detail["prompt_days"] != "2" {
		t.Errorf("that prompts are kept, and aren't, is recorded as %+v", page.Entries)
	}
}

// What is said is in no log, no event and no error's log, whatever becomes of the call.
func TestNothingSaidIsLogged(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	olga := o.access("olga")
	stream := func(rest string) string {
		return `data: {"id":"c","choices":[{"index":0,"delta":{"content":"` + marker + `"}}]}` + "\n\n" + rest
	}
	for what, c := range map[string]struct {
		media, said string
		status      int
		shown       bool // to the caller
	}{
		"an answer":                      {"application/json", strings.Replace(helloAnswer, "Hello.", marker, 1), 200, true},
		"an echo in an error":            {"application/json", `{"error":{"message":"I don't like ` + marker + `","type":"invalid_request_error"}}`, 400, true},
		"an echo in a refusal":           {"application/json", `{"error":{"message":"` + marker + `"}}`, 401, false},
		"an echo in a failure":           {"application/json", `{"error":{"message":"` + marker + `"}}`, 500, false},
		"an echo in a rate limit":        {"application/json", `{"error":{"message":"` + marker + `"}}`, 429, false},
		"an echo in what isn't an API's": {"text/html", "<p>" + marker, 200, false},
		"an error in an answer":          {"application/json", `{"error":{"message":"` + marker + `","code":400}}`, 200, true},
		"half an answer":                 {"application/json", `{"id":"` + marker, 200, false},
	} {
		o.says(c.media, c.status, c.said)
		a := o.call(olga, saying)
		if strings.Contains(a.body, marker) != c.shown {
			t.Errorf("%s: the caller sees %d %s", what, a.status, a.body)
		}
	}
	for what, said := range map[string]string{
		"a stream":            stream("data: [DONE]\n\n"),
		"a stream cut off":    stream(""),
		"an error in it":      stream(`data: {"error":{"message":"` + marker + ` is too much","code":400}}` + "\n\n"),
		"nonsense in it":      stream("data: {" + marker + "\n\n"),
		"a stream of nothing": "data: " + marker + "\n\n",
	} {
		o.says("text/event-stream", 200, said)
		a := o.call(olga, strings.Replace(saying, `"model"`, `"stream":true,"model"`, 1))
		if strings.Contains(a.body, marker) == (what == "a stream of nothing") {
			t.Errorf("%s: the caller sees %d %s", what, a.status, a.body)
		}
	}
	for what, body := range map[string]string{
		"not JSON": `{"model":"` + marker, "a model that isn't": `{"model":"` + marker + `","messages":[]}`, "a wrong member": `{"model":"m","max_tokens":"` + marker + `"}`,
	} {
		if a := o.call(olga, body); a.status/100 != 4 {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	if said := o.all.String(); strings.Contains(said, marker) {
		t.Errorf("the log has what was said:\n%s", said)
	}
	events := must(o.store.ReadOrg(t.Context(), core.DefaultOrg, 0, 1000))(t)
	for _, e := range events {
		if strings.Contains(fmt.Sprintf("%s %+v", e.Data, e), marker) {
			t.Errorf("an event has what was said: %+v", e)
		}
	}
	if page := must(o.olga.Prompts(t.Context(), client.PageOptions{}))(t); len(page.Items) != 0 {
		t.Errorf("kept without being asked for: %+v", page)
	}
}
