package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/conversation"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

const conversationsPath = "/v1/conversations"

// Bounds of what is shown of a conversation at once, in bytes.
const (
	shownMessage      = 64 << 10 // of a message's text, with a whole conversation
	shownConversation = 4 << 20  // of all texts; the others are cut to nothing
)

type (
	ConversationPath struct {
		Conversation core.ConversationID `path:"conversation" maxLength:"64" example:"cnv_01hx"`
	}
	newConversation struct{ Body client.NewConversation }
	findQuery       struct {
		Query string `query:"q" maxLength:"200" doc:"words, all of which its title or what was said has; of long messages, how they begin"`
		PageQuery
	}
	changeConversation struct {
		ConversationPath
		Body client.ConversationChange
	}
	newMessage struct {
		ConversationPath
		Body client.NewMessage
	}
	MessagePath struct {
		ConversationPath
		Message core.MessageID `path:"msg" maxLength:"64" example:"msg_01hx"`
	}
	conversationEvents struct {
		ConversationPath
		LastEventID string `header:"Last-Event-ID" doc:"goes on after this event's version"`
	}
)

// conversations are the routes to what people and agents say to each other.
func (s *server) conversations() {
	tags := []string{"conversations"}
	const path = conversationsPath
	handle(s, identity.ConversationWrite, foundAgain(huma.Operation{
		OperationID: "create-conversation", Method: http.MethodPost, Path: path, Summary: "Begin a conversation", Tags: tags, DefaultStatus: http.StatusCreated,
		Description: "It is the project's: who may read conversations there may read it.",
	}), func(ctx context.Context, scope core.Scope, in *newConversation) (*reply[client.Conversation], error) {
		st, err := s.cfg.Conversations.Start(ctx, scope, core.ConversationStarted(in.Body), commandKey(ctx))
		return replied(st, err, wireConversation)
	})
	handle(s, identity.ConversationRead, huma.Operation{
		OperationID: "list-conversations", Method: http.MethodGet, Path: path, Summary: "List the project's conversations, or find some, newest first", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *findQuery) (*reply[client.Page[client.Conversation]], error) {
		found, next, err := s.cfg.Conversations.List(ctx, scope, in.Query, in.Cursor, in.Limit)
		return paged(found, next, err, func(f conversation.Summary) client.Conversation {
			return client.Conversation{ID: f.ID, Title: f.Title, Model: f.Model, Remember: f.Remember, By: f.By, Count: f.Messages, CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt}
		})
	})
	handle(s, identity.ConversationRead, huma.Operation{
		OperationID: "show-conversation", Method: http.MethodGet, Path: path + "/{conversation}", Summary: "Show a conversation with its messages", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *ConversationPath) (*reply[client.Conversation], error) {
		st, err := s.cfg.Conversations.Get(ctx, scope, in.Conversation)
		if err != nil {
			return nil, err
		}
		out, room := wireConversation(st), shownConversation
		for _, m := range st.Messages {
			wire, err := s.wireMessage(ctx, scope, m, min(room, shownMessage))
			if err != nil {
				return nil, err
			}
			room -= len(wire.Text)
			out.Messages = append(out.Messages, wire)
		}
		return &reply[client.Conversation]{out}, nil
	})
	handle(s, identity.ConversationWrite, huma.Operation{
		OperationID: "change-conversation", Method: http.MethodPatch, Path: path + "/{conversation}", Summary: "Name a conversation, or change how it goes on", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *changeConversation) (*reply[client.Conversation], error) {
		st, err := s.cfg.Conversations.Change(ctx, scope, in.Conversation, core.ConversationChanged(in.Body))
		return replied(st, err, wireConversation)
	})
	handle(s, identity.ConversationWrite, huma.Operation{
		OperationID: "delete-conversation", Method: http.MethodDelete, Path: path + "/{conversation}", Summary: "Delete a conversation", Tags: tags,
		Description: "Nothing of it is shown any more, and what is under way for it is canceled. Tasks and apps that came of it stay.",
	}, func(ctx context.Context, scope core.Scope, in *ConversationPath) (*struct{}, error) {
		err := s.cfg.Conversations.Delete(ctx, scope, in.Conversation)
		if err == nil {
			err = s.recordOf(ctx, scope, "conversation.delete", string(in.Conversation), nil)
		}
		return nil, err
	})
	s.messages(tags, path)
}

