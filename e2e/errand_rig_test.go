package e2e

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// errands is a scripted model whose tasks take a person, and the service elsewhere that they
// change: it counts how often.
type errands struct {
	t    *testing.T
	up   *modeltest.Upstream
	at   *httptest.Server
	done atomic.Int64
}

func newErrands(t *testing.T) *errands {
	t.Helper()
	e := &errands{t: t}
	e.at = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		e.done.Add(1)
		_, _ = w.Write([]byte("posted"))
	}))
	t.Cleanup(e.at.Close)
	e.up = upstream(t, e.script)
	return e
}

// env is that of an installation whose tasks do errands.
func (e *errands) env() []string {
	return append(cleanEnv("ISEKAI_EGRESS_ALLOW="+hostOf(e.at)), modelEnv(e.up)...)
}

// script goes by the prompt: who is to ask for a colour says which it is told, who is to read says
// what is in the note, and all others write the note, write it otherwise, and post it. It talks, too.
func (e *errands) script(number int, r modeltest.Request) modeltest.Answer {
	kind, n := turnOf(r)
	wish := r.Messages[0].Text
	switch {
	case strings.Contains(string(r.Schema), `"confidence"`), r.Schema == nil && !strings.Contains(wish, "What the person asked for"):
		return talking(number, r)
	case kind == planning:
		return onePlan
	case kind == judging:
		return aSuccess
	case strings.Contains(wish, "which colour"):
		if n == 0 {
			return calls("ask_person", map[string]any{"question": "Which colour?", "choices": []string{"red", "green"}})
		}
	case strings.Contains(wish, "read the note"):
		if n == 0 {
			return calls("read_file", map[string]string{"path": "note.txt"})
		}
	case n == 0:
		return calls("write_file", map[string]string{"path": "note.txt", "content": "the first\n"})
	case n == 1:
		return calls("write_file", map[string]string{"path": "note.txt", "content": "the second\n"})
	case n == 2:
		return calls("http_request", map[string]string{"method": "POST", "url": e.at.URL, "body": "{}"})
	}
	return modeltest.Answer{Text: "I was told: " + r.Last()}
}

// posted fails the test unless so many were.
func (e *errands) posted(want int64) {
	e.t.Helper()
	if n := e.done.Load(); n != want {
		e.t.Errorf("it was posted %d times, want %d", n, want)
	}
}

// waits begins a task and returns it when it waits for a person.
func (s *server) waits(t *testing.T, c *client.Client, prompt string) client.TaskDetail {
	t.Helper()
	d, err := c.CreateTask(t.Context(), client.NewTask{Kind: core.KindTask, Prompt: prompt}, "")
	if err != nil {
		t.Fatal(err)
	}
	until(t, func() bool {
		d, err = c.Task(t.Context(), d.ID)
		return err == nil && (d.Status == core.StatusWaiting || d.Status.Terminal())
	}, func() string { return string(d.Status) })
	if d.Approval == nil {
		t.Fatalf("it asks nobody: %s %+v", d.Status, d.Error)
	}
	return d
}

// by is the command line of who has signed in with a key.
func (s *server) by(t *testing.T, key string) func(args ...string) result {
	t.Helper()
	env := cleanEnv("XDG_CONFIG_HOME=" + t.TempDir())
	login := exec.Command(filepath.Join(bin, "isekai"), "login", s.url, "--key")
	login.Env, login.Stdin = env, strings.NewReader(key+"\n")
	if out, err := login.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return func(args ...string) result { t.Helper(); return isekai(t, env, args...) }
}

// another makes an org of Ann's, with a key that may work on its tasks.
func (s *server) another(t *testing.T, operator *client.Client, ann core.UserID) client.MadeKey {
	t.Helper()
	org, err := operator.CreateOrg(t.Context(), client.NewOrg{Name: "Another", Owner: ann}, "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.as(t, org.ID).CreateKey(t.Context(), client.NewKey{Name: "k", Scopes: []string{"tasks:read", "tasks:write", "approvals:write"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// refusal is a command that has to fail.
type refusal struct {
	name string
	args []string
	exit int
	code core.Code
	says string // in the message
	hint string
}

// refuses has a command line refuse each, for a person and for a program alike.
func refuses(t *testing.T, run func(args ...string) result, all []refusal) {
	t.Helper()
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			r := run(c.args...)
			if r.code != c.exit || !strings.HasPrefix(r.err, "isekai: ") || !strings.Contains(r.err, c.says) || !strings.Contains(r.err, c.hint) {
				t.Errorf("exit code %d and %q, want %d, %q and %q", r.code, r.err, c.exit, c.says, c.hint)
			}
			r = run(append(c.args[:len(c.args):len(c.args)], "--json")...)
			if f := failure(t, r); r.code != c.exit || f.Code != c.code || !strings.Contains(f.Msg, c.says) || !strings.Contains(f.Hint, c.hint) || r.out != "" {
				t.Errorf("exit code %d, %+v and %q, want %d, %s, %q and the hint %q", r.code, f, r.out, c.exit, c.code, c.says, c.hint)
			}
		})
	}
}
