package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// NewConversation is how a conversation begins.
type NewConversation struct {
	Title    string `json:"title,omitempty" maxLength:"200" doc:"without one, its first answer gives it one"`
	Model    string `json:"model,omitempty" maxLength:"200" doc:"of its answers; the default if not given"`
	Remember bool   `json:"remember,omitempty" doc:"what is worth it may be remembered beyond the conversation, if the project allows that"`
}

// ConversationChange is what becomes different of a conversation; what is left out stays.
type ConversationChange struct {
	Title    *string `json:"title,omitempty" maxLength:"200"`
	Model    *string `json:"model,omitempty" maxLength:"200"`
	Remember *bool   `json:"remember,omitempty"`
}

// Conversation is a conversation. Its messages are a tree by their parents.
type Conversation struct {
	ID        core.ConversationID `json:"id"`
	Title     string              `json:"title"`
	Model     string              `json:"model,omitempty"`
	Remember  bool                `json:"remember,omitempty"`
	By        core.Actor          `json:"by" doc:"who began it"`
	Count     int                 `json:"count" doc:"of messages"`
	CreatedAt time.Time           `json:"created_at"`
	UpdatedAt time.Time           `json:"updated_at"`
	Messages  []Message           `json:"messages,omitempty" doc:"in the order in which they were added; not in lists"`
}

// Message is a message of a conversation.
type Message struct {
	ID     core.MessageID    `json:"id"`
	Parent core.MessageID    `json:"parent,omitempty" doc:"the message that it follows"`
	Role   string            `json:"role" enum:"user,assistant"`
	Text   string            `json:"text"`
	Cut    bool              `json:"cut,omitempty" doc:"the text is longer than is shown with a whole conversation"`
	Files  []core.Attachment `json:"files,omitempty"`
	Task   core.TaskID       `json:"task,omitempty" doc:"that answers it, or that gave it as its answer"`
	App    core.AppID        `json:"app,omitempty" doc:"that was made or changed"`
	Status core.TaskStatus   `json:"status,omitempty" doc:"of an answer: how its task ended"`
	Error  *core.Failure     `json:"error,omitempty"`
	By     core.Actor        `json:"by"`
	At     time.Time         `json:"at"`
}

// NewMessage is what somebody says.
type NewMessage struct {
	Parent *core.MessageID `json:"parent,omitempty" doc:"the answer that it follows; the newest message if not given, empty to begin another branch"`
	Text   string          `json:"text" maxLength:"100000"`
	Files  []NewFile       `json:"files,omitempty" maxItems:"10"`
	Route  core.Route      `json:"route,omitempty" enum:"chat,skill,task,app," doc:"what the message wants; found out if not given"`
	Skill  string          `json:"skill,omitempty" maxLength:"64" doc:"of the route skill"`
	Model  string          `json:"model,omitempty" maxLength:"200" doc:"the conversation's if not given"`
}

// NewFile is a file that comes with a message.
type NewFile struct {
	Name    string `json:"name" minLength:"1" maxLength:"200" example:"report.csv"`
	Content []byte `json:"content" doc:"in base64"`
}

func conversationPath(id core.ConversationID) string {
	return "/v1/conversations/" + url.PathEscape(string(id))
}

// CreateConversation begins a conversation.
func (c *Client) CreateConversation(ctx context.Context, n NewConversation, idempotencyKey string) (Conversation, error) {
	return create[Conversation](ctx, c, "/v1/conversations", n, idempotencyKey)
}

// Conversations returns a page of the project's conversations, those that were begun last first; with
// a query, those that have all of its words.
func (c *Client) Conversations(ctx context.Context, query string, o PageOptions) (Page[Conversation], error) {
	q := o.query()
	if query != "" {
		q.Set("q", query)
	}
	return get[Page[Conversation]](ctx, c, "/v1/conversations", q)
}

// Conversation returns a conversation with its messages.
func (c *Client) Conversation(ctx context.Context, id core.ConversationID) (Conversation, error) {
	return get[Conversation](ctx, c, conversationPath(id), nil)
}

// Message returns a message with its whole text.
func (c *Client) Message(ctx context.Context, id core.ConversationID, message core.MessageID) (Message, error) {
	return get[Message](ctx, c, conversationPath(id)+"/messages/"+url.PathEscape(string(message)), nil)
}

// ChangeConversation changes a conversation.
func (c *Client) ChangeConversation(ctx context.Context, id core.ConversationID, change ConversationChange) (Conversation, error) {
	return send[Conversation](ctx, c, http.MethodPatch, conversationPath(id), change)
}

// DeleteConversation ends a conversation, and cancels what is under way for it.
func (c *Client) DeleteConversation(ctx context.Context, id core.ConversationID) error {
	return c.do(ctx, http.MethodDelete, conversationPath(id), nil)
}

// SendMessage adds a message, which a task answers: the message's.
func (c *Client) SendMessage(ctx context.Context, id core.ConversationID, n NewMessage, idempotencyKey string) (Message, error) {
	return create[Message](ctx, c, conversationPath(id)+"/messages", n, idempotencyKey)
}

// ConversationEvents yields a conversation's events with a version greater than after, as they come,
// until it is deleted. A cut connection is resumed where it stopped.
func (c *Client) ConversationEvents(ctx context.Context, id core.ConversationID, after int64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for m, err := range c.stream(ctx, conversationPath(id)+"/events", strconv.FormatInt(after, 10)) {
			e, err := decode[Event](m, err)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
