package meter

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Sources are where usage is read: the view, and for what isn't in it yet the streams of the
// holds that haven't ended, of all nodes. Without Events and Records it is the view's alone.
type Sources struct {
	Views   store.Views
	Events  store.Events
	Records store.Records
}

// The bounds of what is looked at besides the view.
const (
	maxOpen    = 100  // holds of the org: a key that calls has one on each node
	maxRecords = 1000 // of holds of all orgs, those first that end first
)

// openHolds are holds of an org that haven't ended.
func (s Sources) openHolds(ctx context.Context, org core.OrgID, q Question) (map[core.HoldID]open, error) {
	found := map[core.HoldID]open{}
	if s.Events == nil || s.Records == nil {
		return found, nil
	}
	const page = 100
	for after, seen := "", 0; seen < maxRecords; seen += page {
		docs, err := kindOpen.List(ctx, s.Records, core.Installation, "", after, page)
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			if o := d.Data; o.Org == org && q.wants(o.Project, o.Key) && len(found) < maxOpen {
				found[o.Hold] = o
			}
			after = d.ID
		}
		if len(docs) < page {
			break
		}
	}
	return found, nil
}

// addOpen adds what holds have used of which the view knows nothing.
func (s Sources) addOpen(ctx context.Context, used sums, q Question, holds map[core.HoldID]open) error {
	for id, o := range holds {
		for after := int64(0); ; {
			const page = 50
			events, err := s.Events.ReadStream(ctx, o.Org, id.Stream(), after, page)
			if err != nil {
				return err
			}
			for _, e := range events {
				p, err := e.Payload()
				if err != nil {
					return err
				}
				after = e.Version
				if m, is := p.(core.CallsMetered); is {
					for _, c := range m.Calls {
						q.add(used, usageOf(c, o.Project, o.Key))
					}
				}
			}
			if len(events) < page {
				break
			}
		}
	}
	return nil
}
