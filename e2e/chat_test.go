package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// talking is a model that routes by the first word of a message, and answers by the conversation.
func talking(_ int, r modeltest.Request) modeltest.Answer {
	last := r.Messages[len(r.Messages)-1].Text
	if !strings.Contains(string(r.Schema), `"confidence"`) {
		if strings.Contains(r.Messages[0].Text, "What the person asked for") || r.Schema != nil {
			return noting(0, r)
		}
		switch {
		case strings.Contains(last, "Attached: files/table.csv"):
			return modeltest.Answer{Calls: []modeltest.Call{call("r", "read_file", map[string]string{"path": "files/table.csv"})}}
		case strings.Contains(last, "1,2"):
			return modeltest.Answer{Text: "The table has **1** and 2."}
		case strings.HasPrefix(last, "keep "):
			return modeltest.Answer{Calls: []modeltest.Call{call("k", "remember", map[string]string{"fact": strings.TrimPrefix(last, "keep ")})}}
		case r.Messages[len(r.Messages)-1].Role == model.Tool:
			return modeltest.Answer{Text: "It is " + last}
		}
		var said []string
		for _, m := range r.Messages {
			said = append(said, string(m.Role)+": "+m.Text)
		}
		return modeltest.Answer{Text: "I heard " + strings.Join(said, " / ")}
	}
	route := `{"route":"chat","skill":"","app":"","prompt":"","title":"A small talk","confidence":0.9,"reason":"it is talk"}`
	switch {
	case strings.HasPrefix(last, "note"):
		route = `{"route":"task","skill":"","app":"","prompt":"` + last + `","title":"A note","confidence":0.8,"reason":"it is work"}`
	case strings.HasPrefix(last, "maybe"):
		route = `{"route":"app","skill":"","app":"","prompt":"an app","title":"","confidence":0.2,"reason":"It may be an app."}`
	}
	return modeltest.Answer{Text: route}
}

