package cli

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

var update = flag.Bool("update", false, "write the golden files")

// TestTimeline shows every kind of event, hostile text among them.
func TestTimeline(t *testing.T) {
	t.Parallel()
	const evil = "x\x1b]0;owned\x07\u202e\r\nSUCCESS forged"
	var out bytes.Buffer
	tl := newTimeline(&out)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i, p := range []core.Payload{
		core.TaskCreated{Kind: core.KindApp, Prompt: "p"},
		core.ModelRequested{Call: "c1", Purpose: "plan"},
		core.ModelSettled{Call: "c1", Error: &core.Failure{Code: core.Unavailable, Msg: "down " + evil}},
		core.ModelRequested{Call: "c1", Purpose: "plan", Model: "fast"},
		core.ModelSettled{Call: "c1", Provider: "near", Model: "fast"}, // as asked for
		core.ModelSettled{Call: "c1", Provider: "far", Model: "big" + evil},
		core.ModelSettled{Call: "c1", Provider: "far", Model: "big" + evil},
		core.ModelSettled{Call: "c1", Provider: "near", Model: "fast"},
		core.ModelSwitched{From: "gpt", To: "blueprint", Reason: evil},
		core.TaskPlanned{Plan: core.Plan{Title: "A shelf " + evil, Summary: "two\nlines", Steps: []core.Step{{Title: "Write"}, {Title: evil}}, Notes: []string{evil}}},
		core.StepStarted{Step: 0, Attempt: 2, Title: "Write"},
		core.ToolRequested{Call: core.CallContent{ID: "c2", Tool: "write_file", Subject: evil}},
		core.ToolSettled{Call: "c2", Output: core.Content{Text: "ok"}},
		core.ToolRequested{Call: core.CallContent{ID: "c3", Tool: "run_command", Subject: "make"}},
		core.ToolSettled{Call: "c3", Failed: true, Output: core.Content{Text: "no such\nfile"}},
		core.ToolRequested{Call: core.CallContent{ID: "c4", Tool: "test_app"}},
		core.ToolSettled{Call: "c4", Evidence: &core.Evidence{Kind: "tests", OK: true, Text: "3 passed, 0 failed"}},
		core.ToolRequested{Call: core.CallContent{ID: "c5", Tool: "publish_app"}},
		core.ToolSettled{Call: "c5", Error: &core.Failure{Msg: "the disk is full"}},
		core.VerdictGiven{Verdict: core.Retry, Reason: "tests failed", Feedback: strings.Repeat("line "+evil+"\n", 20)},
		core.ApprovalRequested{Call: "c6", Question: "Run it again? " + evil},
		core.ApprovalAnswered{Call: "c6", Answer: core.AnswerDone},
		core.VerdictGiven{Verdict: core.Success, Reason: strings.Repeat("long ", 60)},
		core.TaskCancelRequested{Reason: "enough"},
		core.TaskFinished{Status: core.StatusCanceled, Summary: evil},
	} {
		data, err := core.EncodePayload(p)
		if err != nil {
			t.Fatal(err)
		}
		e := core.Event{Stream: "tsk_a", Version: int64(i + 1), Type: p.EventType(), At: at.Add(time.Duration(i*i) * 300 * time.Millisecond), Data: data}
		if err := tl.show(e); err != nil {
			t.Fatal(err)
		}
	}
	if strings.ContainsAny(out.String(), "\x1b\x07\r\u202e") || strings.Contains(out.String(), "\nSUCCESS") {
		t.Errorf("the terminal is driven, or a line forged: %q", out.String())
	}
	const golden = "testdata/timeline.golden"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if err := tl.show(core.Event{Type: "task.dreamt", Data: json.RawMessage(`{}`)}); core.CodeOf(err) != core.Unsupported {
		t.Errorf("an event of a newer build: %v", err)
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("a\x1b[2Jb\u009b\xff\r\n\t")
	f.Fuzz(func(t *testing.T, s string) {
		var out bytes.Buffer
		if n, err := (plain{&out}).Write([]byte(s)); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
		for _, r := range out.String() + printable(s) + oneLine(s) {
			if r != '\n' && r != '\t' && visible(r) < 0 {
				t.Fatalf("%q lets %q through", s, r)
			}
		}
		if strings.ContainsAny(printable(s)+oneLine(s)+quoted(s), "\r\n\t\x1b") {
			t.Fatalf("%q is more than a line", s)
		}
		if len([]rune(oneLine(s))) > 160 {
			t.Fatal("a line without a bound")
		}
	})
}
