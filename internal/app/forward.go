package app

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/isekai-run/isekai/internal/core"
)

// admit serves a visitor's request, here or at the node where the app is at home. What
// runs here is served although nobody can be asked where that is.
func (s *Service) admit(w http.ResponseWriter, r *http.Request, at ref) {
	home, err := s.lately(r.Context(), at)
	if err != nil && s.current(at.app) == nil {
		s.cfg.Logger.WarnContext(r.Context(), "an app's home can't be looked up", "app", at.app, "error", err)
		writePage(w, r, pageFailing.about(at.app))
		return
	}
	if !home.away() {
		other := s.serve(w, r, at)
		if other == nil {
			return
		}
		home = other.home
	}
	if s.current(at.app) != nil { // it has moved
		if err := s.resettle(r.Context(), at.scope(), at.app); err != nil {
			s.cfg.Logger.WarnContext(r.Context(), "an app that has moved away still runs here", "app", at.app, "error", err)
		}
	}
	s.forward(w, r, at, home)
}

// forward passes a visitor's request on to the node where the app is at home, and its
// answer back as it comes, upgrades included. The other node sees who the visitor is as
// little as the app does.
func (s *Service) forward(w http.ResponseWriter, r *http.Request, at ref, home Home) {
	target, err := url.Parse(home.URL)
	if home.URL == "" || s.cfg.Nodes == nil || err != nil {
		writePage(w, r, pageAway.of(home).about(at.app))
		return
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = target.Scheme, target.Host
			p.Out.URL.RawQuery = p.In.URL.RawQuery
			p.Out.Header.Set(atHeader, at.String())
		},
		Transport:     s.cfg.Nodes,
		FlushInterval: -1,
		ErrorLog:      slog.NewLogLogger(s.cfg.Logger.With("app", at.app, "node", home.Node).Handler(), slog.LevelDebug),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, _ error) {
			s.homes.forget(at.app) // it may be reached at another address by now
			writePage(w, r, pageAway.of(home).about(at.app))
		},
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	proxy.ServeHTTP(w, r)
}

// receive serves a visitor's request that another node has passed on.
func (s *Service) receive(w http.ResponseWriter, r *http.Request, header string) {
	at, ok := parseRef(header)
	if !ok {
		writePage(w, r, pageUnknown)
		return
	}
	home, err := s.lately(r.Context(), at)
	if err == nil && home.away() {
		writePage(w, r, pageMoving)
		return
	}
	if s.serve(w, r, at) != nil {
		writePage(w, r, pageMoving)
	}
}

// serve serves a visitor's request to an app that is at home here, or nowhere yet. It
// returns an elsewhere, and has answered nothing, if another node turns out to be its home.
func (s *Service) serve(w http.ResponseWriter, r *http.Request, at ref) *elsewhere {
	p, err := s.ensure(r.Context(), at)
	var other *elsewhere
	switch {
	case errors.As(err, &other):
		return other
	case err == nil:
		defer p.visit(s.cfg.Now)()
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		p.proxy.ServeHTTP(w, r)
	case core.CodeOf(err) == core.NotFound:
		writePage(w, r, pageUnknown)
	case err == errStopped:
		writePage(w, r, pageStopped.about(at.app))
	default:
		writePage(w, r, pageFailing.about(at.app))
	}
	return nil
}
