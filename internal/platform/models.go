package platform

import (
	"context"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/blueprint"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/openai"
)

// models are the models that tasks can use: the configured one, if there is
// one, and the built-in planner.
type models struct {
	planner    model.Model
	configured bool     // there is one
	defaultTo  string   // its model's name
	offered    []string // names that are known to exist; nil: any may
}

// newModels finds the model to use: what is configured, else a local Ollama,
// else none.
func newModels(ctx context.Context, cfg Model, planner *blueprint.Planner) models {
	m := models{planner: planner}
	switch {
	case cfg.APIKey != "" || cfg.BaseURL != "":
		m.configured = true
		if m.defaultTo = cfg.Name; m.defaultTo == "" {
			m.defaultTo = DefaultModel
		}
	case cfg.Ollama != "":
		probe, done := context.WithTimeout(ctx, 300*time.Millisecond)
		defer done()
		names, err := openai.DetectOllama(probe, cfg.Ollama)
		if err != nil || len(names) == 0 {
			break // no Ollama is the usual case, and no error
		}
		m.configured = true
		m.offered = names
		if m.defaultTo = cfg.Name; m.defaultTo == "" {
			m.defaultTo = names[0]
		}
	}
	return m
}

func (m models) name() string {
	if !m.configured {
		return agent.Blueprint
	}
	return m.defaultTo
}

// defaultRoute is the route whose targets are asked where nobody names a model.
const defaultRoute = "default"

// resolveModel turns what somebody asked for, for a task, into a model's name: by their org's
// catalog. Without a name it is the route "default", if there is one, then the configured
// model, and then the built-in planner.
func (n *node) resolveModel(ctx context.Context, org core.OrgID, asked string) (string, error) {
	if asked == agent.Blueprint {
		return asked, nil // a task that needs a model is refused by its own rule
	}
	view, err := n.catalog.Of(ctx, org)
	if err != nil {
		return "", err
	}
	if asked == "" {
		return n.usualModel(view), nil
	}
	if _, err := view.Resolve(asked, dialect.OpChat); err != nil {
		if len(view.Providers()) == 0 {
			return "", core.E(core.Unsupported, "model", "no model is configured, so there is no "+asked).
				WithHint("add a provider: isekai model add; or set OPENAI_API_KEY (and OPENAI_BASE_URL for another provider), or start Ollama on this machine")
		}
		return "", err
	}
	return asked, nil
}

// usualModel is the model of who names none.
func (n *node) usualModel(view *catalog.View) string {
	if _, err := view.Resolve(defaultRoute, dialect.OpChat); err == nil && view.Routed(defaultRoute) {
		return defaultRoute
	}
	return n.models.name()
}

// usual is the model that tasks of an org have where nobody names one, and how to have
// another, if it is the built-in planner.
func (n *node) usual(ctx context.Context, org core.OrgID) (name, notice string) {
	view, err := n.catalog.Of(ctx, org)
	if err != nil { // it is told by whoever needs it
		return n.models.name(), ""
	}
	switch name = n.usualModel(view); {
	case name != agent.Blueprint:
	case len(view.Providers()) > 0:
		notice = "Using the built-in planner where no model is named. isekai model list shows what there is: --model NAME\n" +
			"uses one, and isekai model route default PROVIDER/MODEL has all tasks do."
	default:
		notice = "Using the built-in planner: no model is configured. To use one, isekai model add, or set OPENAI_API_KEY\n" +
			"(and OPENAI_BASE_URL for another provider), or start Ollama on this machine."
	}
	return name, notice
}
