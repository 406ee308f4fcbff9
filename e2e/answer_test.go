package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// What a task asks is answered at the terminal where it runs: what is no answer is asked again,
// and one who leaves can answer later.
func TestAnswersAtATerminal(t *testing.T) {
	t.Parallel()
	e := newErrands(t)
	d := data{t: t, dir: t.TempDir(), env: e.env()}

	x := d.terminal("task", "run", "post the note")
	x.says("May the task call http_request: POST " + e.at.URL + "?")
	x.says("y: yes, a: always in this task, n: no: ")
	x.types("perhaps\r")
	x.says("y: yes, a: always in this task, n: no: ")
	e.posted(0)
	x.types("n\r")
	x.says("I was told: The call failed: A person didn't allow this call. Go on without it.")
	x.ends(0)
	e.posted(0)

	x = d.terminal("task", "run", "post the note")
	x.says("n: no: ")
	x.types("Y\r")
	x.says("posted")
	x.ends(0)
	e.posted(1)

	x = d.terminal("task", "run", "ask which colour it is")
	x.says("Which colour?")
	x.says("2  green")
	x.types("blue\r")
	x.says("Your answer, or - for none: ")
	x.types("3\r")
	x.says("Your answer, or - for none: ")
	x.types("2\r")
	x.says("I was told: The person says: green")
	x.ends(0)

	x = d.terminal("task", "run", "ask which colour it is")
	x.says("Your answer, or - for none: ")
	x.types("-\r")
	x.says("I was told: The person gives no answer.")
	x.ends(0)

	x = d.terminal("task", "run", "post the note")
	x.says("n: no: ")
	id := string(d.tasks()[0].ID)
	x.types("\x03")
	x.says("isekai task resume " + id)
	x.ends(130)
	if now := d.tasks()[0]; now.Status != core.StatusWaiting {
		t.Errorf("after Ctrl-C it is %s", now.Status)
	}
	x = d.terminal("task", "resume", id)
	x.says("n: no: ")
	x.types("yes\r")
	x.says("posted")
	x.ends(0)
	e.posted(2)
}

