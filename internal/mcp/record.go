package mcp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// The records. All are by project and name: the others go with the first.
var (
	servers store.Kind[serverDoc] = "mcp_server"
	lists   store.Kind[listDoc]   = "mcp_tools" // what a server offered last
	wants   store.Kind[wantDoc]   = "mcp_want"  // what a server wanted last that its connection lacks
)

type serverDoc struct {
	Spec
	ID      string
	Files   Files
	Number  int64 // of the spec and the files together
	Changed time.Time
}

// wantDoc are scopes with which a server is to be connected again.
type wantDoc struct {
	Server string // its ID
	Number int64  // its Version: one that was said anew has to be asked anew
	Scopes []string
}

// MaxServers bounds a project's servers.
const MaxServers = 50

func recordID(project core.ProjectID, name string) string { return string(project) + "/" + name }

func (d serverDoc) server() Server {
	return Server{Spec: d.Spec, ID: d.ID, Files: d.Files, Version: d.Number, Changed: d.Changed}
}

func missing(name string) error {
	return core.E(core.NotFound, "mcp", fmt.Sprintf("the project has no MCP server %.80q", name)).WithHint("isekai mcp list names those that it has")
}

// Servers returns a project's servers, by name.
func (s *Service) Servers(ctx context.Context, scope core.Scope) ([]Server, error) {
	if err := scope.Valid(); err != nil {
		return nil, err
	}
	docs, err := servers.All(ctx, s.cfg.Records, scope.Org, recordID(scope.Project, ""), MaxServers)
	if err != nil {
		return nil, err
	}
	all := make([]Server, len(docs))
	for i, d := range docs {
		all[i] = d.Data.server()
	}
	return all, nil
}

// Server returns one of them, or not_found.
func (s *Service) Server(ctx context.Context, scope core.Scope, name string) (Server, error) {
	if err := scope.Valid(); err != nil {
		return Server{}, err
	}
	d, err := servers.Get(ctx, s.cfg.Records, scope.Org, recordID(scope.Project, name))
	if core.CodeOf(err) == core.NotFound {
		return Server{}, missing(name)
	}
	return d.Data.server(), err
}

// Put makes a server, or changes the one of the name, whose files stay. Nothing is started or
// asked. based is the Version that is changed; 0: whatever is there. invalid: it can't be one;
// conflict: it has changed since; exhausted: the project has as many as it can have.
func (s *Service) Put(ctx context.Context, scope core.Scope, spec Spec, based int64) (Server, error) {
	if err := spec.Check(); err != nil {
		return Server{}, err
	}
	return s.change(ctx, scope, spec.Name, based, func(d *serverDoc) error {
		d.Spec = spec
		if spec.Transport == HTTP {
			d.Files = Files{}
		}
		return nil
	})
}

// setFiles gives a program its files.
func (s *Service) setFiles(ctx context.Context, scope core.Scope, name string, files Files, based int64) (Server, error) {
	return s.change(ctx, scope, name, based, func(d *serverDoc) error {
		switch {
		case d.ID == "":
			return missing(name)
		case d.Transport != Stdio:
			return invalid("an HTTP server has no files", "make its transport stdio first")
		}
		d.Files = files
		return nil
	})
}

// change applies f to a server's record, or to a new one.
func (s *Service) change(ctx context.Context, scope core.Scope, name string, based int64, f func(*serverDoc) error) (Server, error) {
	const op = "mcp.put"
	if err := scope.Valid(); err != nil {
		return Server{}, err
	}
	var made serverDoc
	err := store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		d, err := servers.Find(ctx, s.cfg.Records, scope.Org, recordID(scope.Project, name))
		if err != nil {
			return nil, err
		}
		if based != 0 && based != d.Data.Number {
			return nil, core.E(core.Conflict, op, "the server has changed meanwhile").WithHint("read it again")
		}
		if err := f(&d.Data); err != nil {
			return nil, err
		}
		if d.Version == 0 {
			if err := s.room(ctx, scope); err != nil {
				return nil, err
			}
			d.Data.ID = s.cfg.IDs("mcp")
		}
		d.Data.Number++
		d.Data.Changed = s.cfg.Now().UTC().Truncate(time.Millisecond)
		made = d.Data
		return []store.Change{servers.Put(d)}, nil
	})
	return made.server(), err
}

// room says whether a project can have one more. Two who ask at once may both be let in.
func (s *Service) room(ctx context.Context, scope core.Scope) error {
	docs, err := servers.All(ctx, s.cfg.Records, scope.Org, recordID(scope.Project, ""), MaxServers)
	if err == nil && len(docs) >= MaxServers {
		err = core.E(core.Exhausted, "mcp.put", fmt.Sprintf("a project has at most %d MCP servers", MaxServers)).WithHint("remove one: isekai mcp remove NAME")
	}
	return err
}

// Remove removes a server; its sessions on this node end at once, on others when they are used
// next. based is as for Put. not_found, conflict.
func (s *Service) Remove(ctx context.Context, scope core.Scope, name string, based int64) error {
	if err := scope.Valid(); err != nil {
		return err
	}
	var id string
	err := store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		d, err := servers.Get(ctx, s.cfg.Records, scope.Org, recordID(scope.Project, name))
		switch {
		case core.CodeOf(err) == core.NotFound:
			return nil, missing(name)
		case err != nil:
			return nil, err
		case based != 0 && based != d.Data.Number:
			return nil, core.E(core.Conflict, "mcp.remove", "the server has changed meanwhile").WithHint("read it again")
		}
		id = d.Data.ID
		l, err := lists.Find(ctx, s.cfg.Records, scope.Org, d.ID)
		if err != nil {
			return nil, err
		}
		w, err := wants.Find(ctx, s.cfg.Records, scope.Org, d.ID)
		if err != nil {
			return nil, err
		}
		changes := []store.Change{servers.Drop(d)}
		if w.Version > 0 {
			changes = append(changes, wants.Drop(w))
		}
		if l.Version > 0 {
			changes = append(changes, lists.Drop(l))
		}
		return changes, nil
	})
	if err == nil {
		s.pool.forget(scope.Org, id)
	}
	return err
}

// want keeps that a server wants scopes, with those that it wanted before: as a rule each of its
// tools names its own.
func (s *Service) want(ctx context.Context, scope core.Scope, srv Server, scopes []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Connect)
	defer cancel()
	return store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		w, err := wants.Find(ctx, s.cfg.Records, scope.Org, recordID(scope.Project, srv.Name))
		if err != nil {
			return nil, err
		}
		all := scopes
		if w.Data.Server == srv.ID && w.Data.Number == srv.Version {
			if all = scopesOf(strings.Join(append(slices.Clone(w.Data.Scopes), scopes...), " ")); len(all) == len(w.Data.Scopes) {
				return nil, nil
			}
		}
		w.Data = wantDoc{srv.ID, srv.Version, all}
		return []store.Change{wants.Put(w)}, nil
	})
}

// Wants returns the scopes that a server has asked for since it was said or connected last, and
// that its connection lacks. none: it has asked for nothing, or hasn't said for what.
func (s *Service) Wants(ctx context.Context, scope core.Scope, srv Server) ([]string, error) {
	w, err := wants.Find(ctx, s.cfg.Records, scope.Org, recordID(scope.Project, srv.Name))
	if err != nil || w.Data.Server != srv.ID || w.Data.Number != srv.Version {
		return nil, err
	}
	return w.Data.Scopes, nil
}
