// Package client holds the wire types of the HTTP API and its Go client. The
// CLI is its first user; httpapi serves these very types.
//
// It knows nothing of how the server works.
package client

import (
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Task is a task as the API shows it.
type Task struct {
	ID      core.TaskID     `json:"id"`
	Kind    core.TaskKind   `json:"kind" enum:"app,task,chat"`
	Status  core.TaskStatus `json:"status" enum:"queued,running,waiting,succeeded,failed,canceled"`
	Prompt  string          `json:"prompt"`
	Title   string          `json:"title,omitempty" doc:"the plan's title"`
	Model   string          `json:"model"`
	Parent  core.TaskID     `json:"parent,omitempty" doc:"of a sub-task: the task that it is of"`
	App     core.AppID      `json:"app,omitempty" doc:"the app that it makes or changes"`
	Version int             `json:"version,omitempty" doc:"the app's version that it made"`
	Summary string          `json:"summary,omitempty"`
	// Approval is what a person is asked, while it waits.
	Approval  *core.ApprovalRequested `json:"approval,omitempty" doc:"what a person is asked, when the status is waiting"`
	Error     *core.Failure           `json:"error,omitempty"`
	CreatedAt time.Time               `json:"created_at"`
	UpdatedAt time.Time               `json:"updated_at"`
}

// TaskDetail is a task with what it takes its whole stream to know.
type TaskDetail struct {
	Task
	Answer  string          `json:"answer,omitempty" doc:"the last thing that the model said in its work"`
	Plan    *core.Plan      `json:"plan,omitempty"`
	Step    int             `json:"step" doc:"index of the plan's step at hand"`
	Limits  Limits          `json:"limits"`
	Calls   int             `json:"calls" doc:"model and tool calls made"`
	Tokens  int             `json:"tokens"`
	Tests   core.TestReport `json:"tests"`
	Events  int64           `json:"events" doc:"the stream's version"`
	Retries int             `json:"retries" doc:"attempts of the step at hand that have failed"`
}

// Limits bound a task. In a request, what is 0 or absent has its default.
type Limits struct {
	Attempts    int          `json:"attempts,omitempty" minimum:"0" maximum:"20" doc:"tries at one step"`
	Plans       int          `json:"plans,omitempty" minimum:"0" maximum:"20" doc:"plans, the first included"`
	Steps       int          `json:"steps,omitempty" minimum:"0" maximum:"1000" doc:"attempts at steps in all"`
	Calls       int          `json:"calls,omitempty" minimum:"0" maximum:"10000" doc:"model and tool calls"`
	Tokens      int          `json:"tokens,omitempty" minimum:"0" doc:"model tokens, in and out"`
	WallSeconds int          `json:"wall_seconds,omitempty" minimum:"0" maximum:"604800" doc:"time since the task was created"`
	Credits     core.Credits `json:"credits,omitempty" minimum:"0" doc:"micro-credits that are held for it, if tasks are charged"`
}

// NewTask asks for a task.
type NewTask struct {
	Kind      core.TaskKind `json:"kind" enum:"app,task" doc:"app: a running, tested web app; task: work with tools in a workspace"`
	Prompt    string        `json:"prompt" doc:"1 to 5,000 characters"`
	Model     string        `json:"model,omitempty" doc:"a configured model, or blueprint for the built-in planner; default: the first configured, else blueprint"`
	Workspace string        `json:"workspace,omitempty" doc:"absolute path of a folder on the server's machine, for kind task"`
	// Repository and Branch are what a task of kind task begins with.
	Repository string `json:"repository,omitempty" maxLength:"63" doc:"a git repository of the project, by name, for kind task: the workspace begins with its newest files"`
	Branch     string `json:"branch,omitempty" maxLength:"200" doc:"of the repository; its usual one if not given"`
	Limits     Limits `json:"limits,omitzero"`
}

// NewChange asks for an app's next version.
type NewChange struct {
	Prompt string `json:"prompt" doc:"1 to 5,000 characters"`
	Model  string `json:"model,omitempty"`
	Limits Limits `json:"limits,omitzero"`
}

// Event is an event of a task or an app.
type Event = core.Event

// App is an app as the API shows it.
type App struct {
	ID        core.AppID `json:"id"`
	Name      string     `json:"name" doc:"its label in the preview's host name"`
	Title     string     `json:"title"`
	Status    string     `json:"status" enum:"running,stopped"`
	URL       string     `json:"url,omitempty" doc:"where it runs"`
	Version   int        `json:"version" doc:"the selected version"`
	Versions  int        `json:"versions" doc:"how many there are"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
}

// AppDetail is an app with its selected version.
type AppDetail struct {
	App
	Selected Version `json:"selected"`
	Dir      string  `json:"dir,omitempty" doc:"folder of the selected version's files on the server's machine"`
	ETag     string  `json:"-"`
}

// Version is an immutable version of an app.
type Version struct {
	Number      int             `json:"number"`
	Parent      int             `json:"parent" doc:"0 for the first"`
	Prompt      string          `json:"prompt"`
	Task        core.TaskID     `json:"task"`
	Tests       core.TestReport `json:"tests"`
	Runtime     string          `json:"runtime"`
	Suggestions []string        `json:"suggestions"`
	Notes       []string        `json:"notes"`
	CreatedAt   time.Time       `json:"created_at"`
}

// File is a file of a version.
type File struct {
	Path       string `json:"path"`
	Size       int64  `json:"size" doc:"bytes"`
	Executable bool   `json:"executable,omitempty"`
}

// Diff is what changed between two versions.
type Diff struct {
	From  int        `json:"from"`
	To    int        `json:"to"`
	Files []FileDiff `json:"files"`
}

// FileDiff is what changed in a file.
type FileDiff struct {
	Path    string `json:"path"`
	Change  string `json:"change" enum:"added,removed,modified"`
	Unified string `json:"unified,omitempty" doc:"unified diff; absent for a binary or a long file"`
	Binary  bool   `json:"binary,omitempty"`
	TooLong bool   `json:"too_long,omitempty"`
}

// LogLine is a line of a running app's output.
type LogLine struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	From    string    `json:"from" enum:"stdout,stderr,isekai"`
	Text    string    `json:"text"`
	Dropped int64     `json:"dropped,omitempty" doc:"lines that are gone before this one, because the reader was slow"`
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"cursor of the next page; absent at the end"`
}

// Health is the deep health of a server.
type Health struct {
	Status  string        `json:"status" enum:"ok,degraded"`
	Version string        `json:"version"`
	Model   string        `json:"model" doc:"what tasks use that name no model; blueprint is the built-in planner"`
	Notice  string        `json:"notice,omitempty" doc:"how to configure a model, if there is none"`
	Checks  []HealthCheck `json:"checks"`
}

// HealthCheck is one dependency's health.
type HealthCheck struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
	Hint   string `json:"hint,omitempty"`
}

// Problem is an error as the API sends it: RFC 9457 with the fields that
// Isekai adds.
type Problem struct {
	Type      string    `json:"type,omitempty"`
	Title     string    `json:"title"`
	Status    int       `json:"status"`
	Detail    string    `json:"detail,omitempty"`
	Code      core.Code `json:"code"`
	Hint      string    `json:"hint,omitempty"`
	RequestID string    `json:"request_id,omitempty"`
}
