package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func chatHost(t *testing.T, status string) *host {
	return newHost(t, map[string]string{
		"POST /v1/conversations":                `{"id":"cnv_1"}`,
		"POST /v1/conversations/cnv_1/messages": `{"message":"msg_1","task":"tsk_1"}`,
		"GET /v1/tasks/tsk_1/events":            "id: 1\ndata: {\"stream\":\"tsk_1\",\"version\":1,\"type\":\"model.streamed\",\"data\":{\"call\":\"c\",\"offset\":0,\"text\":\"hi\"}}\n\nevent: end\ndata: {}\n\n",
		"GET /v1/tasks/tsk_1":                   `{"id":"tsk_1","kind":"chat","status":"` + status + `","answer":"hello \u001b[2Jthere"}`,
	})
}

func TestChatIsOneTurn(t *testing.T) {
	t.Parallel()
	code, out, errs := chatHost(t, "succeeded").run(t.Context(), "chat", "hi")
	if code != 0 || out != "hello [2Jthere\n" {
		t.Errorf("%d %q %q", code, out, errs)
	}
	code, out, errs = chatHost(t, "succeeded").run(t.Context(), "chat", "hi", "--json")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); code != 0 || len(lines) != 2 || !strings.Contains(lines[0], "model.streamed") || !strings.Contains(lines[1], `"result"`) {
		t.Errorf("%d %q %q", code, out, errs)
	}
	if code, _, errs = chatHost(t, "canceled").run(t.Context(), "chat", "hi"); code != 130 {
		t.Errorf("%d %q", code, errs)
	}
	if code, _, errs = chatHost(t, "succeeded").run(t.Context(), "chat"); code != 2 {
		t.Errorf("nothing to say: %d %q", code, errs)
	}
}

// What was said is kept for its user alone, bounded; nothing that has a secret in it, in any of its
// lines, and nothing that was typed as an answer.
func TestPastIsBoundedAndPrivate(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "isekai", "chat-history")
	clean := func(s string) string { return strings.ReplaceAll(s, "hunter2", "[gone]") }
	p := newPast(file, nil)
	for i := range maxPast + 5 {
		p.keep(strings.Repeat("x", 1+i%7) + "\x1b")
	}
	i, err := os.Stat(file)
	if err != nil || i.Mode().Perm() != 0o600 {
		t.Fatal(i, err)
	}
	q := newPast(file, clean)
	if q.Len() != maxPast || q.At(0) != p.At(0) || strings.Contains(q.At(0), "\x1b") {
		t.Errorf("%d lines, the newest %q", q.Len(), q.At(0))
	}
	q.Add("an answer")
	q.keep("the password is hunter2")
	q.keep("a key:\nhunter2\nend")
	q.keep("one\ntwo")
	b, err := os.ReadFile(file)
	if err != nil || !strings.HasSuffix(string(b), "\none\ntwo\n") || q.At(2) != p.At(0) {
		t.Errorf("it keeps %q, %v", b, err)
	}
	p.keep("hunter2") // as a build did that knew of no secrets
	if again := newPast(file, clean); again.At(0) != p.At(1) {
		t.Errorf("it begins with %q", again.At(0))
	}
}

// What happens in a part of a turn is shown below it, and what a part's model says isn't the answer.
func TestPartsAreIndented(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	v := newChatView(f, false)
	for i, p := range []core.Payload{
		core.TaskCreated{Prompt: "the turn"}, core.TaskCreated{Prompt: "a part\nof it"}, core.ModelStreamed{Text: "no"},
		core.ToolRequested{Call: core.CallContent{ID: "c", Tool: "push", Subject: "main"}}, core.ToolSettled{Call: "c", Output: core.Content{Text: "all of it"}},
	} {
		data, err := core.EncodePayload(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.show(core.Event{Type: p.EventType(), Data: data}, min(i, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(f.Name()); err != nil || string(b) != "  part: a part of it\r\n  ✓ push main [/show 1]\r\n" {
		t.Errorf("%q %v", b, err)
	}
}

func TestWhatWasShownIsntShownAgain(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	v := newChatView(f, false)
	for _, p := range []core.ModelStreamed{{Call: "c", Text: "one "}, {Call: "c", Text: "one "}, {Call: "c", Offset: 2, Text: "e two"}} {
		if err := v.streamed(p); err != nil {
			t.Fatal(err)
		}
	}
	v.end(client.TaskDetail{Answer: "one two \x1b[31mthree"})
	if b, err := os.ReadFile(f.Name()); err != nil || string(b) != "one two [31mthree\r\n" {
		t.Errorf("%q %v", b, err)
	}
}
