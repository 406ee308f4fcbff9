package meter

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// View is the name of the view of what calls of models have used: a row for each hold that
// has ended.
const View = "calls"

// Usage is what the calls of a key to a model used on a day, in UTC.
type Usage struct {
	Day       string         `json:"day"` // 2026-11-22
	Project   core.ProjectID `json:"project,omitempty"`
	Key       core.KeyID     `json:"key,omitempty"`
	Provider  string         `json:"provider,omitempty"`
	Model     string         `json:"model"`
	Calls     int            `json:"calls"`
	Failed    int            `json:"failed,omitempty"` // of them: failed or canceled
	Input     int            `json:"input"`            // tokens
	Output    int            `json:"output"`
	Cached    int            `json:"cached,omitempty"`      // of Input
	Written   int            `json:"cache_write,omitempty"` // likewise
	Reasoning int            `json:"reasoning,omitempty"`   // of Output
	Estimated int            `json:"estimated,omitempty"`   // calls whose tokens the provider didn't say
	Credits   core.Credits   `json:"credits,omitempty"`
}

// group is what usage is summed by.
type group struct {
	day             string
	project         core.ProjectID
	key             core.KeyID
	provider, model string
}

func (u Usage) group() group { return group{u.Day, u.Project, u.Key, u.Provider, u.Model} }

// sums are usages by their group.
type sums map[group]*Usage

func (s sums) add(u Usage) {
	sum := s[u.group()]
	if sum == nil {
		s[u.group()] = &u
		return
	}
	sum.Calls, sum.Failed, sum.Estimated = sum.Calls+u.Calls, sum.Failed+u.Failed, sum.Estimated+u.Estimated
	sum.Input, sum.Output, sum.Credits = sum.Input+u.Input, sum.Output+u.Output, sum.Credits+u.Credits
	sum.Cached, sum.Written, sum.Reasoning = sum.Cached+u.Cached, sum.Written+u.Written, sum.Reasoning+u.Reasoning
}

// list returns them, the newest day first.
func (s sums) list() []Usage {
	all := make([]Usage, 0, len(s))
	for _, u := range s {
		all = append(all, *u)
	}
	slices.SortFunc(all, func(a, b Usage) int {
		return cmp.Or(cmp.Compare(b.Day, a.Day), cmp.Compare(a.Project, b.Project), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model))
	})
	return all
}

// usageOf is what calls that are alike used.
func usageOf(c core.MeteredCalls, project core.ProjectID, key core.KeyID) Usage {
	u := Usage{
		Day: time.UnixMilli(c.At).UTC().Format(time.DateOnly), Project: project, Key: key, Provider: c.Provider, Model: cmp.Or(c.Model, c.Requested), Calls: c.N,
		Input: c.Usage.Input, Output: c.Usage.Output, Cached: c.Usage.Cached, Written: c.Usage.CacheWrite, Reasoning: c.Usage.Reasoning, Credits: c.Cost,
	}
	if c.Status != StatusOK && c.Status != StatusCached {
		u.Failed = c.N
	}
	if c.Usage.Estimated {
		u.Estimated = c.N
	}
	return u
}

// NewProjector returns the consumer of the bus that keeps View.
func NewProjector(st store.ProjectorStore) *store.Projector {
	return &store.Projector{
		Store: st, View: View,
		Wants: func(eventType string) bool { return eventType == core.HoldEnded{}.EventType() },
		Row:   row,
	}
}

// row folds a hold's stream. It stands at the time of its last call.
func row(events []core.Event) (store.Row, error) {
	first := events[0]
	r := store.Row{ID: string(first.Stream), Project: first.Project}
	used := sums{}
	for _, e := range events {
		p, err := e.Payload()
		if err != nil {
			return r, err
		}
		switch p := p.(type) {
		case core.CallsMetered:
			for _, c := range p.Calls {
				used.add(usageOf(c, "", ""))
				r.Sort = max(r.Sort, c.At)
			}
		case core.HoldEnded:
			r.Kind = string(p.Key)
		}
	}
	r.Deleted = len(used) == 0
	data, err := json.Marshal(used.list())
	if err != nil {
		return r, fmt.Errorf("project %s: %w", View, err)
	}
	r.Data = data
	return r, nil
}

