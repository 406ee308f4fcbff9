package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/isekai-run/isekai/internal/core"
)

// ListOptions select a page of a list. Zero fields don't filter.
type ListOptions struct {
	Kind   string
	Status string
	Cursor string
	Limit  int
}

func (o ListOptions) query() url.Values {
	q := url.Values{}
	for k, v := range map[string]string{"kind": o.Kind, "status": o.Status, "cursor": o.Cursor} {
		if v != "" {
			q.Set(k, v)
		}
	}
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	return q
}

// CreateTask creates a task. The same idempotency key, if it isn't empty, gives
// the same task again.
func (c *Client) CreateTask(ctx context.Context, n NewTask, idempotencyKey string) (TaskDetail, error) {
	var t TaskDetail
	_, err := c.call(ctx, request{method: http.MethodPost, path: "/v1/tasks", body: n, header: map[string]string{"Idempotency-Key": idempotencyKey}}, &t)
	return t, err
}

// ChangeApp creates the task that makes an app's next version.
func (c *Client) ChangeApp(ctx context.Context, app core.AppID, n NewChange, idempotencyKey string) (TaskDetail, error) {
	var t TaskDetail
	_, err := c.call(ctx, request{method: http.MethodPost, path: "/v1/apps/" + url.PathEscape(string(app)) + "/changes", body: n,
		header: map[string]string{"Idempotency-Key": idempotencyKey}}, &t)
	return t, err
}

// Tasks returns a page of tasks, newest first.
func (c *Client) Tasks(ctx context.Context, o ListOptions) (Page[Task], error) {
	var p Page[Task]
	_, err := c.call(ctx, request{method: http.MethodGet, path: "/v1/tasks", query: o.query()}, &p)
	return p, err
}

func taskPath(id core.TaskID) string { return "/v1/tasks/" + url.PathEscape(string(id)) }

// Task returns a task.
func (c *Client) Task(ctx context.Context, id core.TaskID) (TaskDetail, error) {
	var t TaskDetail
	_, err := c.call(ctx, request{method: http.MethodGet, path: taskPath(id)}, &t)
	return t, err
}

// CancelTask asks a task to stop.
func (c *Client) CancelTask(ctx context.Context, id core.TaskID, reason string) (TaskDetail, error) {
	var t TaskDetail
	_, err := c.call(ctx, request{method: http.MethodPost, path: taskPath(id) + "/cancel", body: map[string]string{"reason": reason}}, &t)
	return t, err
}

// Reply is what a person says to what a task asks.
type Reply struct {
	Call   core.CallID `json:"call,omitempty" maxLength:"100" doc:"that the question is about; without, whichever it is"`
	As     core.Answer `json:"as,omitempty" enum:"repeat,done,failed,allow,deny,reply," doc:"to a call whose outcome is unknown: repeat, done or failed; to a call that is to be allowed: allow or deny; to a question: reply or deny"`
	Text   string      `json:"text,omitempty" maxLength:"2000" doc:"the reply to a question; else why"`
	Always bool        `json:"always,omitempty" doc:"allow what the task calls of this tool from now on, too"`
}

// ResumeTask answers what a task waits for.
func (c *Client) ResumeTask(ctx context.Context, id core.TaskID, r Reply) (TaskDetail, error) {
	var t TaskDetail
	_, err := c.call(ctx, request{method: http.MethodPost, path: taskPath(id) + "/resume", body: r}, &t)
	return t, err
}

// TaskEvents yields a task's events with a version greater than after, as they
// come, and ends after the terminal one. A cut connection is resumed where it
// stopped; no event is missed or repeated.
func (c *Client) TaskEvents(ctx context.Context, id core.TaskID, after int64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for m, err := range c.stream(ctx, taskPath(id)+"/events", strconv.FormatInt(after, 10)) {
			e, err := decode[Event](m, err)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
