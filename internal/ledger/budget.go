package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Subject is what has a budget: OfOrg, or what OfProject, OfKey or OfTask return.
type Subject string

// OfOrg is the whole org.
const OfOrg Subject = "org"

// OfProject is a project.
func OfProject(id core.ProjectID) Subject { return Subject("project/" + string(id)) }

// OfKey is an API key: the tasks that it creates.
func OfKey(id core.KeyID) Subject { return Subject("key/" + string(id)) }

// OfTask is a task.
func OfTask(id core.TaskID) Subject { return Subject("task/" + string(id)) }

func (s Subject) valid() bool {
	kind, id, _ := strings.Cut(string(s), "/")
	switch kind {
	case "org":
		return s == OfOrg
	case "project":
		return core.ValidID("prj", id)
	case "key":
		return core.ValidID("key", id)
	case "task":
		return core.ValidID("tsk", id)
	}
	return false
}

// Window says when a budget begins anew, in UTC.
type Window string

// The windows.
const (
	Month   Window = "month"
	Day     Window = "day"
	Forever Window = "none"
)

// period names the window that a moment is in.
func (w Window) period(at time.Time) string {
	switch w {
	case Month:
		return at.UTC().Format("2006-01")
	case Day:
		return at.UTC().Format(time.DateOnly)
	}
	return "all"
}

// Budget bounds what the tasks of a subject hold and use in a window.
type Budget struct {
	Subject Subject
	Window  Window
	Limit   core.Credits
	Period  string       // the one that this is
	Used    core.Credits // by tasks that are over
	Held    core.Credits // by tasks that aren't
	Left    core.Credits // of the limit
	Reached int          // the last of 50, 80 and 100 % of the limit that are used; 0: none yet
}

const kindBudgets store.Kind[map[Subject]budgetDoc] = "budgets" // one record has all of an org

const (
	all        = "all"
	maxBudgets = 2000 // of an org
)

// budgets is the record of an org's budgets.
type budgets = store.Doc[map[Subject]budgetDoc]

// budgetDoc is one budget. Its line's accounts follow it: what a line gives is changed by
// gifts, each of which is written here first and posted then, under its own name; so it is
// posted once, whoever finds it here.
type budgetDoc struct {
	Limit  core.Credits `json:"limit"`
	Window Window       `json:"window"`
	Gift   *gift        `json:"gift,omitempty"` // the latest
}

// gift changes what a line gives.
type gift struct {
	ID     string       `json:"id"`
	Line   line         `json:"line"`
	Amount core.Credits `json:"amount"`
}

// SetBudget sets a budget. It holds for tasks that begin from then on, and what they hold
// counts from then on. Setting it to what it is changes nothing.
func (s *Service) SetBudget(ctx context.Context, org core.OrgID, of Subject, limit core.Credits, w Window) (Budget, error) {
	const op = "ledger.set_budget"
	switch {
	case !of.valid():
		return Budget{}, core.E(core.Invalid, op, "there are no budgets of "+fmt.Sprintf("%.100q", string(of))).WithHint("as in org, project/prj_..., key/key_... or task/tsk_...")
	case w != Month && w != Day && w != Forever:
		return Budget{}, core.E(core.Invalid, op, "there is no window "+fmt.Sprintf("%.20q", string(w))).WithHint("use month, day or none")
	case limit < 0 || limit > core.MaxCredits:
		return Budget{}, core.E(core.Invalid, op, "a budget of "+limit.String()+" credits").WithHint("from 0 to " + core.MaxCredits.String())
	}
	err := s.changeBudgets(ctx, org, func(b budgets) error {
		d, had := b.Data[of]
		if !had && len(b.Data) >= maxBudgets {
			return core.E(core.Exhausted, op, "the org has too many budgets").WithHint("remove those that have ended")
		}
		d.Limit, d.Window = limit, w
		b.Data[of] = d
		return nil
	})
	if err != nil {
		return Budget{}, err
	}
	return s.Budget(ctx, org, of)
}

// RemoveBudget removes a budget. not_found: there is none.
func (s *Service) RemoveBudget(ctx context.Context, org core.OrgID, of Subject) error {
	const op = "ledger.remove_budget"
	return s.changeBudgets(ctx, org, func(b budgets) error {
		if _, ok := b.Data[of]; !ok {
			return noBudget(op, of)
		}
		delete(b.Data, of)
		return nil
	})
}

func noBudget(op string, of Subject) error {
	return core.E(core.NotFound, op, "there is no budget of "+string(of))
}

// Budget returns one, with what is used of it. not_found: there is none.
func (s *Service) Budget(ctx context.Context, org core.OrgID, of Subject) (Budget, error) {
	b, err := s.readBudgets(ctx, org)
	if err != nil {
		return Budget{}, err
	}
	d, ok := b.Data[of]
	if !ok {
		return Budget{}, noBudget("ledger.budget", of)
	}
	return s.show(ctx, org, of, d)
}

// Budgets returns all budgets of an org, with what is used of them.
func (s *Service) Budgets(ctx context.Context, org core.OrgID) ([]Budget, error) {
	b, err := s.readBudgets(ctx, org)
	if err != nil {
		return nil, err
	}
	list := make([]Budget, 0, len(b.Data))
	for of, d := range b.Data {
		shown, err := s.show(ctx, org, of, d)
		if err != nil {
			return nil, err
		}
		list = append(list, shown)
	}
	slices.SortFunc(list, func(a, b Budget) int { return cmp.Compare(a.Subject, b.Subject) })
	return list, nil
}

func (s *Service) show(ctx context.Context, org core.OrgID, of Subject, d budgetDoc) (Budget, error) {
	b := Budget{Subject: of, Window: d.Window, Limit: d.Limit, Period: d.Window.period(s.cfg.Now())}
	sum, err := s.readLine(ctx, org, lineFor(of, b.Period))
	b.Used, b.Held, b.Left = sum.used, sum.held, max(d.Limit-sum.used-sum.held, 0)
	if n := partsOf(b.Used, b.Limit); n > 0 {
		b.Reached = percents[n-1]
	}
	return b, err
}

func lineFor(of Subject, period string) line { return line(string(of) + "/" + period) }

// sums are what a line's accounts hold; what is left is given - held - used.
type sums struct{ given, held, used core.Credits }

func (s *Service) readLine(ctx context.Context, org core.OrgID, l line) (sums, error) {
	var out sums
	list, err := s.cfg.Books.Balances(ctx, org, memo+string(l)+"/", "", 3)
	if err != nil {
		return out, fmt.Errorf("budget: %w", err)
	}
	for _, b := range list {
		switch b.Account {
		case l.given():
			out.given = -b.Amount
		case l.held():
			out.held = b.Amount
		case l.used():
			out.used = b.Amount
		}
	}
	return out, nil
}

func (s *Service) readBudgets(ctx context.Context, org core.OrgID) (budgets, error) {
	b, err := kindBudgets.Find(ctx, s.cfg.Records, org, all)
	if err != nil {
		return b, fmt.Errorf("budgets: %w", err)
	}
	if b.Data == nil {
		b.Data = map[Subject]budgetDoc{}
	}
	return b, nil
}

// changeBudgets makes one change, again if others came before it.
func (s *Service) changeBudgets(ctx context.Context, org core.OrgID, change func(budgets) error) error {
	return store.Update(ctx, s.cfg.Records, org, func() ([]store.Change, error) {
		b, err := s.readBudgets(ctx, org)
		if err == nil {
			err = change(b)
		}
		if err != nil {
			return nil, err
		}
		return []store.Change{kindBudgets.Put(b)}, nil
	})
}
