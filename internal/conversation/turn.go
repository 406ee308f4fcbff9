package conversation

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// folder is where attached files are in a turn's workspace.
const folder = "files"

// begin makes the task that answers a message: with the files that the turn before it has left,
// and those that came with the message.
func (s *Service) begin(ctx context.Context, scope core.Scope, st State, m Message) error {
	t := Turn{Turn: *m.Turn, Model: m.Model, Prompt: "(see the attached files)"}
	text, err := s.Text(ctx, scope.Org, m)
	if err != nil {
		return err
	}
	if strings.TrimSpace(text) != "" {
		t.Prompt = clip(text, core.MaxPrompt)
	}
	for _, before := range st.Branch(m.Parent) {
		if before.Role == Assistant {
			t.After = before.Task
		}
	}
	if t.After != "" {
		if t.Tree, err = s.cfg.Turns.Files(ctx, scope, t.After); err != nil {
			return fmt.Errorf("files of the turn before: %w", err)
		}
	}
	if t.Tree, err = s.attach(ctx, scope.Org, t.Tree, m.Files); err != nil {
		return err
	}
	return s.cfg.Turns.Begin(ctx, scope, t)
}

// attach puts files into a tree.
func (s *Service) attach(ctx context.Context, org core.OrgID, to core.Digest, files []core.Attachment) (core.Digest, error) {
	if len(files) == 0 {
		return to, nil
	}
	tree := blob.Tree{Files: map[string]blob.TreeFile{}}
	if to != "" {
		had, err := blob.Load(ctx, s.cfg.Blobs, org, to)
		if err != nil {
			return "", fmt.Errorf("attach: %w", err)
		}
		tree.Files = maps.Clone(had.Files)
	}
	delete(tree.Files, folder) // a turn may have made a file of the name
	for _, f := range files {
		tree.Files[path.Join(folder, f.Name)] = blob.TreeFile{Digest: f.Digest, Size: f.Size}
	}
	return tree.Save(ctx, s.cfg.Blobs, org)
}

// Text is a message's text, all of it.
func (s *Service) Text(ctx context.Context, org core.OrgID, m Message) (string, error) {
	if m.Text.Blob == "" {
		return m.Text.Text, nil
	}
	b, _, err := blob.Head(ctx, s.cfg.Blobs, org, m.Text.Blob, 4*MaxText)
	if err != nil {
		return "", fmt.Errorf("read message: %w", err)
	}
	return string(b), nil
}

// Messages returns what was said in a turn's branch, oldest first; the last one is what the turn
// answers.
func (s *Service) Messages(ctx context.Context, scope core.Scope, t core.Turn) ([]model.Message, error) {
	st, err := s.Get(ctx, scope, t.Conversation)
	if err != nil {
		return nil, err
	}
	var said []model.Message
	for _, m := range st.Branch(t.Message) {
		text, err := s.Text(ctx, scope.Org, m)
		if err != nil {
			return nil, err
		}
		var b strings.Builder
		b.WriteString(text)
		for i, f := range m.Files {
			if b.Len() > 0 && i == 0 {
				b.WriteString("\n\n")
			}
			fmt.Fprintf(&b, "Attached: %s/%s (%d bytes)\n", folder, f.Name, f.Size)
		}
		role := model.User
		if m.Role == Assistant {
			role = model.Assistant
			if m.Status != core.StatusSucceeded {
				fmt.Fprintf(&b, "\n[This answer wasn't finished: it %s.]", m.Status)
			}
		}
		if m.App != "" {
			fmt.Fprintf(&b, "\n[This made the app %s.]", m.App)
		}
		said = append(said, model.Message{Role: role, Text: strings.TrimSpace(b.String())})
	}
	if len(said) == 0 {
		return nil, core.E(core.NotFound, "conversation", "there is no message "+string(t.Message)+" in "+string(t.Conversation))
	}
	return said, nil
}

// Apps returns the apps that a turn's branch has made, each once, the oldest first.
func (s *Service) Apps(ctx context.Context, scope core.Scope, t core.Turn) ([]core.AppID, error) {
	st, err := s.Get(ctx, scope, t.Conversation)
	if err != nil {
		return nil, err
	}
	var apps []core.AppID
	for _, m := range st.Branch(t.Message) {
		if m.App != "" && !slices.Contains(apps, m.App) {
			apps = append(apps, m.App)
		}
	}
	return apps, nil
}

// Consumer is the name of Handler on the bus.
const Consumer = "turns"