// What a task asks is answered by a command, by who may, with what is an answer to it, and once.
func TestAnswersByCommand(t *testing.T) {
	t.Parallel()
	e := newErrands(t)
	s := serve(t, t.TempDir(), e.env())
	d := data{t: t, dir: s.dir, env: cleanEnv()}

	// Nobody is there to ask: the command says how to answer.
	r := d.run("task", "run", "post the note")
	asks := string(d.tasks()[0].ID)
	if r.code != 4 || !strings.Contains(r.err, "isekai task resume "+asks+" --as allow|deny") {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
	if out := d.does("task", "show", asks); !strings.Contains(out, "waiting") || !strings.Contains(out, "--as allow|deny") {
		t.Errorf("task show says %s", out)
	}
	colour := string(s.waits(t, s.Client, "ask which colour it is").ID)
	e.posted(0)
	refuses(t, d.run, []refusal{
		{"no answer", []string{"task", "resume", asks}, 2, core.Invalid, "http_request", "--as allow"},
		{"a word that is none", []string{"task", "resume", asks, "--as", "perhaps"}, 2, core.Invalid, "", ""},
		{"an answer to something else", []string{"task", "resume", asks, "--as", "done"}, 2, core.Invalid, "http_request", "--as allow"},
		{"a reply to what is no question", []string{"task", "resume", asks, "--as", "reply", "--text", "yes"}, 2, core.Invalid, "http_request", "--as allow"},
		{"always denied", []string{"task", "resume", asks, "--as", "deny", "--always"}, 2, core.Invalid, "always", ""},
		{"an empty reply", []string{"task", "resume", colour, "--as", "reply"}, 2, core.Invalid, "empty", "--text"},
		{"none of the choices", []string{"task", "resume", colour, "--as", "reply", "--text", "blue"}, 2, core.Invalid, "choices", "red, green"},
		{"a question isn't allowed", []string{"task", "resume", colour, "--as", "allow"}, 2, core.Invalid, "Which colour?", "--as reply"},
		{"an unknown task", []string{"task", "resume", "tsk_nothing", "--as", "allow"}, 3, core.NotFound, "tsk_nothing", "isekai task list"},
		{"no task", []string{"task", "resume"}, 2, core.Invalid, "name one task", "isekai task list"},
	})

	// Someone else's are nobody's to answer.
	ann, operator := s.first(t)
	bob := s.by(t, s.another(t, operator, ann).Text)
	refuses(t, bob, []refusal{
		{"another org's", []string{"task", "resume", asks, "--as", "allow"}, 3, core.NotFound, asks, "isekai task list"},
		{"another org's question", []string{"task", "resume", colour, "--as", "reply", "--text", "red"}, 3, core.NotFound, colour, "isekai task list"},
	})
	only, err := s.as(t, core.DefaultOrg).CreateKey(t.Context(), client.NewKey{Name: "k", Scopes: []string{"tasks:read", "tasks:write"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	refuses(t, s.by(t, only.Text), []refusal{{"without the scope", []string{"task", "resume", asks, "--as", "allow"}, 5, core.Denied, "", "approvals:write"}})
	e.posted(0)

	if out := d.does("task", "resume", asks, "--as", "allow", "--text", "go on"); !strings.Contains(out, "answered   allow: go on") || !strings.Contains(out, "posted") {
		t.Errorf("it goes on with %s", out)
	}
	e.posted(1)
	if out := d.does("task", "resume", colour, "--as", "reply", "--text", "red"); !strings.Contains(out, "I was told: The person says: red") {
		t.Errorf("it goes on with %s", out)
	}
	refuses(t, d.run, []refusal{
		{"a second answer", []string{"task", "resume", asks, "--as", "deny"}, 4, core.Conflict, "doesn't wait for an answer", "isekai task show"},
		{"a question that was answered", []string{"task", "resume", colour, "--as", "reply", "--text", "green"}, 4, core.Conflict, "doesn't wait for an answer", "isekai task show"},
	})
	if out := d.does("task", "resume", asks); !strings.Contains(out, "posted") { // without an answer, it is looked at to its end
		t.Errorf("resumed when it is over it says %s", out)
	}

	denied := string(s.waits(t, s.Client, "post the note").ID)
	out := d.does("task", "resume", denied, "--as", "deny", "--text", "not on a Friday", "--json")
	var last lastLine
	all := strings.Split(strings.TrimSpace(out), "\n")
	if err := json.Unmarshal([]byte(all[len(all)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if last.Type != "result" || last.Task.Status != core.StatusSucceeded || !strings.Contains(last.Task.Answer, "didn't allow this call, and says: not on a Friday") {
		t.Errorf("denied, it ends with %+v", last.Task)
	}
	e.posted(1)
}

// What a task asks is answered by the link of an e-mail, by nothing but what it says, and once.
func TestAnswersByLink(t *testing.T) {
	t.Parallel()
	e := newErrands(t)
	mail := newMailbox(t)
	s := serve(t, t.TempDir(), append(e.env(), mail.env()...))
	_, _ = s.first(t)
	ann := s.as(t, core.DefaultOrg)
	for i, c := range []struct {
		answer, other string
		says          string
		posted        int64
	}{
		{"allow", "deny", "posted", 1},
		{"deny", "allow", "A person didn't allow this call.", 1},
	} {
		asks := s.waits(t, ann, "post the note")
		link := strings.TrimPrefix(mail.link(i), s.url)
		if r := s.ask(t, "GET", link, nil); r.status != http.StatusOK || r.json["task"] != string(asks.ID) || !strings.Contains(r.text, "http_request") {
			t.Fatalf("the link shows %d %s", r.status, r.text)
		}
		s.ask(t, "POST", link+"/repeat", nil).refused(t, http.StatusUnprocessableEntity, core.Invalid)
		s.ask(t, "POST", link[:len(link)-4]+"AAAA/"+c.answer, nil).refused(t, http.StatusUnauthorized, core.Unauthenticated)
		if now, err := ann.Task(t.Context(), asks.ID); err != nil || now.Status != core.StatusWaiting {
			t.Fatalf("a look, or what is no answer, has answered: %+v, %v", now, err)
		}
		if r := s.ask(t, "POST", link+"/"+c.answer, nil); r.status != http.StatusOK || r.json["given"] != c.answer {
			t.Fatalf("the link answers %d %s", r.status, r.text)
		}
		d := (&server{Client: ann}).ended(t, asks.ID)
		if d.Status != core.StatusSucceeded || !strings.Contains(d.Answer, c.says) {
			t.Errorf("it ends with %s %+v", d.Answer, d.Error)
		}
		s.ask(t, "POST", link+"/"+c.other, nil).refused(t, http.StatusConflict, core.Conflict)
		e.posted(c.posted)
	}
}
