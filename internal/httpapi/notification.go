package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/notify"
)

type (
	listNotifications struct {
		PageQuery
		Unread bool `query:"unread" doc:"only those that aren't read"`
	}
	noticePath struct {
		Notification string `path:"notification" maxLength:"64" example:"msg_01hx"`
	}
	choosePath struct {
		Type string `path:"type" maxLength:"64" example:"task.finished"`
		Body client.NotificationChannels
	}
)

// notifications are the routes to what a user is told of, and by which ways.
func (s *server) notifications() {
	tags := []string{"notifications"}
	act(s, identity.NotifyRead, huma.Operation{
		OperationID: "list-notifications", Method: http.MethodGet, Path: "/v1/notifications", Summary: "List one's own notices in the org of the last 30 days, the newest first", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *listNotifications) (*reply[client.Page[client.Notification]], error) {
		all, next, err := s.cfg.Notify.Inbox(ctx, p.Scope.Org, p.User, maySee(p), in.Unread, in.Cursor, in.Limit)
		return paged(all, next, err, wireNotification)
	})
	act(s, identity.NotifyWrite, huma.Operation{
		OperationID: "read-notification", Method: http.MethodPost, Path: "/v1/notifications/{notification}/read", Summary: "Mark a notice as read", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *noticePath) (*struct{}, error) {
		return nil, s.cfg.Notify.MarkRead(ctx, p.Scope.Org, p.User, in.Notification)
	})
	act(s, identity.NotifyWrite, huma.Operation{
		OperationID: "read-notifications", Method: http.MethodPost, Path: "/v1/notifications/read", Summary: "Mark all of one's notices as read", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*struct{}, error) {
		return nil, s.cfg.Notify.MarkAllRead(ctx, p.Scope.Org, p.User)
	})
	act(s, identity.NotifyRead, huma.Operation{
		OperationID: "list-notification-choices", Method: http.MethodGet, Path: "/v1/notifications/choices", Summary: "List the types of notice, and by which ways one hears of them in the org", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[[]client.NotificationChoice], error) {
		all, err := s.cfg.Notify.Choices(ctx, p.Scope.Org, p.User)
		return replied(all, err, wireChoices)
	})
	act(s, identity.NotifyWrite, huma.Operation{
		OperationID: "set-notification-choice", Method: http.MethodPut, Path: "/v1/notifications/choices/{type}", Summary: "Say by which ways one hears of a type of notice in the org", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *choosePath) (*reply[[]client.NotificationChoice], error) {
		all, err := s.choose(ctx, p.Scope.Org, p.User, in.Type, in.Body)
		return replied(all, err, wireChoices)
	})
}

// maySee says which notices a principal may read: one that is held to other projects, or a key
// that may not read what a notice tells, doesn't see it.
func maySee(p identity.Principal) func(notify.Notice) bool {
	return func(n notify.Notice) bool {
		a, ok := readOf[n.Type]
		return (n.Project == "" || p.MayUse(n.Project)) && (!ok || p.Key == "" || p.May(a) == nil)
	}
}

// choose changes what a user has chosen for a type.
func (s *server) choose(ctx context.Context, org core.OrgID, user core.UserID, name string, n client.NotificationChannels) ([]notify.Choice, error) {
	all, err := s.cfg.Notify.Choices(ctx, org, user)
	if err != nil {
		return nil, err
	}
	by := &notify.Channels{}
	for _, c := range all {
		if c.Name == name {
			*by = c.Channels
		}
	}
	if n.Inbox != nil {
		by.Inbox = *n.Inbox
	}
	if n.Mail != nil {
		by.Mail = *n.Mail
	}
	if n.Reset {
		by = nil
	}
	if err := s.cfg.Notify.Choose(ctx, org, user, map[string]*notify.Channels{name: by}); err != nil {
		return nil, err
	}
	return s.cfg.Notify.Choices(ctx, org, user)
}

func wireNotification(e notify.Entry) client.Notification {
	n := e.Notice
	return client.Notification{
		ID: n.ID, Type: n.Type, At: n.At, Project: n.Project, Title: n.Title, Detail: n.Detail, Status: n.Status, Task: n.Task, Call: n.Call,
		App: n.App, Version: n.Version, Subject: n.Subject, Read: when(e.Read),
	}
}

func wireChoices(all []notify.Choice) []client.NotificationChoice {
	return each(all, func(c notify.Choice) client.NotificationChoice {
		return client.NotificationChoice{Type: c.Name, About: c.About, Inbox: c.Channels.Inbox, Mail: c.Channels.Mail, Chosen: c.Chosen}
	})
}
