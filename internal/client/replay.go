package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Frame is one event of a task's replay, with what the task was after it.
type Frame struct {
	Version  int64           `json:"version"`
	Type     string          `json:"type"`
	At       time.Time       `json:"at"`
	By       string          `json:"by" enum:"decided,outcome,outside" doc:"whether it follows from the events before, is the outcome of a call, or comes from outside"`
	Status   core.TaskStatus `json:"status"`
	Plan     int             `json:"plan" doc:"how many plans there were"`
	Step     int             `json:"step"`
	Attempt  int             `json:"attempt"`
	Calls    int             `json:"calls"`
	Tokens   int             `json:"tokens"`
	Spent    core.Credits    `json:"spent,omitempty"`
	Tree     core.Digest     `json:"tree,omitempty" doc:"the files, if the workspace is the task's own"`
	Next     string          `json:"next" doc:"what the task wanted then"`
	Diverges string          `json:"diverges,omitempty" doc:"how the event differs from what the task wanted; an earlier build may have decided otherwise"`
}

// Fork asks for a task that goes on from a point of another.
type Fork struct {
	At     int64   `json:"at,omitempty" minimum:"0" doc:"the version up to which it is the same; 0: as far as it can be"`
	Prompt string  `json:"prompt,omitempty" doc:"another one, for which is planned anew with the files as they are"`
	Model  string  `json:"model,omitempty" doc:"another one"`
	Limits *Limits `json:"limits,omitempty" doc:"others; what was done before the fork isn't counted"`
}

// TaskDiff is how two tasks differ.
type TaskDiff struct {
	A     Task       `json:"a"`
	B     Task       `json:"b"`
	Lines string     `json:"lines" doc:"unified: what each did, a line for each step, call and verdict"`
	Files []FileDiff `json:"files"`
}

// ReplayTask rebuilds a task from its events, without any effect.
func (c *Client) ReplayTask(ctx context.Context, id core.TaskID) ([]Frame, error) {
	return get[[]Frame](ctx, c, taskPath(id)+"/replay", nil)
}

// ForkTask makes a task that goes on from a point of another. The same idempotency key, if it
// isn't empty, gives the same task again.
func (c *Client) ForkTask(ctx context.Context, id core.TaskID, f Fork, idempotencyKey string) (TaskDetail, error) {
	return create[TaskDetail](ctx, c, taskPath(id)+"/fork", f, idempotencyKey)
}

// DiffTasks compares two tasks.
func (c *Client) DiffTasks(ctx context.Context, a, b core.TaskID) (TaskDiff, error) {
	return get[TaskDiff](ctx, c, taskPath(a)+"/diff", url.Values{"with": {string(b)}})
}

// ExportTask copies the files of a task's workspace as they were after one of its events, 0 for
// the last, as an archive ("zip" or "tar.gz") to w.
func (c *Client) ExportTask(ctx context.Context, id core.TaskID, at int64, format string, w io.Writer) error {
	q := url.Values{"format": {format}}
	if at != 0 {
		q.Set("at", strconv.FormatInt(at, 10))
	}
	return c.copy(ctx, request{method: http.MethodGet, path: taskPath(id) + "/export", query: q}, w)
}
