package git

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

var logSpec = tool.Spec{
	Name: "git_log", Version: "1", Effect: core.Pure, Contained: true,
	Description: "Lists commits, the newest first, with their messages.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"from":{"type":"string","minLength":1,"maxLength":200,"description":"a branch or a commit; the current branch if not given"},
		"limit":{"type":"integer","minimum":1,"maximum":100,"description":"10 if not given"}
	},"additionalProperties":false}`),
}

type logArgs struct {
	From  string
	Limit int
}

func log(_ context.Context, w *work, a logArgs) (tool.Result, error) {
	if err := w.need(); err != nil {
		return tool.Result{}, err
	}
	if a.Limit < 1 {
		a.Limit = 10
	}
	if a.From == "" || a.From == "HEAD" {
		a.From = w.doc.Data.Branch
	}
	from, err := w.git.Resolve(a.From)
	if err != nil {
		return tool.Result{}, err
	}
	commits, more, err := w.git.Log(from, a.Limit)
	if err != nil {
		return tool.Result{}, err
	}
	var b strings.Builder
	for _, c := range commits {
		message := strings.TrimSpace(strings.Map(text, c.Message))
		if len(message) > 2000 {
			message = strings.ToValidUTF8(message[:2000], "") + "…"
		}
		fmt.Fprintf(&b, "commit %s\n%s, %s\n    %s\n\n", c.Hash, strings.Map(text, c.Author), c.When.UTC().Format(time.RFC3339), strings.ReplaceAll(message, "\n", "\n    "))
	}
	if more {
		b.WriteString("[there are more; not all history may have been fetched]\n")
	}
	return tool.Result{Output: b.String(), Data: tool.Data(map[string]any{"commits": commits, "more": more})}, nil
}