func (s *server) messages(tags []string, path string) {
	act(s, identity.ConversationWrite, foundAgain(huma.Operation{
		OperationID: "send-message", Method: http.MethodPost, Path: path + "/{conversation}/messages", Summary: "Say something, and have it answered", Tags: tags, DefaultStatus: http.StatusCreated,
		Description: "The message's task answers it: follow that at /v1/tasks/{task}/events. Its answer is a message, too, once it is whole.",
	}), func(ctx context.Context, p identity.Principal, in *newMessage) (*reply[client.Message], error) {
		if err := p.May(identity.TaskWrite); err != nil { // by it a task is started
			return nil, err
		}
		b := in.Body
		n := conversation.NewMessage{Parent: b.Parent, Text: b.Text, Route: b.Route, Skill: b.Skill, Model: b.Model}
		for _, f := range b.Files {
			n.Files = append(n.Files, conversation.NewFile(f))
		}
		m, err := s.cfg.Conversations.Send(ctx, p.Scope, in.Conversation, n, commandKey(ctx))
		if err != nil {
			return nil, err
		}
		wire, err := s.wireMessage(ctx, p.Scope, m, maxText)
		return &reply[client.Message]{wire}, err
	})
	handle(s, identity.ConversationRead, huma.Operation{
		OperationID: "show-message", Method: http.MethodGet, Path: path + "/{conversation}/messages/{msg}", Summary: "Show a message with its whole text", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *MessagePath) (*reply[client.Message], error) {
		st, err := s.cfg.Conversations.Get(ctx, scope, in.Conversation)
		if err != nil {
			return nil, err
		}
		m, ok := st.Message(in.Message)
		if !ok {
			return nil, core.E(core.NotFound, "conversation", "there is no message "+string(in.Message)).WithHint("show the conversation for its messages")
		}
		wire, err := s.wireMessage(ctx, scope, m, maxText)
		return &reply[client.Message]{wire}, err
	})
	handle(s, identity.ConversationRead, stream(huma.Operation{
		OperationID: "conversation-events", Method: http.MethodGet, Path: path + "/{conversation}/events", Summary: "Follow a conversation's events", Tags: tags,
		Description: "Server-sent events: every event of the conversation from the first, or after Last-Event-ID, as they come. The id is the event's version, the data the event as JSON. " +
			"The stream ends with an event named end when the conversation is deleted. What is said while an answer is being given is in its task's events.",
	}, eventStream), func(ctx context.Context, scope core.Scope, in *conversationEvents) (*huma.StreamResponse, error) {
		after, err := lastEvent(in.LastEventID)
		if err != nil {
			return nil, err
		}
		if _, err := s.cfg.Conversations.Get(ctx, scope, in.Conversation); err != nil { // ownership, at every attach and resume
			return nil, err
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			s.follow(s.newSSE(hc), hc.Context(), scope, in.Conversation.Stream(), core.ConversationDeleted{}.EventType(), after)
		}}, nil
	})
}

func wireConversation(st conversation.State) client.Conversation {
	return client.Conversation{
		ID: st.ID, Title: st.Title, Model: st.Model, Remember: st.Remember, By: st.By, Count: len(st.Messages), CreatedAt: st.CreatedAt, UpdatedAt: st.UpdatedAt,
	}
}

// wireMessage is a message with at most room bytes of its text.
func (s *server) wireMessage(ctx context.Context, scope core.Scope, m conversation.Message, room int) (client.Message, error) {
	text := m.Text.Text
	if m.Text.Blob != "" && room > 0 {
		var err error
		if text, err = s.cfg.Conversations.Text(ctx, scope.Org, m); err != nil {
			return client.Message{}, err
		}
	}
	cut := len(text) > room || m.Text.Blob != "" && room <= 0
	if cut {
		text = strings.ToValidUTF8(text[:min(len(text), max(0, room))], "")
	}
	return client.Message{
		ID: m.MessageAdded.Message, Parent: m.Parent, Role: m.Role, Text: text, Cut: cut, Files: m.Files, Task: m.Task, App: m.App,
		Status: m.Status, Error: m.Error, By: m.By, At: m.At,
	}, nil
}
