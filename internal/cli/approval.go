package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// attended reports whether a person sits there who can be asked.
func (sh *shell) attended() bool { return !sh.json && sh.terminal() != nil }

// reply asks the person at the terminal what a task asks.
func (sh *shell) reply(ctx context.Context, q core.ApprovalRequested) (client.Reply, error) {
	return replyBy(sh.io.Err, q, func(what string) (string, error) { return sh.ask(ctx, what) })
}

// replyBy asks by ask, after it wrote the question to w.
func replyBy(w io.Writer, q core.ApprovalRequested, ask func(what string) (string, error)) (client.Reply, error) {
	r := client.Reply{Call: q.Call}
	fmt.Fprintln(w, "\n"+printable(q.Question))
	for i, choice := range q.Choices {
		fmt.Fprintf(w, "  %d  %s\n", i+1, printable(choice))
	}
	keys := replyKeys[q.Why]
	for {
		said, err := ask(keys.prompt)
		if err != nil && core.CodeOf(err) != core.Invalid {
			return r, err
		}
		if a, ok := keys.answers[strings.ToLower(said)]; ok {
			r.As, r.Always = a, strings.EqualFold(said, "a")
			return r, nil
		}
		if q.Why != core.AskQuestion || said == "" {
			continue
		}
		r.As, r.Text = core.AnswerReply, said
		if n, err := strconv.Atoi(said); err == nil && n > 0 && n <= len(q.Choices) {
			r.Text = q.Choices[n-1]
		}
		if len(q.Choices) == 0 || slices.Contains(q.Choices, r.Text) {
			return r, nil
		}
	}
}

// replyKeys are what a person types, by why they are asked.
var replyKeys = map[core.Asking]struct {
	prompt  string
	answers map[string]core.Answer
}{
	core.AskOutcome: {"repeat, done or failed", map[string]core.Answer{
		"repeat": core.AnswerRepeat, "done": core.AnswerDone, "failed": core.AnswerFailed,
	}},
	core.AskPermission: {"y: yes, a: always in this task, n: no", map[string]core.Answer{
		"y": core.AnswerAllow, "yes": core.AnswerAllow, "a": core.AnswerAllow, "n": core.AnswerDeny, "no": core.AnswerDeny,
	}},
	core.AskQuestion: {"Your answer, or - for none", map[string]core.Answer{"-": core.AnswerDeny}},
}

// howToAnswer is the command by which a task's question is answered.
func howToAnswer(id core.TaskID, q *core.ApprovalRequested) string {
	as := map[core.Asking]string{
		core.AskOutcome: "--as repeat|done|failed", core.AskPermission: "--as allow|deny", core.AskQuestion: "--as reply --text ANSWER",
	}
	why := core.AskOutcome
	if q != nil {
		why = q.Why
	}
	return "isekai task resume " + string(id) + " " + as[why]
}
