package e2e

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// terminal is a program at a terminal of its own.
type terminal struct {
	t    *testing.T
	at   *os.File
	seen *coretest.Output
	read int // of seen, by says
	done chan error
}

func (d data) terminal(args ...string) *terminal {
	d.t.Helper()
	c := exec.Command(filepath.Join(bin, "isekai"), append(args, "--data-dir", d.dir)...)
	c.Env = append(d.env[:len(d.env):len(d.env)], "TERM=xterm-256color")
	at, err := pty.StartWithSize(c, &pty.Winsize{Rows: 40, Cols: 80})
	if err != nil {
		d.t.Fatal(err)
	}
	x := &terminal{t: d.t, at: at, seen: &coretest.Output{}, done: make(chan error, 1)}
	go func() {
		_, _ = io.Copy(x.seen, at) // ends with the program
		x.done <- c.Wait()
	}()
	d.t.Cleanup(func() { _ = c.Process.Kill(); _ = at.Close() })
	return x
}

// types sends keys.
func (x *terminal) types(keys string) {
	x.t.Helper()
	if _, err := io.WriteString(x.at, keys); err != nil {
		x.t.Fatal(err)
	}
}

var styles = regexp.MustCompile("\x1b\\[[0-9;?]*[a-zA-Z]")

// says waits until the program has shown a text, after what was waited for before.
func (x *terminal) says(text string) {
	x.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		all := styles.ReplaceAllString(x.seen.String(), "")
		if i := strings.Index(all[min(x.read, len(all)):], text); i >= 0 {
			x.read += i + len(text)
			return
		}
		if time.Now().After(deadline) {
			x.t.Fatalf("it doesn't say %q, but %q", text, all)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// ends waits for the end of the program, which has to have an exit code.
func (x *terminal) ends(code int) {
	x.t.Helper()
	select {
	case err := <-x.done:
		got := 0
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			got = exit.ExitCode()
		} else if err != nil {
			x.t.Fatal(err)
		}
		if got != code {
			x.t.Errorf("it ends with %d, want %d: %q", got, code, x.seen.String())
		}
	case <-time.After(patience):
		x.t.Fatalf("it doesn't end: %q", x.seen.String())
	}
}

// At a terminal: talk, an answer that is interrupted and gone on after, a question that is answered
// in line, what a model sends made harmless, and the end.
func TestChatAtATerminal(t *testing.T) {
	t.Parallel()
	up := upstream(t, func(n int, r modeltest.Request) modeltest.Answer {
		last := r.Messages[len(r.Messages)-1].Text
		if r.Schema == nil {
			switch {
			case strings.HasSuffix(last, "slowly"):
				return modeltest.Answer{Text: "It begins and ", HangWithin: true}
			case strings.HasSuffix(last, "nasty"):
				return modeltest.Answer{Text: "a\x1b]0;title\x07b\x1b[2Jc [here](https://example.com/x)"}
			}
		}
		return talking(n, r)
	})
	s := serve(t, t.TempDir(), append(cleanEnv(), modelEnv(up)...))
	x := data{t: t, dir: s.dir, env: cleanEnv("XDG_CONFIG_HOME=" + t.TempDir())}.terminal("chat")

	x.types("hello there\r")
	x.says("I heard user: hello there")
	x.types("say it slowly\r")
	x.says("step 1: Answer")
	x.types("\x03")
	x.says("nterrupt")
	x.types("be nasty\r")
	x.says("c here (https://example.com/x)")
	x.types("maybe something\r")
	x.says("It may be an app.")
	x.types("Answer here\r")
	x.says("I heard")
	x.types("/nothing\r")
	x.says("/help")
	x.types("/quit\r")
	x.ends(0)
	if raw := x.seen.String(); strings.Contains(raw, "\x1b]0;") || strings.Contains(raw, "\x1b[2Jc") {
		t.Errorf("a model's escapes reach the terminal: %q", raw)
	}
}

// At a terminal: what a part of a turn does is shown below it, and what it asks is asked in line; a
// turn is shown again, the last message is there to be changed, and no secret is kept of what was typed.
func TestPartsOfATurnAtATerminal(t *testing.T) {
	t.Parallel()
	e := newErrands(t)
	s := serve(t, t.TempDir(), e.env())
	home := t.TempDir()
	x := data{t: t, dir: s.dir, env: cleanEnv("XDG_CONFIG_HOME=" + home)}.terminal("chat")

	x.types("note it, and post the note\r") // a task
	x.says("routed to task")
	x.says("  part: note it, and post the note")
	x.says("  ✓ write_file note.txt")
	x.says("May the task call http_request: POST " + e.at.URL + "?")
	x.says("n: no: ")
	e.posted(0)
	x.types("y\r")
	x.says("  ✓ http_request POST " + e.at.URL)
	x.says("I was told: ")
	e.posted(1)

	x.types("hello there\r")
	x.says("I heard user: note it, and post the note")
	x.types("/history\r")
	x.says("1  ")
	x.says("note it, and post the note")
	x.says("2  ")
	x.says("hello there")
	x.types("/history 1\r")
	x.says("> note it, and post the note")
	x.says("I was told: ")
	x.types("/history 3\r")
	x.says("there is no turn 3")
	x.types("/edit\r")
	x.says("edit: hello there")
	x.types(" again\r")
	x.says("step 1: Answer")
	x.says("hello there again")
	const secret = "AKIA" + "QYLPMN5HHHFPZAM2"
	x.types("the key is " + secret + "\r")
	x.says("step 1: Answer")
	x.says("the key is")
	x.says("> ")
	x.types("/quit\r")
	x.ends(0)
	file := filepath.Join(home, "isekai", "chat-history")
	b, err := os.ReadFile(file)
	info, missing := os.Stat(file)
	if err != nil || missing != nil || info.Mode().Perm() != 0o600 || string(b) != "note it, and post the note\nhello there\n/history\n/history 1\n/history 3\n/edit\n/quit\n" {
		t.Errorf("it keeps %q, %v", b, err)
	}
}

// Where nobody can be asked, a turn of which a part asks says how that is answered.
func TestAPartAsksWhereNobodyIs(t *testing.T) {
	t.Parallel()
	e := newErrands(t)
	s := serve(t, t.TempDir(), e.env())
	d := data{t: t, dir: s.dir, env: cleanEnv()}
	r := d.run("chat", "note it, and post the note")
	at := regexp.MustCompile(`isekai task resume (tsk_\S+) --as allow\|deny`).FindStringSubmatch(r.err)
	if r.code != 4 || at == nil || !strings.Contains(r.err, "POST "+e.at.URL) {
		t.Fatalf("exit code %d: %s%s", r.code, r.out, r.err)
	}
	if out := d.does("task", "resume", at[1], "--as", "allow"); !strings.Contains(out, "I was told: ") {
		t.Errorf("it goes on with %s", out)
	}
	e.posted(1)
	until(t, func() bool { // the turn has its part's answer
		return !slices.ContainsFunc(d.tasks(), func(t client.Task) bool { return !t.Status.Terminal() })
	}, func() string { return "the turn doesn't end" })
}
