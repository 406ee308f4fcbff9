package platform

import (
	"context"
	"strings"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/redact"
	"github.com/isekai-run/isekai/internal/tool"
)

// openGuard opens the filter of what goes to models and tools.
func (n *node) openGuard(context.Context) error {
	told := newSightings(n.audit.Record, n.log)
	n.guard = redact.NewService(redact.ServiceConfig{Records: n.store, Secrets: n.keptBy, Found: told.tell})
	return nil
}

// keptBy returns the secrets that an org keeps in its vault.
func (n *node) keptBy(ctx context.Context, org core.OrgID) ([]redact.Value, error) {
	kept, more, err := n.secrets.Values(ctx, org)
	if err != nil {
		return nil, err
	}
	if more {
		n.log.WarnContext(ctx, "an org keeps more secrets than are looked for by value", "org", org, "looked for", len(kept))
	}
	all := make([]redact.Value, len(kept))
	for i, k := range kept {
		all[i] = redact.Value{Name: k.Name, Text: strings.TrimSpace(k.Secret.Reveal())} // a file ends with a line break; what quotes it need not
	}
	return all, nil
}

// modelOf returns the model of a name for a task. The built-in planner works in this
// process, where nothing leaves, and reads the person's own words; every other one gets what
// the org's policy lets go.
func (n *node) modelOf(scope core.Scope, task core.TaskID, name string) (model.Model, string, error) {
	if name == agent.Blueprint {
		return n.models.planner, name, nil
	}
	return n.guard.Model(scope, task, n.agentModel(scope, task)), name, nil
}

// guarded puts the filter before tools.
func guarded(g *redact.Service, all []tool.Tool) []tool.Tool {
	out := make([]tool.Tool, len(all))
	for i, t := range all {
		out[i] = g.Tool(t)
	}
	return out
}
