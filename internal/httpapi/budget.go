package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/store"
)

type (
	// BudgetQuery names what a budget is of.
	BudgetQuery struct {
		Of string `query:"of" required:"true" maxLength:"80" doc:"org, project/ID, key/ID or task/ID" example:"project/prj_01hx"`
	}
	setBudget struct {
		BudgetQuery
		Body client.NewBudget
	}
	// PriceQuery names a price, of all orgs or of one.
	PriceQuery struct {
		Name string     `query:"name" required:"true" maxLength:"200" doc:"model/NAME, tool/NAME, model/*, tool/* or storage" example:"model/gpt-5-mini"`
		Org  core.OrgID `query:"org" maxLength:"64" doc:"which org pays it; default: all with which nothing else was agreed"`
	}
	setPrice struct {
		PriceQuery
		Body core.Price
	}
)

func (s *server) budgets() {
	tags := []string{"credits"}
	const path = "/v1/budgets"
	act(s, identity.CreditRead, huma.Operation{
		OperationID: "list-budgets", Method: http.MethodGet, Path: path, Summary: "List the org's budgets", Tags: tags,
		Description: "Who is held to projects sees theirs and the org's.",
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[[]client.Budget], error) {
		all, err := s.cfg.Ledger.Budgets(ctx, p.Scope.Org)
		seen := []client.Budget{}
		for _, b := range all {
			project, ok := strings.CutPrefix(string(b.Subject), "project/")
			if len(p.Projects) == 0 || b.Subject == ledger.OfOrg || ok && p.MayUse(core.ProjectID(project)) {
				seen = append(seen, wireBudget(b))
			}
		}
		return &reply[[]client.Budget]{seen}, err
	})
	act(s, identity.BudgetWrite, huma.Operation{
		OperationID: "set-budget", Method: http.MethodPut, Path: path, Summary: "Bound what the org, a project, an API key or a task may use", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *setBudget) (*reply[client.Budget], error) {
		if err := s.budgeted(ctx, p, in.Of); err != nil {
			return nil, err
		}
		window := ledger.Window(cmp.Or(in.Body.Window, string(ledger.Month)))
		b, err := s.cfg.Ledger.SetBudget(ctx, p.Scope.Org, ledger.Subject(in.Of), in.Body.Limit, window)
		if err == nil {
			err = s.record(ctx, p.Scope.Org, auditlog.Entry{Action: "budget.set", Target: in.Of, Detail: map[string]string{"limit": in.Body.Limit.String(), "window": string(window)}})
		}
		return replied(b, err, wireBudget)
	})
	act(s, identity.BudgetWrite, huma.Operation{
		OperationID: "remove-budget", Method: http.MethodDelete, Path: path, Summary: "Remove a budget", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *BudgetQuery) (*struct{}, error) {
		err := s.cfg.Ledger.RemoveBudget(ctx, p.Scope.Org, ledger.Subject(in.Of))
		if err == nil {
			err = s.record(ctx, p.Scope.Org, auditlog.Entry{Action: "budget.remove", Target: in.Of})
		}
		return nil, err
	})
}

// budgeted returns not_found for what isn't the org's. The ledger says what has no budgets
// at all.
func (s *server) budgeted(ctx context.Context, p identity.Principal, of string) error {
	kind, id, _ := strings.Cut(of, "/")
	switch kind {
	case "project":
		asks := p
		asks.Key = "" // its scope was for this, and what is there isn't told
		_, err := s.cfg.Identity.Project(ctx, asks, core.ProjectID(id))
		return err
	case "task":
		_, err := s.cfg.Tasks.Get(ctx, p.Scope, core.TaskID(id))
		return err
	case "key":
		return s.hasKey(ctx, p, core.KeyID(id))
	}
	return nil
}

// hasKey returns not_found unless the org has the API key.
func (s *server) hasKey(ctx context.Context, p identity.Principal, id core.KeyID) error {
	p.Key = "" // as in budgeted
	for after := ""; ; {
		page, next, err := s.cfg.Identity.Keys(ctx, p, "", after, store.MaxLimit)
		if err != nil {
			return err
		}
		for _, k := range page {
			if k.ID == id {
				return nil
			}
		}
		if after = next; after == "" {
			return core.E(core.NotFound, "budget", "there is no such key")
		}
	}
}

// prices are an operator's routes to what orgs pay.
func (s *server) prices() {
	const path = "/v1/installation/prices"
	act(s, identity.OperateRead, huma.Operation{
		OperationID: "show-prices-of", Method: http.MethodGet, Path: path, Summary: "Show what an org pays, or all",
	}, func(ctx context.Context, _ identity.Principal, in *struct {
		Org core.OrgID `query:"org" maxLength:"64" doc:"default: all with which nothing else was agreed"`
	}) (*reply[client.Prices], error) {
		org, err := s.payer(ctx, in.Org)
		if err != nil {
			return nil, err
		}
		return s.pricesOf(ctx, org)
	})
	act(s, identity.Operate, huma.Operation{
		OperationID: "set-price", Method: http.MethodPut, Path: path, Summary: "Set what an org pays for something, or all",
		Description: "What the price doesn't name is free.",
	}, func(ctx context.Context, _ identity.Principal, in *setPrice) (*struct{}, error) {
		return nil, s.setPrice(ctx, in.PriceQuery, &in.Body)
	})
	act(s, identity.Operate, huma.Operation{
		OperationID: "remove-price", Method: http.MethodDelete, Path: path, Summary: "Have a price be as if it had never been set",
	}, func(ctx context.Context, _ identity.Principal, in *PriceQuery) (*struct{}, error) {
		return nil, s.setPrice(ctx, *in, nil)
	})
}

// payer is the org that a price is of: core.Installation for all.
func (s *server) payer(ctx context.Context, org core.OrgID) (core.OrgID, error) {
	if org == "" {
		return core.Installation, nil
	}
	return s.subject(ctx, OrgQuery{org})
}

func (s *server) setPrice(ctx context.Context, q PriceQuery, p *core.Price) error {
	org, err := s.payer(ctx, q.Org)
	if err != nil {
		return err
	}
	if err := s.cfg.Ledger.SetPrice(ctx, org, q.Name, p); err != nil {
		return err
	}
	e := auditlog.Entry{Action: "price.remove", Target: q.Name}
	if p != nil {
		e.Action = "price.set"
		e.Detail = map[string]string{
			"input": p.Input.String(), "cached": p.Cached.String(), "output": p.Output.String(),
			"cache_write": p.CacheWrite.String(), "cache_write_1h": p.CacheWrite1h.String(),
			"call": p.Call.String(), "second": p.Second.String(), "gib_day": p.GiBDay.String(),
		}
		if p.Above != nil {
			e.Detail["above"] = p.Above.String()
		}
	}
	return s.record(ctx, org, e)
}

func (s *server) pricesOf(ctx context.Context, org core.OrgID) (*reply[client.Prices], error) {
	list, err := s.cfg.Ledger.Prices(ctx, org)
	return replied(list, err, func(l ledger.PriceList) client.Prices { return client.Prices(l) })
}

func wireBudget(b ledger.Budget) client.Budget {
	return client.Budget{Of: string(b.Subject), Window: string(b.Window), Limit: b.Limit, Period: b.Period, Used: b.Used, Held: b.Held, Left: b.Left, Reached: b.Reached}
}
