package skill

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Listed is a skill in a list.
type Listed struct {
	Meta
	Version
	Owner   Owner
	Enabled bool   // in the project
	Hidden  bool   // by another of its name
	Problem string // why what the operator's folder has by now isn't this
}

// List returns every skill that a project sees, with those that are off and those that
// another hides, by name.
func (s *Service) List(ctx context.Context, scope core.Scope) ([]Listed, error) {
	off, err := switches.Find(ctx, s.cfg.Records, scope.Org, string(scope.Project))
	if err != nil {
		return nil, err
	}
	var all []Listed
	seen := map[string]bool{}
	add := func(l Listed) {
		l.Enabled, l.Hidden = off.Data.Off[l.Name].IsZero(), seen[l.Name]
		seen[l.Name] = true
		all = append(all, l)
	}
	for _, owner := range []Owner{OfProject, OfOrg} {
		found, err := heads.All(ctx, s.cfg.Records, scope.Org, owner.place(scope), MaxSkills)
		if err != nil {
			return nil, err
		}
		for _, d := range found {
			add(Listed{Meta: d.Data.Meta, Version: d.Data.current(), Owner: owner})
		}
	}
	for _, h := range s.installed(ctx) {
		add(Listed{Meta: h.Meta, Version: h.version(), Owner: OfInstallation, Problem: h.problem})
	}
	slices.SortStableFunc(all, func(a, b Listed) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), compareBool(a.Hidden, b.Hidden))
	})
	return all, nil
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// Summary is what a prompt holds of a skill.
type Summary struct {
	Name        string
	Description string
	Digest      core.Digest
	Owner       Owner
}

// Offered returns the skills that a task of the project may use, by name. What changes is in
// the next answer, on every node.
func (s *Service) Offered(ctx context.Context, scope core.Scope) ([]Summary, error) {
	all, err := s.List(ctx, scope)
	if err != nil {
		return nil, err
	}
	var out []Summary
	for _, l := range all {
		if l.Enabled && !l.Hidden {
			out = append(out, Summary{Name: l.Name, Description: l.Description, Digest: l.Digest, Owner: l.Owner})
		}
	}
	return out, nil
}

// found is the skill that a name means in a project.
type found struct {
	Version
	Owner   Owner
	Meta    Meta
	Problem string
	off     bool
	head    *headDoc // of an org or a project
	pkg     *Package // of the installation
}

// find returns what a name means in a project. not_found: nothing.
func (s *Service) find(ctx context.Context, scope core.Scope, name string) (found, error) {
	if !CheckName(name) {
		return found{}, missing(name)
	}
	off, err := switches.Find(ctx, s.cfg.Records, scope.Org, string(scope.Project))
	if err != nil {
		return found{}, err
	}
	f := found{off: !off.Data.Off[name].IsZero()}
	for _, owner := range []Owner{OfProject, OfOrg} {
		d, err := heads.Find(ctx, s.cfg.Records, scope.Org, owner.place(scope)+name)
		if err != nil {
			return found{}, err
		}
		if d.Version > 0 {
			f.Version, f.Owner, f.Meta, f.head = d.Data.current(), owner, d.Data.Meta, &d.Data
			return f, nil
		}
	}
	h, ok := s.installed(ctx)[name]
	if !ok {
		return found{}, missing(name)
	}
	f.Version, f.Owner, f.Meta, f.pkg, f.Problem = h.version(), OfInstallation, h.Meta, h.Package, h.problem
	return f, nil
}

func missing(name string) error {
	return core.E(core.NotFound, "skill", "there is no skill "+core.Excerpt(name, 80)).WithHint("isekai skill list shows what there is")
}

// Enable has a project's tasks be offered a skill again, and with on false be offered it no
// more, whoever's it is. It reports whether that was otherwise before. Tasks that have begun
// with it can't go on to use it, either. not_found: the project sees no such skill.
func (s *Service) Enable(ctx context.Context, scope core.Scope, name string, on bool) (changed bool, err error) {
	if _, err := s.find(ctx, scope, name); err != nil {
		return false, err
	}
	err = store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		d, err := switches.Find(ctx, s.cfg.Records, scope.Org, string(scope.Project))
		if err != nil {
			return nil, err
		}
		if changed = d.Data.Off[name].IsZero() != on; !changed {
			return nil, nil
		}
		if on {
			delete(d.Data.Off, name)
		} else {
			if d.Data.Off == nil {
				d.Data.Off = map[string]time.Time{}
			}
			d.Data.Off[name] = s.cfg.Now().UTC()
		}
		return []store.Change{switches.Put(d)}, nil
	})
	return changed, err
}
