package agent

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// UsageView is the name of the view of what each task has used.
const UsageView = "usage"

// Usage is what a task has used so far: the data of a row of UsageView.
type Usage struct {
	Task       core.TaskID  `json:"task"`
	Model      string       `json:"model"`
	ModelCalls int          `json:"model_calls"`
	ToolCalls  int          `json:"tool_calls"`
	Input      int          `json:"input"`             // tokens
	Output     int          `json:"output"`            // tokens
	Credits    core.Credits `json:"credits,omitempty"` // of a charged task
	Seconds    int64        `json:"seconds"`           // from its creation to its last event
	CreatedAt  time.Time    `json:"created_at"`
}

// metered are the events after which the view follows a task: not every call, as each
// look reads the whole stream.
var metered = map[string]bool{
	core.TaskCreated{}.EventType(): true, core.StepStarted{}.EventType(): true, core.TaskFinished{}.EventType(): true,
}

// NewUsageProjector returns the consumer of the bus that keeps UsageView.
func NewUsageProjector(st store.ProjectorStore) *store.Projector {
	return &store.Projector{
		Store: st, View: UsageView,
		Wants: func(eventType string) bool { return metered[eventType] },
		Row: func(events []core.Event) (store.Row, error) {
			s, err := Fold(State{}, events...)
			if err != nil {
				return store.Row{}, err
			}
			return s.usageRow()
		},
	}
}

func (s State) usageRow() (store.Row, error) {
	data, err := json.Marshal(Usage{
		Task: s.Task, Model: s.Model, ModelCalls: s.ModelCalls, ToolCalls: s.ToolCalls,
		Input: s.Used.Input, Output: s.Used.Output, Credits: s.Spent - s.SubSpent, Seconds: int64(s.UpdatedAt.Sub(s.CreatedAt) / time.Second), CreatedAt: s.CreatedAt,
	})
	if err != nil {
		return store.Row{}, fmt.Errorf("project usage: %w", err)
	}
	return store.Row{
		ID: string(s.Task), Project: s.Project, Kind: string(s.Created.Kind), Status: string(s.Status),
		Sort: s.CreatedAt.UnixMilli(), Data: data,
	}, nil
}

// UsageFromRow reads a row of UsageView.
func UsageFromRow(r store.Row) (Usage, error) {
	var u Usage
	if err := json.Unmarshal(r.Data, &u); err != nil {
		return u, core.E(core.Internal, "agent.usage", "row "+r.ID+" doesn't decode").Because(err)
	}
	return u, nil
}
