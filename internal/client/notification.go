package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Notification is a notice in a user's inbox.
type Notification struct {
	ID      string         `json:"id"`
	Type    string         `json:"type"`
	At      time.Time      `json:"at"`
	Project core.ProjectID `json:"project,omitempty" doc:"absent: it concerns the whole org"`
	Title   string         `json:"title"`
	Detail  string         `json:"detail,omitempty"`
	Status  string         `json:"status,omitempty"`
	Task    core.TaskID    `json:"task,omitempty"`
	Call    core.CallID    `json:"call,omitempty" doc:"that the task waits for"`
	App     core.AppID     `json:"app,omitempty"`
	Version int            `json:"version,omitempty"`
	Subject string         `json:"subject,omitempty" doc:"what else it is about: a budget, a credential, a webhook"`
	Read    *time.Time     `json:"read,omitempty" doc:"absent: not yet"`
}

// NotificationChoice is by which ways a user hears of a type of notice, in the org.
type NotificationChoice struct {
	Type   string `json:"type"`
	About  string `json:"about"`
	Inbox  bool   `json:"inbox" doc:"in the list of notifications"`
	Mail   bool   `json:"mail" doc:"by e-mail, where the installation sends any"`
	Chosen bool   `json:"chosen" doc:"by the user; else it is how it is for everybody"`
}

// NotificationChannels are a choice to be. What isn't there stays.
type NotificationChannels struct {
	Inbox *bool `json:"inbox,omitempty"`
	Mail  *bool `json:"mail,omitempty"`
	// Reset goes back to how it is for everybody.
	Reset bool `json:"reset,omitempty"`
}

// Notifications returns a page of one's notices, the newest first.
func (c *Client) Notifications(ctx context.Context, unread bool, o PageOptions) (Page[Notification], error) {
	flag := ""
	if unread {
		flag = "true"
	}
	return get[Page[Notification]](ctx, c, "/v1/notifications", with(o.query(), "unread", flag))
}

// ReadNotification marks one of one's notices as read.
func (c *Client) ReadNotification(ctx context.Context, id string) error {
	_, err := c.call(ctx, request{method: http.MethodPost, path: "/v1/notifications/" + escape(id) + "/read"}, nil)
	return err
}

// ReadNotifications marks all of one's notices as read.
func (c *Client) ReadNotifications(ctx context.Context) error {
	_, err := c.call(ctx, request{method: http.MethodPost, path: "/v1/notifications/read"}, nil)
	return err
}

// NotificationChoices returns what one has chosen in the org.
func (c *Client) NotificationChoices(ctx context.Context) ([]NotificationChoice, error) {
	return get[[]NotificationChoice](ctx, c, "/v1/notifications/choices", nil)
}

// ChooseNotification says by which ways one hears of a type of notice, in the org.
func (c *Client) ChooseNotification(ctx context.Context, kind string, n NotificationChannels) ([]NotificationChoice, error) {
	return send[[]NotificationChoice](ctx, c, http.MethodPut, "/v1/notifications/choices/"+escape(kind), n)
}

// EventOptions select events of an org. Zero fields don't filter.
type EventOptions struct {
	Types   []string // "task.finished", or "task.*"
	Streams []core.StreamID
	// After is the position to go on after; nil: only what comes from now on.
	After *int64
}

// Events yields the events of the project that one may see, as they come, and ends when ctx
// does, or with an error. A cut connection is resumed where it stopped; no event is missed or
// repeated.
func (c *Client) Events(ctx context.Context, o EventOptions) iter.Seq2[Event, error] {
	streams := make([]string, len(o.Streams))
	for i, s := range o.Streams {
		streams[i] = string(s)
	}
	q := with(url.Values{}, "type", strings.Join(o.Types, ","), "stream", strings.Join(streams, ","))
	path, last := "/v1/events", ""
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	if o.After != nil {
		last = strconv.FormatInt(*o.After, 10)
	}
	return func(yield func(Event, error) bool) {
		for m, err := range c.stream(ctx, path, last) {
			if err == nil && m.event != "" { // "position": how far it has come
				continue
			}
			e, err := decode[Event](m, err)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// ApprovalLink is what the link in an e-mail about a question of a task's leads to.
type ApprovalLink struct {
	Task     core.TaskID   `json:"task"`
	Call     core.CallID   `json:"call"`
	Title    string        `json:"title"`
	Question string        `json:"question"`
	Answers  []core.Answer `json:"answers" doc:"that there are"`
	Given    core.Answer   `json:"given,omitempty" doc:"that was given"`
	Until    time.Time     `json:"until"`
}
