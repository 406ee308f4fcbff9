package core

// ConversationID names a conversation, and its event stream: "cnv_...".
type ConversationID string

// MessageID names a message of a conversation: "msg_...".
type MessageID string

// Stream returns the id of the conversation's event stream.
func (id ConversationID) Stream() StreamID { return StreamID(id) }

// Turn says which message of a conversation a task of KindChat answers.
type Turn struct {
	Conversation ConversationID `json:"conversation"`
	Message      MessageID      `json:"message"` // the person's
	// Route and Skill are what the person chose; "" leaves it to the task.
	Route Route  `json:"route,omitempty"`
	Skill string `json:"skill,omitempty"` // of RouteSkill
	// Remember allows that something is remembered beyond the conversation.
	Remember bool `json:"remember,omitempty"`
}

// Route is what an intent leads to.
type Route string

// The routes.
const (
	RouteChat  Route = "chat"  // an answer, with tools if it takes some
	RouteSkill Route = "skill" // an answer by a skill's instructions
	RouteTask  Route = "task"  // a task of its own, planned and supervised
	RouteApp   Route = "app"   // an app, or its next version
)

// Intent is what a message was understood to want.
type Intent struct {
	Route Route  `json:"route"`
	Skill string `json:"skill,omitempty"` // of RouteSkill
	App   AppID  `json:"app,omitempty"`   // of RouteApp: the app to change; "" makes one
	// Prompt is what is wanted, said so that it is understood without the conversation.
	Prompt     string  `json:"prompt,omitempty"`
	Title      string  `json:"title,omitempty"` // for the conversation
	Confidence float64 `json:"confidence"`      // 0 to 1
	Reason     string  `json:"reason"`
}

// The events of a turn, which stand in its task's stream.
type (
	// IntentRouted says what a turn does. By is "model", "person", or "rules" where no model was
	// asked.
	IntentRouted struct {
		Intent Intent `json:"intent"`
		By     string `json:"by"`
	}
	// ModelStreamed is a part of an answer that is still being given; ModelSettled has all of it.
	ModelStreamed struct {
		Call   CallID `json:"call"`
		Offset int    `json:"offset"` // in bytes, of Text in the answer
		Text   string `json:"text"`
	}
)

// The events of a conversation. Its messages are a tree: one that has the same parent as another
// is a branch.
type (
	// ConversationStarted begins one.
	ConversationStarted struct {
		Title    string `json:"title,omitempty"` // "": its first turn gives it one
		Model    string `json:"model,omitempty"` // of its turns; "": the default at the time of each
		Remember bool   `json:"remember,omitempty"`
	}
	// ConversationChanged is what it is called, or how it goes on, from now on.
	ConversationChanged struct {
		Title    *string `json:"title,omitempty"`
		Model    *string `json:"model,omitempty"`
		Remember *bool   `json:"remember,omitempty"`
	}
	// MessageAdded is a message.
	MessageAdded struct {
		Message MessageID    `json:"message"`
		Parent  MessageID    `json:"parent,omitempty"` // "": it begins the conversation
		Role    string       `json:"role"`             // "user" or "assistant"
		Text    Content      `json:"text"`
		Lead    string       `json:"lead,omitempty"` // how a text begins that is a blob
		Files   []Attachment `json:"files,omitempty"`
		Model   string       `json:"model,omitempty"` // of a user's: which answers it
		Task    TaskID       `json:"task,omitempty"`  // the turn that answers a user's, or that gave an assistant's
		Turn    *Turn        `json:"turn,omitempty"`  // of a user's: what was chosen for it
		App     AppID        `json:"app,omitempty"`   // of an assistant's: the app that was made or changed
		Status  TaskStatus   `json:"status,omitempty"`
		Error   *Failure     `json:"error,omitempty"` // of a turn that failed
	}
	// Attachment is a file that came with a message.
	Attachment struct {
		Name   string `json:"name"`
		Digest Digest `json:"digest"`
		Size   int64  `json:"size"` // bytes
	}
	// ConversationDeleted is terminal: nothing of it is shown any more.
	ConversationDeleted struct{}
)

// EventType implements Payload.
func (IntentRouted) EventType() string { return "intent.routed" }

// EventType implements Payload.
func (ModelStreamed) EventType() string { return "model.streamed" }

// EventType implements Payload.
func (ConversationStarted) EventType() string { return "conversation.started" }

// EventType implements Payload.
func (ConversationChanged) EventType() string { return "conversation.changed" }

// EventType implements Payload.
func (MessageAdded) EventType() string { return "message.added" }

// EventType implements Payload.
func (ConversationDeleted) EventType() string { return "conversation.deleted" }