// A conversation by the command line: an answer, one in the light of what was said, a file, a task,
// and a question where it isn't clear what is wanted; and what the API shows of it.
func TestAConversation(t *testing.T) {
	t.Parallel()
	up := upstream(t, talking)
	s := serve(t, t.TempDir(), append(cleanEnv(), modelEnv(up)...))
	d := data{t: t, dir: s.dir, env: cleanEnv()}

	if out := d.does("chat", "--remember", "hello there"); out != "I heard user: hello there\n" {
		t.Errorf("chat says %q", out)
	}
	if out := d.does("chat", "--continue", "and again"); out != "I heard user: hello there / assistant: I heard user: hello there / user: and again\n" {
		t.Errorf("it goes on with %q", out)
	}
	table := filepath.Join(t.TempDir(), "table.csv")
	if err := os.WriteFile(table, []byte("1,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := d.does("chat", "--continue", "--file", table, "what is in it?"); out != "The table has **1** and 2.\n" {
		t.Errorf("with a file it says %q", out)
	}
	if out := d.does("chat", "--continue", "note this: talked"); out != "noted talked\n" {
		t.Errorf("a task says %q", out)
	}
	d.does("memory", "settings", "--remember", "on")
	if out := d.does("chat", "--continue", "keep tea is green"); !strings.HasPrefix(out, "It is remembered as mem_") {
		t.Errorf("it keeps a fact and says %q", out)
	}
	// Nobody is there to say what is meant.
	r := d.run("chat", "--continue", "maybe something")
	if r.code != 4 || !strings.Contains(r.err, "It may be an app.") {
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.err)
	}

	c := client.New(s.url, s.token, nil)
	ctx, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	found, err := c.Conversations(ctx, "TALKED table", client.PageOptions{})
	if err != nil || len(found.Items) != 1 || found.Items[0].Title != "A small talk" {
		t.Fatalf("found %+v, %v", found, err)
	}
	if none, err := c.Conversations(ctx, "nobody said this", client.PageOptions{}); err != nil || len(none.Items) != 0 {
		t.Errorf("found %+v, %v", none, err)
	}
	talk, err := c.Conversation(ctx, found.Items[0].ID)
	if err != nil || len(talk.Messages) != 11 {
		t.Fatalf("%+v, %v", talk, err)
	}
	asked := talk.Messages[10]
	if _, err := c.ResumeTask(ctx, asked.Task, client.Reply{As: core.AnswerReply, Text: "Answer here"}); err != nil {
		t.Fatal(err)
	}
	for e, err := range c.ConversationEvents(ctx, talk.ID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if p, err := core.Event(e).Payload(); err != nil {
			t.Fatal(err)
		} else if m, ok := p.(core.MessageAdded); ok && m.Parent == asked.ID {
			if !strings.HasPrefix(m.Text.Text, "I heard ") || m.Status != core.StatusSucceeded {
				t.Errorf("answered with %+v", m)
			}
			break
		}
	}
	if kept, err := c.Facts(ctx); err != nil || len(kept) != 1 || kept[0].Source != string(talk.ID) || kept[0].Text != "tea is green" {
		t.Errorf("it remembers %+v, %v", kept, err)
	}
	// Said in other words, it is another branch, which doesn't know the first.
	first := core.MessageID("")
	other, err := c.SendMessage(ctx, talk.ID, client.NewMessage{Parent: &first, Text: "another beginning"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if end := s.ended(t, other.Task); end.Answer != "I heard user: another beginning" {
		t.Errorf("the branch says %q", end.Answer)
	}
	id := string(talk.ID)
	d.does("conversation", "rename", id, "Of notes")
	for _, c := range []struct{ args, has string }{
		{"conversation list talked", "Of notes"}, {"conversation list nobody", "No conversations"}, {"conversation list --json", `"title":"Of notes"`},
		{"conversation show " + id, "- attached: table.csv (4 bytes)"}, {"conversation show " + id, "\nnoted talked\n"}, {"conversation delete " + id, "is deleted"},
	} {
		if out := d.does(strings.Fields(c.args)...); !strings.Contains(out, c.has) {
			t.Errorf("%s says %q, without %q", c.args, out, c.has)
		}
	}
	for args, says := range map[string]string{
		"conversation show " + id: "isekai conversation list", "chat --resume " + id + " x": "there is no conversation", "chat --route skill x": "no skill is named", "chat --file none.txt x": "none.txt",
	} {
		if r := d.run(strings.Fields(args)...); r.code == 0 || !strings.Contains(r.err, says) {
			t.Errorf("%s: exit code %d: %s", args, r.code, r.err)
		}
	}
	if _, err := c.Conversation(ctx, talk.ID); core.CodeOf(err) != core.NotFound {
		t.Errorf("it is still there: %v", err)
	}
	until(t, func() bool { // the list follows
		found, err := c.Conversations(ctx, "talked", client.PageOptions{})
		return err == nil && len(found.Items) == 0
	}, func() string { return "it is still found" })
	until(t, func() bool { // and so does what it had the project remember
		kept, err := c.Facts(ctx)
		return err == nil && len(kept) == 0
	}, func() string { return "what was said in it is still remembered" })
}

// A conversation makes an app by the built-in planner, without any model.
func TestAConversationMakesAnApp(t *testing.T) {
	t.Parallel()
	d := data{t: t, dir: t.TempDir(), env: cleanEnv()}
	out := d.does("chat", "a reading list with title and author")
	if !strings.Contains(out, "version 1 of app_") || !strings.Contains(out, "tests pass") {
		t.Errorf("it says %q", out)
	}
	if a := d.listed(1); a.Versions != 1 {
		t.Errorf("there is %+v", a)
	}
}

// The process is killed while it answers; the next one answers, once, and what was said stays.
func TestATurnSurvivesAKill(t *testing.T) {
	t.Parallel()
	var hung atomic.Bool
	began := make(chan struct{})
	up := upstream(t, func(n int, r modeltest.Request) modeltest.Answer {
		if r.Schema == nil && hung.CompareAndSwap(false, true) {
			close(began)
			return modeltest.Answer{Text: "half of an ans", HangWithin: true}
		}
		return talking(n, r)
	})
	env := append(cleanEnv(), modelEnv(up)...)
	dir := t.TempDir()
	s := serve(t, dir, env)
	ctx, done := context.WithTimeout(t.Context(), 2*time.Minute)
	defer done()
	talk, err := client.New(s.url, s.token, nil).CreateConversation(ctx, client.NewConversation{}, "")
	if err != nil {
		t.Fatal(err)
	}
	sent, err := client.New(s.url, s.token, nil).SendMessage(ctx, talk.ID, client.NewMessage{Text: "hello"}, "once")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-began:
	case <-ctx.Done():
		t.Fatal("nobody asked the model")
	}
	s.kill()

	s = serve(t, dir, env)
	again, err := client.New(s.url, s.token, nil).SendMessage(ctx, talk.ID, client.NewMessage{Text: "hello"}, "once")
	if err != nil || again.ID != sent.ID || again.Task != sent.Task {
		t.Errorf("said again it is %+v, %v", again, err)
	}
	if end := s.ended(t, sent.Task); end.Answer != "I heard user: hello" {
		t.Errorf("it answers %q", end.Answer)
	}
	for {
		now, err := client.New(s.url, s.token, nil).Conversation(ctx, talk.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(now.Messages) == 2 && now.Messages[1].Role == "assistant" && now.Title == "A small talk" {
			break
		}
		if len(now.Messages) > 2 {
			t.Fatalf("there are %+v", now.Messages)
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the answer doesn't come: %+v", now)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
