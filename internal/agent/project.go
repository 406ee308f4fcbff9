package agent

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// View is the name of the view that lists tasks.
const View = "tasks"

// Summary is a task as lists show it: the data of a row of View.
type Summary struct {
	ID      core.TaskID     `json:"id"`
	Kind    core.TaskKind   `json:"kind"`
	Status  core.TaskStatus `json:"status"`
	Prompt  string          `json:"prompt"`
	Title   string          `json:"title,omitempty"`
	Model   string          `json:"model"`
	Parent  core.TaskID     `json:"parent,omitempty"`
	App     core.AppID      `json:"app,omitempty"`
	Version int             `json:"version,omitempty"`
	Summary string          `json:"summary,omitempty"`
	// Approval is what a person is asked, while it waits.
	Approval  *core.ApprovalRequested `json:"approval,omitempty"`
	Error     *core.Failure           `json:"error,omitempty"`
	CreatedAt time.Time               `json:"created_at"`
	UpdatedAt time.Time               `json:"updated_at"`
}

// Summary returns the task as lists show it.
func (s State) Summary() Summary {
	sum := Summary{
		ID: s.Task, Kind: s.Created.Kind, Status: s.Status, Prompt: s.Created.Prompt, Model: s.Model,
		App: s.Created.App, Version: s.Published, Approval: s.Question(), CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
	}
	if s.Created.Parent != nil {
		sum.Parent = s.Created.Parent.Task
	}
	if s.Plan != nil {
		sum.Title = s.Plan.Title
	}
	if s.Finished != nil {
		sum.Version, sum.Summary, sum.Error = s.Finished.Version, s.Finished.Summary, s.Finished.Error
	}
	return sum
}

// listed are the events after which a task looks different in a list.
var listed = map[string]bool{
	core.TaskCreated{}.EventType(): true, core.TaskPlanned{}.EventType(): true, core.StepStarted{}.EventType(): true,
	core.ModelSwitched{}.EventType(): true, core.TaskForked{}.EventType(): true, core.ApprovalRequested{}.EventType(): true, core.ApprovalAnswered{}.EventType(): true,
	core.TaskCancelRequested{}.EventType(): true, core.TaskFinished{}.EventType(): true,
}

// NewProjector returns the consumer of the bus that keeps View.
func NewProjector(st store.ProjectorStore) *store.Projector {
	return &store.Projector{
		Store: st, View: View,
		Wants: func(eventType string) bool { return listed[eventType] },
		Row: func(events []core.Event) (store.Row, error) {
			s, err := Fold(State{}, events...)
			if err != nil {
				return store.Row{}, err
			}
			return s.row()
		},
	}
}

func (s State) row() (store.Row, error) {
	data, err := json.Marshal(s.Summary())
	if err != nil {
		return store.Row{}, fmt.Errorf("project task: %w", err)
	}
	return store.Row{
		ID: string(s.Task), Project: s.Project, Kind: string(s.Created.Kind), Status: string(s.Status),
		Sort: s.CreatedAt.UnixMilli(), Data: data,
	}, nil
}

// FromRow reads a row of View.
func FromRow(r store.Row) (Summary, error) {
	var s Summary
	if err := json.Unmarshal(r.Data, &s); err != nil {
		return s, core.E(core.Internal, "agent.view", "row "+r.ID+" doesn't decode").Because(err)
	}
	return s, nil
}
