package recall

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/store"
)

// Checking is what Check looks at. All are required.
type Checking struct {
	Records store.Records // sealed
	Index   memory.Index
	Orgs    func(ctx context.Context) ([]core.OrgID, error)
	Now     func() time.Time
}

// Checked is how an index is.
type Checked struct {
	Kept    int              // documents and facts
	Behind  int              // of them, that have been waiting to be put in as they should be, and were tried
	Missing int              // of them, that aren't in it as they are now, and nobody knows
	Strays  int              // that are in it, and are no more
	Of      []core.ProjectID // whose are missing or stray
}

// Check compares an index with what it is of, in all orgs. It reads all records of documents and
// facts, and changes nothing. Reindex repairs what is missing or strays.
func Check(ctx context.Context, c Checking) (Checked, error) {
	orgs, err := c.Orgs(ctx)
	if err != nil {
		return Checked{}, err
	}
	var sum Checked
	for _, org := range orgs {
		err := c.org(ctx, org, &sum)
		if err != nil && core.CodeOf(err) != core.NotFound { // it is gone
			return Checked{}, err
		}
	}
	return sum, nil
}

func (c Checking) org(ctx context.Context, org core.OrgID, sum *Checked) error {
	kept := map[memory.Shelf]map[string]string{} // stamps, by id
	add := func(kind, at, stamp string) {
		project, id, _ := strings.Cut(at, "/")
		s := memory.Shelf{Org: org, Project: core.ProjectID(project), Kind: kind}
		if kept[s] == nil {
			kept[s] = map[string]string{}
		}
		kept[s][id] = stamp
		sum.Kept++
	}
	err := each(ctx, c.Records, documents, org, func(d store.Doc[document]) { add(Documents, d.ID, d.Data.Stamp) })
	if err == nil {
		err = each(ctx, c.Records, facts, org, func(d store.Doc[fact]) { add(Facts, d.ID, factStamp) })
	}
	if err == nil {
		err = each(ctx, c.Records, todos, org, func(d store.Doc[todo]) {
			if d.Data.Tries > 0 && d.Data.After.Before(c.Now().Add(lastWait)) {
				sum.Behind++
			}
		})
	}
	for s, stamps := range kept {
		if err == nil {
			err = c.shelf(ctx, s, stamps, sum)
		}
	}
	return err
}

func (c Checking) shelf(ctx context.Context, s memory.Shelf, stamps map[string]string, sum *Checked) error {
	entries, err := c.Index.Entries(ctx, s)
	if err != nil {
		return err
	}
	before := sum.Missing + sum.Strays
	there := map[string]string{}
	for _, e := range entries {
		there[e.ID] = e.Stamp
		if _, known := stamps[e.ID]; !known {
			stray, err := isStray(ctx, c.Records, s, e.ID)
			if err != nil {
				return err
			}
			if stray {
				sum.Strays++
			}
		}
	}
	for id, stamp := range stamps {
		if there[id] == stamp {
			continue
		}
		d, err := todos.Find(ctx, c.Records, s.Org, todoPlace(s.Project, s.Kind, id))
		if err != nil {
			return err
		}
		gone, err := isStray(ctx, c.Records, s, id)
		if err != nil {
			return err
		}
		if d.Version == 0 && !gone {
			sum.Missing++
		}
	}
	if sum.Missing+sum.Strays > before && !slices.Contains(sum.Of, s.Project) {
		sum.Of = append(sum.Of, s.Project)
	}
	return nil
}

// isStray reports whether there is no record of what an index has: it is asked after the index,
// into which nothing comes that has none.
func isStray(ctx context.Context, in store.Records, s memory.Shelf, id string) (bool, error) {
	if s.Kind == Facts {
		d, err := facts.Find(ctx, in, s.Org, place(s.Project, id))
		return d.Version == 0, err
	}
	d, err := documents.Find(ctx, in, s.Org, place(s.Project, id))
	return d.Version == 0, err
}

// sweep takes out of the index what is no more.
func (s *Service) sweep(ctx context.Context, scope core.Scope) error {
	for _, kind := range []string{Documents, Facts} {
		shelf := shelfOf(scope, kind)
		entries, err := s.cfg.Index.Entries(ctx, shelf)
		if err != nil {
			return err
		}
		for _, e := range entries {
			stray, err := isStray(ctx, s.cfg.Records, shelf, e.ID)
			if err == nil && stray {
				err = s.cfg.Index.Delete(ctx, shelf, e.ID)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func each[T any](ctx context.Context, in store.Records, of store.Kind[T], org core.OrgID, f func(store.Doc[T])) error {
	for after := ""; ; {
		found, err := of.List(ctx, in, org, "", after, 100)
		if err != nil || len(found) == 0 {
			return err
		}
		for _, d := range found {
			f(d)
		}
		after = found[len(found)-1].ID
	}
}
