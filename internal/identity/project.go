package identity

import (
	"context"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Project is a part of an org.
type Project struct {
	ID       core.ProjectID
	Name     string
	Archived bool // nobody can use it until it is restored
	Created  time.Time
}

type projectDoc struct {
	Name     string
	Archived bool
	Created  time.Time
}

func projectOf(e store.Doc[projectDoc]) Project {
	return Project{ID: core.ProjectID(e.ID), Name: e.Data.Name, Archived: e.Data.Archived, Created: e.Data.Created}
}

// CreateProject makes a project of the credential's org.
func (s *Service) CreateProject(ctx context.Context, p Principal, name string) (Project, error) {
	if err := p.May(ProjectWrite); err != nil {
		return Project{}, err
	}
	name, err := normalName(name, "a project")
	if err != nil {
		return Project{}, err
	}
	e := store.Doc[projectDoc]{ID: s.cfg.IDs("prj"), Data: projectDoc{Name: name, Created: s.cfg.Now()}}
	if err := s.write(ctx, p.Scope.Org, projects.Put(e)); err != nil {
		return Project{}, err
	}
	s.note(ctx, p, "project.create", e.ID)
	return projectOf(e), nil
}

// Projects returns up to limit projects of the org after one, by id, and the id to go on
// after, "" at the end: those that the one who asks may use.
func (s *Service) Projects(ctx context.Context, p Principal, after core.ProjectID, limit int) ([]Project, core.ProjectID, error) {
	if err := p.May(OrgRead); err != nil {
		return nil, "", err
	}
	page, err := projects.List(ctx, s.cfg.Records, p.Scope.Org, "", string(after), limit)
	if err != nil {
		return nil, "", err
	}
	var all []Project
	for _, e := range page {
		if p.MayUse(core.ProjectID(e.ID)) {
			all = append(all, projectOf(e))
		}
	}
	if len(page) < limit {
		return all, "", nil
	}
	return all, core.ProjectID(page[len(page)-1].ID), nil
}

// Project returns a project that the one who asks may use.
func (s *Service) Project(ctx context.Context, p Principal, id core.ProjectID) (Project, error) {
	if err := p.May(OrgRead); err != nil {
		return Project{}, err
	}
	if !p.MayUse(id) {
		return Project{}, missing("project")
	}
	e, err := projects.Get(ctx, s.cfg.Records, p.Scope.Org, string(id))
	return projectOf(e), absent(err, "project")
}

// RenameProject changes a project's name.
func (s *Service) RenameProject(ctx context.Context, p Principal, id core.ProjectID, name string) (Project, error) {
	if err := p.May(ProjectWrite); err != nil {
		return Project{}, err
	}
	name, err := normalName(name, "a project")
	if err != nil {
		return Project{}, err
	}
	return s.changeProject(ctx, p, id, "project.rename", func(d *projectDoc) { d.Name = name })
}

// ArchiveProject keeps everybody out of a project. invalid: it is the org's DefaultProject.
func (s *Service) ArchiveProject(ctx context.Context, p Principal, id core.ProjectID) (Project, error) {
	if err := p.May(ProjectWrite); err != nil {
		return Project{}, err
	}
	if id == core.DefaultProject {
		return Project{}, core.E(core.Invalid, "project", "every org keeps its default project").WithHint("rename it")
	}
	return s.changeProject(ctx, p, id, "project.archive", func(d *projectDoc) { d.Archived = true })
}

// RestoreProject undoes ArchiveProject.
func (s *Service) RestoreProject(ctx context.Context, p Principal, id core.ProjectID) (Project, error) {
	if err := p.May(ProjectWrite); err != nil {
		return Project{}, err
	}
	return s.changeProject(ctx, p, id, "project.restore", func(d *projectDoc) { d.Archived = false })
}

func (s *Service) changeProject(ctx context.Context, p Principal, id core.ProjectID, action string, change func(*projectDoc)) (Project, error) {
	var e store.Doc[projectDoc]
	err := again(func() (err error) {
		if e, err = projects.Get(ctx, s.cfg.Records, p.Scope.Org, string(id)); err != nil {
			return absent(err, "project")
		}
		change(&e.Data)
		return s.write(ctx, p.Scope.Org, projects.Put(e))
	})
	if err == nil {
		s.note(ctx, p, action, string(id))
	}
	return projectOf(e), err
}
