package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/notify"
)

// mute are the routes by which who gets e-mail about a type of notice has no more of it. The
// POST is a mail program's, too (RFC 8058), which sends a form that nobody has to read.
func (s *server) mute(tags []string) {
	act(s, public, stream(huma.Operation{
		OperationID: "show-mute", Method: http.MethodGet, Path: notify.MutePath + "{token}", Summary: "Show what e-mail somebody gets by his choice", Tags: tags,
		Description: "JSON, or a page for who accepts HTML. It changes nothing.",
	}, "application/json"), func(ctx context.Context, _ identity.Principal, in *LinkPath) (*linkPage, error) {
		l, err := s.cfg.Notify.Open(ctx, notify.ToMute, in.Token)
		if err != nil {
			return s.linkSays(in, err)
		}
		t, _ := notify.TypeOf(l.Type)
		return page(in, map[string]any{"type": t.Name, "about": t.About}, map[string]any{
			"Title": "E-mail from Isekai", "Text": "You get e-mail when " + t.About + ".", "Answers": []string{"No more of these"}, "To": notify.MutePath + in.Token,
		})
	})
	act(s, public, stream(huma.Operation{
		OperationID: "mute-notifications", Method: http.MethodPost, Path: notify.MutePath + "{token}", Summary: "Have no more e-mail about a type of notice", Tags: tags,
	}, "application/json"), func(ctx context.Context, _ identity.Principal, in *LinkPath) (*linkPage, error) {
		l, err := s.cfg.Notify.Open(ctx, notify.ToMute, in.Token)
		if err == nil {
			err = s.silence(ctx, l)
		}
		if err != nil {
			return s.linkSays(in, err)
		}
		return page(in, map[string]any{"type": l.Type, "mail": false}, map[string]any{"Title": "E-mail from Isekai", "Text": "There will be no more of these."})
	})
}

// silence ends e-mail about a type of notice to a user.
func (s *server) silence(ctx context.Context, l notify.Link) error {
	all, err := s.cfg.Notify.Choices(ctx, l.Org, l.User)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Name == l.Type {
			return s.cfg.Notify.Choose(ctx, l.Org, l.User, map[string]*notify.Channels{l.Type: {Inbox: c.Channels.Inbox}})
		}
	}
	return core.E(core.NotFound, "link", "there is no such type of notice any more")
}