// The bounds of a question about usage.
const (
	MaxDays = 92
	maxRows = 200_000 // of the view, that are looked at
	maxSums = 10_000  // of the answer
)

// Question selects usage. Zero fields but the days don't filter.
type Question struct {
	From, To string // days in UTC, both included, at most MaxDays
	Project  core.ProjectID
	Key      core.KeyID
	Model    string
	May      func(core.ProjectID) bool // whose usage may be seen; nil: all
}

// days returns the first day of the question and the one after its last, in milliseconds.
func (q Question) days() (from, end int64, err error) {
	first, err1 := time.Parse(time.DateOnly, q.From)
	last, err2 := time.Parse(time.DateOnly, q.To)
	if n := last.Sub(first).Hours()/24 + 1; err1 != nil || err2 != nil || n < 1 || n > MaxDays {
		return 0, 0, core.E(core.Invalid, "usage", fmt.Sprintf("from %.20q to %.20q", q.From, q.To)).
			WithHint(fmt.Sprintf("name days as in 2026-11-22, in order, at most %d of them", MaxDays))
	}
	return first.UnixMilli(), last.AddDate(0, 0, 1).UnixMilli(), nil
}

// longest is longer than a hold and any of its calls last: the row of a call is at most so
// much later than the call.
const longest = 24 * time.Hour

// Read sums usage by day, project, key and model, the newest day first. It has the calls that
// are written down, which each is within a quarter of a second of its end; where more than 100
// keys of the org call at a time, those of some only when their holds have ended, within a
// minute. A hold that has just ended may be missing until the view has it. invalid: the days
// can't be. exhausted: it is too much; ask for fewer days, or for a project.
func Read(ctx context.Context, from Sources, org core.OrgID, q Question) ([]Usage, error) {
	begin, end, err := q.days()
	if err != nil {
		return nil, err
	}
	holds, err := from.openHolds(ctx, org, q) // before the view: one that ends meanwhile is in that
	if err != nil {
		return nil, err
	}
	used := sums{}
	if err := q.addView(ctx, from.Views, org, begin, end, used, holds); err != nil {
		return nil, err
	}
	if err := from.addOpen(ctx, used, q, holds); err != nil {
		return nil, err
	}
	return used.list(), nil
}

// addView adds what the view has from a moment to another, and takes its holds out of open.
func (q Question) addView(ctx context.Context, from store.Views, org core.OrgID, begin, end int64, used sums, holds map[core.HoldID]open) error {
	rows := store.Query{
		Project: q.Project, Kind: string(q.Key), Limit: store.MaxLimit,
		After: store.Cursor{Sort: end + longest.Milliseconds(), ID: "hld_"}.String(),
	}
	for seen := 0; ; {
		page, err := from.List(ctx, org, View, rows)
		if err != nil {
			return err
		}
		for _, r := range page.Rows {
			if r.Sort < begin { // the list goes back in time
				return nil
			}
			delete(holds, core.HoldID(r.ID))
			if !q.wants(r.Project, core.KeyID(r.Kind)) {
				continue
			}
			if err := q.addRow(used, r); err != nil {
				return err
			}
		}
		if seen += len(page.Rows); seen >= maxRows || len(used) > maxSums {
			return core.E(core.Exhausted, "usage", "that is too much to be summed at once").WithHint("ask for fewer days, or for one project or key")
		}
		if rows.After = page.Next; rows.After == "" {
			return nil
		}
	}
}

// wants reports whether usage of a key in a project is asked for.
func (q Question) wants(project core.ProjectID, key core.KeyID) bool {
	return (q.Project == "" || q.Project == project) && (q.Key == "" || q.Key == key) && (q.May == nil || q.May(project))
}

// addRow adds what of a row is asked for.
func (q Question) addRow(used sums, r store.Row) error {
	var list []Usage
	if err := json.Unmarshal(r.Data, &list); err != nil {
		return core.E(core.Internal, "usage", "row "+r.ID+" doesn't decode").Because(err)
	}
	for _, u := range list {
		u.Project, u.Key = r.Project, core.KeyID(r.Kind)
		q.add(used, u)
	}
	return nil
}

// add adds usage of a day and a model that are asked for.
func (q Question) add(used sums, u Usage) {
	if u.Day >= q.From && u.Day <= q.To && (q.Model == "" || u.Model == q.Model) {
		used.add(u)
	}
}