// Handler returns the consumer of the bus that has messages answered, and adds their answers.
// Events may come more than once, and in any order.
func (s *Service) Handler() bus.Handler {
	return func(ctx context.Context, e core.Event) error {
		switch e.Type {
		case core.MessageAdded{}.EventType(), core.TaskFinished{}.EventType(), core.ConversationDeleted{}.EventType():
		default:
			return nil
		}
		p, err := e.Payload()
		if err != nil {
			return err
		}
		scope := core.Scope{Org: e.Org, Project: e.Project, Actor: e.Actor}
		switch p := p.(type) {
		case core.MessageAdded:
			return s.asked(ctx, scope, core.ConversationID(e.Stream), p)
		case core.ConversationDeleted:
			st, err := s.load(ctx, e.Org, core.ConversationID(e.Stream))
			if err != nil {
				return err
			}
			return s.end(ctx, scope, st)
		case core.TaskFinished:
			if p.Turn != nil {
				scope.Actor = core.Actor{Kind: core.ActorSystem, ID: Consumer}
				return s.answered(ctx, scope, core.TaskID(e.Stream), p)
			}
		}
		return nil
	}
}

// asked has a person's message answered, if nobody has done so yet.
func (s *Service) asked(ctx context.Context, scope core.Scope, id core.ConversationID, p core.MessageAdded) error {
	if p.Role != User {
		return nil
	}
	st, err := s.Get(ctx, scope, id)
	if core.CodeOf(err) == core.NotFound { // it was deleted
		return nil
	}
	if err != nil {
		return err
	}
	m, ok := st.Message(p.Message)
	if !ok || st.Answered(p.Message) {
		return nil
	}
	err = s.begin(ctx, scope, st, m)
	switch core.CodeOf(err) {
	case core.Invalid, core.NotFound, core.Denied, core.Unsupported, core.Conflict: // it never will: nobody is to wait for it
		failed := core.TaskFinished{Status: core.StatusFailed, Error: core.Fail(err), Turn: m.Turn}
		if lost := s.answered(ctx, scope, m.Task, failed); lost != nil {
			return lost
		}
	}
	return err
}

// settle adds the answer of a turn that is over, if the bus hasn't brought it yet: who has seen it
// end may go on at once.
func (s *Service) settle(ctx context.Context, scope core.Scope, st State) error {
	m, ok := st.Message(st.Newest())
	if !ok || m.Role != User {
		return nil
	}
	f, err := s.cfg.Turns.Over(ctx, scope, m.Task)
	if err != nil || f == nil || f.Turn == nil {
		return err
	}
	scope.Actor = core.Actor{Kind: core.ActorSystem, ID: Consumer}
	return s.answered(ctx, scope, m.Task, *f)
}

// answered adds what a turn has answered, and names a conversation without a title after it.
func (s *Service) answered(ctx context.Context, scope core.Scope, task core.TaskID, f core.TaskFinished) error {
	answer := core.MessageAdded{
		Message: core.MessageID("msg_" + strings.TrimPrefix(string(task), "tsk_")), Parent: f.Turn.Message, Role: Assistant,
		Text: f.Answer, Task: task, App: f.App, Status: f.Status, Error: f.Error,
	}
	if f.Answer.Blob != "" {
		lead, _, err := blob.Head(ctx, s.cfg.Blobs, scope.Org, f.Answer.Blob, 4*maxLead)
		if err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		answer.Lead = clip(strings.ToValidUTF8(string(lead), ""), maxLead)
	}
	st, err := s.change(ctx, scope, f.Turn.Conversation, func(st State) (core.Payload, error) {
		if _, ok := st.Message(f.Turn.Message); !ok || st.Answered(f.Turn.Message) {
			return nil, nil
		}
		return answer, nil
	})
	if err == nil && st.Title == "" {
		_, err = s.change(ctx, scope, f.Turn.Conversation, func(st State) (core.Payload, error) {
			title := st.name(f)
			if st.Title != "" || title == "" {
				return nil, nil
			}
			return core.ConversationChanged{Title: &title}, nil
		})
	}
	if core.CodeOf(err) == core.NotFound { // it was deleted, while the turn may have gone on to remember
		return s.forget(ctx, scope, task)
	}
	return err
}

// name is a title for a conversation that has none: what a turn was understood to be about, or how
// it begins.
func (s State) name(f core.TaskFinished) string {
	title := f.Summary
	if m, ok := s.Message(f.Turn.Message); f.Status != core.StatusSucceeded && ok {
		title = m.Text.Text
	}
	title, _, _ = strings.Cut(strings.TrimSpace(title), "\n")
	if title = strings.TrimSpace(clip(title, 80)); checkTitle(title) != nil {
		return ""
	}
	return title
}

// clip cuts s to n characters.
func clip(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}
