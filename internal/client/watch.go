package client

import (
	"context"
	"net/http"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// NewWatch is what is to be watched.
type NewWatch struct {
	Name     string  `json:"name" minLength:"1" maxLength:"100" doc:"what it is about" example:"the price of tea"`
	URL      string  `json:"url" minLength:"8" maxLength:"2000" doc:"a page, or a JSON API" example:"https://example.com/tea"`
	Schedule string  `json:"schedule,omitempty" maxLength:"100" doc:"every DURATION, or cron's five fields, in UTC or after CRON_TZ=ZONE; every 1h if not given" example:"every 1h"`
	Selector string  `json:"selector,omitempty" maxLength:"1000" doc:"of CSS: the element to look at"`
	Pointer  string  `json:"pointer,omitempty" maxLength:"1000" doc:"of JSON (RFC 6901): the value to look at"`
	Pattern  string  `json:"pattern,omitempty" maxLength:"1000" doc:"RE2: its first group, or all that it matches, of the element, the value or the text"`
	When     string  `json:"when,omitempty" enum:"changes,above,below" doc:"what is told; changes if not given"`
	Than     float64 `json:"than,omitempty" doc:"the threshold of above and below"`
	By       float64 `json:"by,omitempty" minimum:"0" doc:"of changes: by how much a number has to change at least; 0: any change of a text"`
	Prompt   string  `json:"prompt,omitempty" maxLength:"4000" doc:"of a task that a change starts; {name}, {url}, {before} and {after} stand for what they say"`
}

// Watch is a watch and what it saw last.
type Watch struct {
	ID      string         `json:"id"`
	Project core.ProjectID `json:"project"`
	NewWatch
	By       core.Actor  `json:"made_by"`
	Task     core.TaskID `json:"task,omitempty" doc:"in which an agent asked for it"`
	Created  time.Time   `json:"created"`
	Next     time.Time   `json:"next" doc:"when it is looked at again"`
	Checked  *time.Time  `json:"checked,omitempty" doc:"when it was looked at last"`
	Changed  *time.Time  `json:"changed,omitempty" doc:"when a change was told last"`
	Value    string      `json:"value" doc:"what was seen: data from the page"`
	Failures int         `json:"failures,omitempty" doc:"looks in a row that failed"`
	Trouble  string      `json:"trouble,omitempty" doc:"why the last one did"`
	Notes    []WatchNote `json:"notes,omitempty" doc:"what was told, the newest first; not in lists"`
}

// WatchNote is something that a watch told.
type WatchNote struct {
	At       time.Time   `json:"at"`
	Before   string      `json:"before,omitempty"`
	After    string      `json:"after,omitempty"`
	Task     core.TaskID `json:"task,omitempty" doc:"that was started for it"`
	Failures int         `json:"failures,omitempty" doc:"that it couldn't be looked at so often in a row"`
	Why      string      `json:"why,omitempty"`
}

// Watches returns the project's watches, the newest first.
func (c *Client) Watches(ctx context.Context) ([]Watch, error) {
	return get[[]Watch](ctx, c, "/v1/watches", nil)
}

// Watch returns one, with what it told last.
func (c *Client) Watch(ctx context.Context, id string) (Watch, error) {
	return get[Watch](ctx, c, "/v1/watches/"+escape(id), nil)
}

// CreateWatch makes one.
func (c *Client) CreateWatch(ctx context.Context, n NewWatch, idempotencyKey string) (Watch, error) {
	return create[Watch](ctx, c, "/v1/watches", n, idempotencyKey)
}

// RemoveWatch ends one.
func (c *Client) RemoveWatch(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/v1/watches/"+escape(id), nil)
}
