package mcp

import (
	"context"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool"
)

// Report is what came of trying a server.
type Report struct {
	Server   string // what it calls itself
	Protocol string // the version that is spoken with it
	Took     time.Duration
	Tools    []Offer
	Left     int // tools that aren't kept
}

// Test connects with a server, whether or not it is on or has failed lately, and lists its tools.
// Errors say what is wrong with it.
func (s *Service) Test(ctx context.Context, c tool.Call, server string) (Report, error) {
	srv, err := s.Server(ctx, c.Scope, server)
	if err != nil {
		return Report{}, err
	}
	began := s.cfg.Now()
	var doc listDoc
	var r Report
	err = s.pool.with(ctx, srv, c, func(x *session) (err error) {
		if doc, err = s.listOn(ctx, x, c); err != nil {
			return err
		}
		if i := x.client.InitializeResult(); i != nil {
			r.Protocol = line(i.ProtocolVersion)
			if i.ServerInfo != nil {
				r.Server = line(i.ServerInfo.Name + " " + i.ServerInfo.Version)
			}
		}
		return nil
	})
	if err != nil {
		return Report{}, err
	}
	s.pool.breaker(id{c.Scope.Org, srv.ID}).Close()
	r.Took, r.Tools, r.Left = s.cfg.Now().Sub(began), s.offers(srv, doc), doc.Left
	return r, s.keepList(ctx, c.Scope, srv, doc)
}

// Listed returns the tools that a server listed last, without asking it; none, if it was never
// asked since it is as it is.
func (s *Service) Listed(ctx context.Context, scope core.Scope, server string) ([]Offer, error) {
	srv, err := s.Server(ctx, scope, server)
	if err != nil {
		return nil, err
	}
	d, err := lists.Find(ctx, s.cfg.Records, scope.Org, recordID(scope.Project, server))
	if err != nil || d.Data.Server != srv.ID {
		return nil, err
	}
	return s.offers(srv, d.Data), nil
}

// keepList keeps what a server listed.
func (s *Service) keepList(ctx context.Context, scope core.Scope, srv Server, doc listDoc) error {
	return store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		d, err := lists.Find(ctx, s.cfg.Records, scope.Org, recordID(scope.Project, srv.Name))
		d.Data = doc
		return []store.Change{lists.Put(d)}, err
	})
}
