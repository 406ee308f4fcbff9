package platform

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/gateway/h1"
	callmeter "github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/model/openai"
	"github.com/isekai-run/isekai/internal/redact"
)

// openGateway opens the one way to models, for the API and the agents.
func (n *node) openGateway(context.Context) (err error) {
	if n.meter, err = callmeter.New(callmeter.Config{Ledger: n.books, Events: n.store, Records: n.store, IDs: core.NewID, Charge: n.cfg.Credits.Charge, Log: n.log}); err != nil {
		return err
	}
	n.gateway, err = gateway.New(gateway.Config{
		Observer: n.metrics, Catalog: n.catalog, Meter: n.meter, Secret: n.modelSecrets.Secret, Refused: n.modelSecrets.Refused, Clean: n.cleanCall, Answers: n.cleanAnswer, Transport: n.modelWay, Records: n.store, Log: n.log,
	})
	if err == nil {
		n.metrics.watch(n)
		n.stages.add("calls of models", func(context.Context) error { n.gateway.Close(); return nil })
	}
	return err
}

// cleanCall has a call's body be what the org's policy lets go. An agent's was cleaned before,
// with what is known of its task.
func (n *node) cleanCall(ctx context.Context, scope core.Scope, task core.TaskID, where string, body []byte) ([]byte, error) {
	if task != "" {
		return body, nil
	}
	return n.guard.Body(ctx, redact.Sighting{Scope: scope, Where: where}, body)
}

// cleanAnswer has an answer be what the org's policy lets go, if it says so of answers. An
// agent's stays as it is: what it has tools do is looked at when they do it.
func (n *node) cleanAnswer(ctx context.Context, scope core.Scope, task core.TaskID) (gateway.Cleaner, error) {
	if task != "" {
		return nil, nil
	}
	a, err := n.guard.Answer(ctx, redact.Sighting{Scope: scope, Where: "answer"})
	if a == nil {
		return nil, err
	}
	return answerCleaner{a}, err
}

// answerCleaner is a redact.Answer as the gateway knows it.
type answerCleaner struct{ *redact.Answer }

// Flow implements gateway.Cleaner.
func (a answerCleaner) Flow() gateway.Flow { return a.Answer.Flow() }

// modelWay is a way to providers of models: to plain HTTP/1.1 near by a short one.
func (n *node) modelWay(ofOrg bool, connect time.Duration) gateway.Way {
	t := n.modelTransport(ofOrg, connect)
	return &h1.Transport{Dial: t.DialContext, MaxIdlePerHost: t.MaxIdleConnsPerHost, MaxIdle: t.MaxIdleConns, Proxy: t.Proxy, Else: t}
}

// agentPatience is longer than all providers of a model together may take: each has its own times,
// by which the gateway gives it up and asks another.
const agentPatience = 24 * time.Hour

// agentModel is the gateway as a model of a task's. The gateway tries again by itself.
func (n *node) agentModel(scope core.Scope, task core.TaskID) model.Model {
	return openai.New(openai.Config{
		BaseURL: "http://gateway/v1", HTTPClient: &http.Client{Transport: n.gateway.ForTask(scope, task)}, Retries: -1, Hinted: true,
		FirstToken: agentPatience, Idle: agentPatience, Total: agentPatience,
	})
}

// prices are what tasks pay: the ledger's, and for a model what those cost that the catalog
// says may answer.
type prices struct {
	list    *ledger.Service
	catalog *catalog.Catalog
}

// Quote implements agent.Prices.
func (p prices) Quote(ctx context.Context, org core.OrgID, name string) (agent.Quote, error) {
	asked, isModel := strings.CutPrefix(name, "model/")
	if !isModel || asked == agent.Blueprint {
		return agent.Listed{List: p.list}.Quote(ctx, org, name)
	}
	view, err := p.catalog.Of(ctx, org)
	if err != nil {
		return agent.Quote{}, err
	}
	to, err := view.Resolve(asked, dialect.OpChat)
	if err != nil {
		return agent.Listed{List: p.list}.Quote(ctx, org, name)
	}
	by := map[model.Origin]core.Price{}
	for _, tier := range to.Tiers {
		for _, t := range tier {
			if by[model.Origin{Provider: t.Provider.Name, Model: t.Model, Exact: t.Provider.ID}], err = p.of(ctx, org, t); err != nil {
				return agent.Quote{}, err
			}
		}
	}
	return agent.Ceiling(by), nil
}

func (p prices) of(ctx context.Context, org core.OrgID, t catalog.Target) (core.Price, error) {
	if t.Price != nil {
		return *t.Price, nil
	}
	return p.list.Price(ctx, org, t.PriceName)
}
