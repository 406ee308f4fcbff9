package httpapi_test

import (
	"context"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/conversation"
	"github.com/isekai-run/isekai/internal/core"
)

// turner has messages answered by tasks, as platform does.
type turner struct{ tasks *agent.Service }

func (turner) Task(scope core.Scope, m core.MessageID) core.TaskID { return agent.TurnTask(scope, m) }

func (t turner) Begin(ctx context.Context, scope core.Scope, of conversation.Turn) error {
	_, err := t.tasks.Create(ctx, scope, agent.NewTask{Kind: core.KindChat, Prompt: of.Prompt, Model: of.Model, Tree: of.Tree, Turn: &of.Turn, Key: agent.TurnKey(of.Turn.Message)})
	return err
}

func (t turner) Files(ctx context.Context, scope core.Scope, task core.TaskID) (core.Digest, error) {
	st, err := t.tasks.Get(ctx, scope, task)
	return st.Tree, err
}

func (t turner) Over(ctx context.Context, scope core.Scope, task core.TaskID) (*core.TaskFinished, error) {
	st, err := t.tasks.Get(ctx, scope, task)
	if core.CodeOf(err) == core.NotFound {
		return nil, nil
	}
	return st.Finished, err
}

func (t turner) Cancel(ctx context.Context, scope core.Scope, task core.TaskID) error {
	_, err := t.tasks.Cancel(ctx, scope, task, "")
	return err
}
