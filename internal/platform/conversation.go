package platform

import (
	"context"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/conversation"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// openConversations wires what people and agents say to each other with the tasks that answer.
func (n *node) openConversations() {
	n.talks = conversation.New(conversation.Config{
		Events: n.store, Views: n.store, Blobs: n.blobs, Turns: turner{n.tasks}, IDs: core.NewID, Model: n.resolveModel,
		Forget: func(ctx context.Context, scope core.Scope, task core.TaskID) error {
			_, err := n.memory.ForgetSource(ctx, scope, string(task))
			return err
		},
	})
}

// turner is conversation.Turner by tasks.
type turner struct{ tasks *agent.Service }

// Task implements conversation.Turner.
func (turner) Task(scope core.Scope, message core.MessageID) core.TaskID {
	return agent.TurnTask(scope, message)
}

// Begin implements conversation.Turner.
func (t turner) Begin(ctx context.Context, scope core.Scope, of conversation.Turn) error {
	_, err := t.tasks.Create(ctx, scope, agent.NewTask{
		Kind: core.KindChat, Prompt: of.Prompt, Model: of.Model, Tree: of.Tree, Turn: &of.Turn, Key: agent.TurnKey(of.Turn.Message),
	})
	return err
}

// Files implements conversation.Turner.
func (t turner) Files(ctx context.Context, scope core.Scope, task core.TaskID) (core.Digest, error) {
	st, err := t.tasks.Get(ctx, scope, task)
	return st.Tree, err
}

// Over implements conversation.Turner.
func (t turner) Over(ctx context.Context, scope core.Scope, task core.TaskID) (*core.TaskFinished, error) {
	st, err := t.tasks.Get(ctx, scope, task)
	if core.CodeOf(err) == core.NotFound {
		return nil, nil
	}
	return st.Finished, err
}

// Cancel implements conversation.Turner.
func (t turner) Cancel(ctx context.Context, scope core.Scope, task core.TaskID) error {
	_, err := t.tasks.Cancel(ctx, scope, task, "its conversation is deleted")
	return err
}

// turns is agent.Turns.
type turns struct{ n *node }

// Messages implements agent.Turns.
func (t turns) Messages(ctx context.Context, scope core.Scope, of core.Turn) ([]model.Message, error) {
	return t.n.talks.Messages(ctx, scope, of)
}

// Apps implements agent.Turns. One that was deleted since can't be changed.
func (t turns) Apps(ctx context.Context, scope core.Scope, of core.Turn) ([]agent.TurnApp, error) {
	ids, err := t.n.talks.Apps(ctx, scope, of)
	if err != nil {
		return nil, err
	}
	var all []agent.TurnApp
	for _, id := range ids {
		st, err := t.n.apps.Get(ctx, scope, id)
		switch core.CodeOf(err) {
		case "":
			all = append(all, agent.TurnApp{ID: id, Title: st.Title})
		case core.NotFound:
		default:
			return nil, err
		}
	}
	return all, nil
}
