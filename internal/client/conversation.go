package client

import (
	"context"
	"net/http"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Conversation is a conversation as the API shows it.
type Conversation struct {
	ID        core.ConversationID `json:"id"`
	Title     string              `json:"title,omitempty"`
	Model     string              `json:"model,omitempty" doc:"of its turns; absent: the default at the time of each"`
	Remember  bool                `json:"remember"`
	CreatedAt time.Time           `json:"created_at"`
	UpdatedAt time.Time           `json:"updated_at"`
	Turns     int                 `json:"turns"`
	Messages  []Message           `json:"messages,omitempty" doc:"the whole tree, oldest first; not in lists"`
}

// Message is a message of a conversation.
type Message struct {
	ID     core.MessageID    `json:"id"`
	Parent core.MessageID    `json:"parent,omitempty"`
	Role   string            `json:"role" enum:"user,assistant"`
	Text   string            `json:"text"`
	Files  []core.Attachment `json:"files,omitempty"`
	Task   core.TaskID       `json:"task,omitempty"`
	App    core.AppID        `json:"app,omitempty"`
	Status core.TaskStatus   `json:"status,omitempty"`
	Error  *core.Failure     `json:"error,omitempty"`
	At     time.Time         `json:"at"`
}

// NewConversation begins a conversation.
type NewConversation struct {
	Title    string `json:"title,omitempty"`
	Model    string `json:"model,omitempty"`
	Remember bool   `json:"remember,omitempty"`
}

// ConversationChange is what is to be otherwise; nil stays.
type ConversationChange struct {
	Title    *string `json:"title,omitempty"`
	Model    *string `json:"model,omitempty"`
	Remember *bool   `json:"remember,omitempty"`
}

// NewMessage is what a person says. A nil Parent is the newest message.
type NewMessage struct {
	Parent *core.MessageID `json:"parent,omitempty"`
	Text   string          `json:"text"`
	Files  []NewFile       `json:"files,omitempty"`
	Route  core.Route      `json:"route,omitempty"`
	Skill  string          `json:"skill,omitempty"`
	Model  string          `json:"model,omitempty"`
}

// NewFile is a file that comes with a message.
type NewFile struct {
	Name    string `json:"name"`
	Content []byte `json:"content"`
}

// Sent names what a message became: itself, and the task that answers it.
type Sent struct {
	Message core.MessageID `json:"message"`
	Task    core.TaskID    `json:"task"`
}

func conversationPath(id core.ConversationID) string {
	return "/v1/conversations/" + escape(string(id))
}

// CreateConversation begins a conversation.
func (c *Client) CreateConversation(ctx context.Context, n NewConversation) (Conversation, error) {
	return send[Conversation](ctx, c, http.MethodPost, "/v1/conversations", n)
}

// Conversations returns a page of conversations, newest first; q is what is looked for in them.
func (c *Client) Conversations(ctx context.Context, q string, o PageOptions) (Page[Conversation], error) {
	return get[Page[Conversation]](ctx, c, "/v1/conversations", with(o.query(), "q", q))
}

// Conversation returns a conversation with its messages.
func (c *Client) Conversation(ctx context.Context, id core.ConversationID) (Conversation, error) {
	return get[Conversation](ctx, c, conversationPath(id), nil)
}

// ChangeConversation changes what a conversation is called, or how it goes on.
func (c *Client) ChangeConversation(ctx context.Context, id core.ConversationID, n ConversationChange) (Conversation, error) {
	return send[Conversation](ctx, c, http.MethodPatch, conversationPath(id), n)
}

// DeleteConversation deletes a conversation with all that was said.
func (c *Client) DeleteConversation(ctx context.Context, id core.ConversationID) error {
	return c.do(ctx, http.MethodDelete, conversationPath(id), nil)
}

// SendMessage says something in a conversation.
func (c *Client) SendMessage(ctx context.Context, id core.ConversationID, n NewMessage) (Sent, error) {
	return create[Sent](ctx, c, conversationPath(id)+"/messages", n, core.NewID("key"))
}
