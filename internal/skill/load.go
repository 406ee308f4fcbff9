package skill

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Skill is a skill with its instructions.
type Skill struct {
	Listed
	Body     string
	Files    []File    // by path, without content
	Versions []Version // of an org's or a project's, the newest last; those that are kept

	pkg  *Package
	tree core.Digest
}

// Load returns the skill that a name means in a project at the moment. not_found: there is
// none. It may be off: Enabled says so.
func (s *Service) Load(ctx context.Context, scope core.Scope, name string) (Skill, error) {
	f, err := s.find(ctx, scope, name)
	if err != nil {
		return Skill{}, err
	}
	k := Skill{Listed: Listed{Meta: f.Meta, Version: f.Version, Owner: f.Owner, Enabled: !f.off, Problem: f.Problem}}
	if f.pkg != nil {
		k.pkg, k.Body, k.Files = f.pkg, f.pkg.Body, f.pkg.Files
		return k, nil
	}
	k.Versions = f.head.Versions
	return s.open(ctx, scope.Org, k)
}

// Use is Load for a task, which keeps the version that it gets: what is added or removed
// afterwards is for others. denied: the skill is off.
func (s *Service) Use(ctx context.Context, scope core.Scope, task core.TaskID, name string) (Skill, error) {
	var k Skill
	err := store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		k = Skill{}
		f, err := s.find(ctx, scope, name)
		if err != nil && core.CodeOf(err) != core.NotFound {
			return nil, err
		}
		if f.off {
			return nil, core.E(core.Denied, "skill", "the skill "+name+" is off in this project").WithHint("an admin turns it on: isekai skill enable " + name)
		}
		d, lost := uses.Find(ctx, s.cfg.Records, scope.Org, string(task)+"/"+name)
		switch {
		case lost != nil:
			return nil, lost
		case d.Version > 0:
			k.Version, k.Owner = Version{Number: d.Data.Number, Digest: d.Data.Digest, Source: d.Data.Source}, d.Data.Owner
			return nil, nil
		case err != nil:
			return nil, err
		}
		if f.pkg != nil { // another node may have another, or none
			if err := s.save(ctx, scope.Org, f.pkg); err != nil {
				return nil, err
			}
		}
		k.Version, k.Owner = f.Version, f.Owner
		d.Data = useDoc{Digest: f.Digest, Number: f.Number, Owner: f.Owner, Source: f.Source}
		d.Expires = s.cfg.Now().Add(useLasts)
		return []store.Change{uses.Put(d)}, nil
	})
	if err != nil {
		return Skill{}, err
	}
	k.Enabled = true
	return s.open(ctx, scope.Org, k)
}

// open reads what a version is.
func (s *Service) open(ctx context.Context, org core.OrgID, k Skill) (Skill, error) {
	d, err := versions.Get(ctx, s.cfg.Records, org, string(k.Digest))
	if err != nil {
		return Skill{}, err
	}
	k.Meta, k.Files, k.tree = d.Data.Meta, d.Data.Files, d.Data.Tree
	main, err := s.read(ctx, org, k, Main)
	if err == nil {
		_, k.Body, _ = Parse(main) // it was checked when it was kept
	}
	return k, err
}

// ReadFile returns a file of a skill that Load or Use returned. not_found: it has none of the
// path, which is relative to its folder.
func (s *Service) ReadFile(ctx context.Context, org core.OrgID, k Skill, name string) ([]byte, error) {
	if k.pkg != nil {
		if data, ok := k.pkg.File(name); ok {
			return data, nil
		}
		return nil, k.noFile(name)
	}
	return s.read(ctx, org, k, name)
}

func (s *Service) read(ctx context.Context, org core.OrgID, k Skill, name string) ([]byte, error) {
	if !slices.ContainsFunc(k.Files, func(f File) bool { return f.Path == name }) {
		return nil, k.noFile(name)
	}
	tree, err := blob.Load(ctx, s.cfg.Blobs, org, k.tree)
	if err != nil {
		return nil, err
	}
	r, err := s.cfg.Blobs.Open(ctx, org, tree.Files[name].Digest)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, MaxFile))
	if e := r.Close(); err == nil {
		err = e
	}
	return data, err
}

func (k Skill) noFile(name string) error {
	var paths []string
	for _, f := range k.Files {
		paths = append(paths, f.Path)
	}
	return core.E(core.NotFound, "skill", "the skill "+k.Name+" has no file "+core.Excerpt(name, 200)).WithHint("its files are: " + core.Excerpt(strings.Join(paths, ", "), 2000))
}
