package conversation

import (
	"fmt"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// State is what a conversation's events add up to.
type State struct {
	ID        core.ConversationID
	Project   core.ProjectID
	By        core.Actor // who began it
	Version   int64      // of the stream
	Title     string
	Model     string // of its turns; "": the default
	Remember  bool
	Began     core.ConversationStarted // as it was begun, whatever has changed since
	Messages  []Message                // in the order in which they were added
	Deleted   bool                     // nothing of it is shown any more
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Message is one message.
type Message struct {
	core.MessageAdded
	By core.Actor
	At time.Time
}

// Who says a message.
const (
	User      = "user"
	Assistant = "assistant"
)

// Fold applies events, in order, to the zero State or to an earlier result. internal: the stream
// is damaged.
func Fold(s State, events ...core.Event) (State, error) {
	for _, e := range events {
		p, err := e.Payload()
		if err != nil {
			return s, err
		}
		if _, first := p.(core.ConversationStarted); e.Version != s.Version+1 || first != (s.Version == 0) || s.Deleted {
			return s, core.E(core.Internal, "conversation.fold", fmt.Sprintf("event %s can't follow version %d of %s", e.Type, s.Version, e.Stream))
		}
		s.Version, s.UpdatedAt = e.Version, e.At
		switch p := p.(type) {
		case core.ConversationStarted:
			s.ID, s.Project, s.By, s.CreatedAt = core.ConversationID(e.Stream), e.Project, e.Actor, e.At
			s.Title, s.Model, s.Remember, s.Began = p.Title, p.Model, p.Remember, p
		case core.ConversationChanged:
			set(&s.Title, p.Title)
			set(&s.Model, p.Model)
			set(&s.Remember, p.Remember)
		case core.MessageAdded:
			s.Messages = append(s.Messages[:len(s.Messages):len(s.Messages)], Message{p, e.Actor, e.At})
		case core.ConversationDeleted:
			s.Deleted = true
		}
	}
	return s, nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// Message returns a message by its id.
func (s State) Message(id core.MessageID) (Message, bool) {
	for _, m := range s.Messages {
		if m.MessageAdded.Message == id {
			return m, true
		}
	}
	return Message{}, false
}

// Branch returns the messages from the first one to the named one; none if there is no such
// message.
func (s State) Branch(leaf core.MessageID) []Message {
	parents := make(map[core.MessageID]Message, len(s.Messages))
	for _, m := range s.Messages {
		parents[m.MessageAdded.Message] = m
	}
	var up []Message
	for m, ok := parents[leaf]; ok && len(up) <= len(s.Messages); m, ok = parents[m.Parent] {
		up = append(up, m)
	}
	for i, k := 0, len(up)-1; i < k; i, k = i+1, k-1 {
		up[i], up[k] = up[k], up[i]
	}
	return up
}

// Answered reports whether a message has an answer.
func (s State) Answered(id core.MessageID) bool {
	for _, m := range s.Messages {
		if m.Parent == id && m.Role == Assistant {
			return true
		}
	}
	return false
}

// Newest is the message that was added last; "" if there is none.
func (s State) Newest() core.MessageID {
	if len(s.Messages) == 0 {
		return ""
	}
	return s.Messages[len(s.Messages)-1].MessageAdded.Message
}
