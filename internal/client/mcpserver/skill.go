package mcpserver

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

type (
	skillName struct {
		Skill string `json:"skill" jsonschema:"the skill's name"`
	}
	skillRun struct {
		skillName
		Prompt  string `json:"prompt" jsonschema:"what is wanted, 1 to 4,900 characters"`
		Model   string `json:"model,omitempty" jsonschema:"a configured model; default: the first configured"`
		Credits int64  `json:"credits,omitempty" jsonschema:"micro-credits that it may use, where tasks are charged"`
		Key     string `json:"idempotency_key,omitempty" jsonschema:"a text of your own: a call with the same one makes no second task"`
	}
)

// skills are the tools for what teaches a project's tasks jobs.
func (t *tools) skills() {
	add(t, mcp.Tool{Name: "list_skills", Description: "List the skills that the project's tasks are offered.", Annotations: reads("List skills")},
		func(ctx context.Context, api *client.Client, _ struct{}) (any, error) {
			all, err := api.Skills(ctx)
			var offered []client.Skill
			for _, k := range all {
				if k.Enabled && !k.Hidden {
					offered = append(offered, k)
				}
			}
			return list(offered, ""), err
		})
	add(t, mcp.Tool{Name: "show_skill", Description: "Show a skill: its instructions, the names of its files, and the tools that it uses.", Annotations: reads("Show a skill")},
		func(ctx context.Context, api *client.Client, in skillName) (any, error) {
			return api.Skill(ctx, in.Skill)
		})
	add(t, mcp.Tool{Name: "run_skill", Description: "Start a task that uses a skill. It goes on by itself; task_events says how far it is.", Annotations: writes("Run a skill", false, false)}, runSkill)
}

// runSkill starts a task whose prompt names the skill, which is how a person has one used. One
// that the project has no use of is said at once.
func runSkill(ctx context.Context, api *client.Client, in skillRun) (any, error) {
	k, err := api.Skill(ctx, in.Skill)
	switch {
	case err != nil:
		return nil, err
	case !k.Enabled:
		return nil, core.E(core.Denied, "skill", "the project has turned the skill "+k.Name+" off").WithHint("an admin turns it on: isekai skill enable " + k.Name)
	}
	n := client.NewTask{Kind: core.KindTask, Prompt: "Use the skill " + k.Name + " for this:\n\n" + in.Prompt, Model: in.Model, Limits: client.Limits{Credits: core.Credits(in.Credits)}}
	return api.CreateTask(ctx, n, in.Key)
}
