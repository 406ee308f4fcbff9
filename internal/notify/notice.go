package notify

import (
	"slices"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// The types of notice.
const (
	TaskFinished    = "task.finished"
	TaskWaiting     = "task.waiting"
	AppStarted      = "app.started"
	BudgetReached   = "budget.reached"
	CredentialDue   = "credential.due"
	WatchChanged    = "watch.changed"
	WebhookDisabled = "webhook.disabled"

	webhookTest = "webhook.test" // of an endpoint, by a person
)

// Type is a type of notice, and by which channels people hear of one who haven't chosen.
type Type struct {
	Name, About string
	// Admins hear of it; without, who it is about.
	Admins      bool
	Inbox, Mail bool
}

// types are all of them. Programs may rely on the names.
var types = []Type{
	{Name: TaskFinished, About: "a task that you began is over: done, failed or canceled", Inbox: true},
	{Name: TaskWaiting, About: "a task that you began waits for an answer", Inbox: true, Mail: true},
	{Name: AppStarted, About: "an app that you started answers at its address"},
	{Name: BudgetReached, About: "a part of a budget is used up", Admins: true, Inbox: true, Mail: true},
	{Name: CredentialDue, About: "a credential should get a new value", Admins: true, Inbox: true, Mail: true},
	{Name: WatchChanged, About: "what you have had watched has changed", Inbox: true, Mail: true},
	{Name: WebhookDisabled, About: "nothing is sent any more to a webhook that took nothing", Admins: true, Inbox: true, Mail: true},
}

// Types returns all types of notice.
func Types() []Type { return slices.Clone(types) }

// TypeOf returns the type of a name.
func TypeOf(name string) (Type, bool) {
	i := slices.IndexFunc(types, func(t Type) bool { return t.Name == name })
	if i < 0 {
		return Type{}, false
	}
	return types[i], true
}

// TypeNames returns their names.
func TypeNames() []string {
	all := make([]string, len(types))
	for i, t := range types {
		all[i] = t.Name
	}
	return all
}

// Notice is something that people and programs are told of: what an event says, in a line.
type Notice struct {
	ID      string         `json:"id"` // "msg_...": of the event, so that one event is one notice
	Type    string         `json:"type"`
	At      time.Time      `json:"at"`
	Org     core.OrgID     `json:"org"`
	Project core.ProjectID `json:"project,omitempty"` // "": it concerns the whole org
	Title   string         `json:"title"`             // one line, without anything that was said in a prompt
	// Detail may quote what was asked, answered or said.
	Detail string      `json:"detail,omitempty"`
	Status string      `json:"status,omitempty"` // of the task; or the percentage of the budget
	Task   core.TaskID `json:"task,omitempty"`
	Call   core.CallID `json:"call,omitempty"` // that a task waits for
	App    core.AppID  `json:"app,omitempty"`
	// Version is the app's.
	Version int    `json:"version,omitempty"`
	Subject string `json:"subject,omitempty"` // of what else it is about: a budget, a credential, a webhook
	// Prompt is the task's. Who isn't to see it gets a Notice without.
	Prompt string `json:"prompt,omitempty"`

	who core.Actor  // whom it concerns
	to  core.UserID // the same, where that is known
}

// plain is the notice without what was said.
func (n Notice) plain() Notice {
	n.Detail, n.Prompt = "", ""
	return n
}

// noticeID names the notice of an event.
func noticeID(e core.EventID) string {
	_, rest, _ := strings.Cut(string(e), "_")
	return "msg_" + rest
}

// line returns a text as one line of at most max characters, without what can't be seen.
func line(s string, most int) string {
	s = strings.Join(strings.Fields(strings.Map(visible, strings.ToValidUTF8(s, ""))), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
