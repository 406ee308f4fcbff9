package platform

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/blueprint"
	"github.com/isekai-run/isekai/internal/model/openai"
)

// models are the models that tasks can use: the configured one, if there is
// one, and the built-in planner.
type models struct {
	planner    model.Model
	configured model.Model // nil: none
	defaultTo  string      // its model's name
	offered    []string    // names that are known to exist; nil: any may
}

// newModels finds the model to use: what is configured, else a local Ollama,
// else none.
func newModels(ctx context.Context, cfg Model, planner *blueprint.Planner) models {
	m := models{planner: planner}
	switch {
	case cfg.APIKey != "" || cfg.BaseURL != "":
		m.configured = openai.New(openai.Config{BaseURL: cfg.BaseURL, APIKey: cfg.APIKey.Reveal(), Total: cfg.Timeout})
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
		base, err := url.JoinPath(cfg.Ollama, "v1")
		if err != nil {
			break
		}
		m.configured = openai.New(openai.Config{BaseURL: base, Total: cfg.Timeout})
		m.offered = names
		if m.defaultTo = cfg.Name; m.defaultTo == "" {
			m.defaultTo = names[0]
		}
	}
	return m
}

func (m models) name() string {
	if m.configured == nil {
		return agent.Blueprint
	}
	return m.defaultTo
}

// notice says how to configure a model, if there is none.
func (m models) notice() string {
	if m.configured != nil {
		return ""
	}
	return "Using the built-in planner: no model is configured. To use one, set OPENAI_API_KEY\n" +
		"(and OPENAI_BASE_URL for another provider), or start Ollama on this machine."
}

// resolve turns what a caller asked for into a model's name.
func (m models) resolve(asked string, kind core.TaskKind) (string, error) {
	switch {
	case asked == agent.Blueprint, asked == "" && m.configured == nil:
		return agent.Blueprint, nil // a task that needs a model is refused by its own rule
	case asked == "":
		return m.defaultTo, nil
	case m.configured == nil:
		return "", core.E(core.Unsupported, "model", "no model is configured, so there is no "+asked).
			WithHint("set OPENAI_API_KEY (and OPENAI_BASE_URL for another provider), or start Ollama on this machine")
	case m.offered != nil && !slices.Contains(m.offered, asked):
		return "", core.E(core.NotFound, "model", "there is no model "+asked).WithHint("there are: " + strings.Join(m.offered, ", "))
	}
	return asked, nil
}

// use returns the model of a name that resolve gave, now or in another run.
func (m models) use(name string) (model.Model, string, error) {
	switch {
	case name == agent.Blueprint:
		return m.planner, name, nil
	case m.configured == nil:
		return nil, "", core.E(core.Unsupported, "model", "the model "+name+" isn't configured any more").
			WithHint("set OPENAI_API_KEY (and OPENAI_BASE_URL for another provider), or start Ollama on this machine")
	}
	return m.configured, name, nil
}
