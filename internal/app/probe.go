package app

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

var titleTag = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// Probe asks a running app for GET / and returns its answer as evidence of kind
// "http": the status, the page's title and the time it took. unavailable: the
// app doesn't run.
func (s *Service) Probe(ctx context.Context, scope core.Scope, app core.AppID) (core.Evidence, error) {
	if _, err := s.Get(ctx, scope, app); err != nil {
		return core.Evidence{}, err
	}
	p := s.current(app)
	if p == nil || !p.alive() {
		return core.Evidence{}, errStopped
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Ready)
	defer cancel()
	a, err := p.get(ctx)
	if err != nil {
		return core.Evidence{Kind: "http", Text: "GET / wasn't answered", Detail: cut(err.Error())}, nil
	}
	e := core.Evidence{Kind: "http", OK: a.status == http.StatusOK}
	e.Text = fmt.Sprintf("GET / answered %d in %s", a.status, a.took.Round(time.Millisecond/10))
	if m := titleTag.FindSubmatch(a.body); m != nil {
		title := strings.Join(strings.Fields(printable(html.UnescapeString(string(m[1])))), " ")
		e.Text += ": " + title[:min(len(title), 200)]
	}
	e.Text = strings.ToValidUTF8(e.Text, "")
	if !e.OK {
		e.Detail = cut(string(a.body))
	}
	return e, nil
}

// cut makes text fit an Evidence's Detail.
func cut(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), core.MaxInline)], "")
}
