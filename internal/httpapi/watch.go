package httpapi

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/watch"
)

type (
	watchPath struct {
		Watch string `path:"watch" maxLength:"64" example:"wch_01hx"`
	}
	newWatch struct{ Body client.NewWatch }
)

// notesShown is how much of what a watch told is shown with it.
const notesShown = 20

// watches are the routes to pages that are watched.
func (s *server) watches() {
	tags := []string{"watches"}
	const path = "/v1/watches"
	act(s, identity.WatchRead, huma.Operation{
		OperationID: "list-watches", Method: http.MethodGet, Path: path, Summary: "List the project's watches, the newest first", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[[]client.Watch], error) {
		all, err := s.cfg.Watches.List(ctx, p.Scope)
		return replied(all, err, func(all []watch.Watch) []client.Watch { return each(all, wireWatch) })
	})
	act(s, identity.WatchWrite, huma.Operation{
		OperationID: "create-watch", Method: http.MethodPost, Path: path, Summary: "Watch a page, a price or a JSON API", Tags: tags, DefaultStatus: http.StatusCreated,
		Description: "It is looked at on a schedule, as the site's robots.txt allows. A change is an event, and starts a task if there is a prompt for one, which takes the right to create tasks.",
	}, s.createWatch)
	act(s, identity.WatchRead, huma.Operation{
		OperationID: "show-watch", Method: http.MethodGet, Path: path + "/{watch}", Summary: "Show a watch, and what it told", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *watchPath) (*reply[client.Watch], error) {
		w, err := s.cfg.Watches.Get(ctx, p.Scope, in.Watch)
		if err != nil {
			return nil, err
		}
		notes, err := s.cfg.Watches.Notes(ctx, p.Scope, in.Watch, notesShown)
		return replied(w, err, func(w watch.Watch) client.Watch {
			wire := wireWatch(w)
			wire.Notes = each(notes, func(n watch.Note) client.WatchNote { return client.WatchNote(n) })
			return wire
		})
	})
	act(s, identity.WatchWrite, huma.Operation{
		OperationID: "remove-watch", Method: http.MethodDelete, Path: path + "/{watch}", Summary: "Watch something no longer", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *watchPath) (*struct{}, error) {
		gone, err := s.cfg.Watches.Remove(ctx, p.Scope, in.Watch)
		if err == nil {
			err = s.record(ctx, p.Scope.Org, auditlog.Entry{Action: "watch.remove", Project: gone.Project, Target: gone.ID, Detail: map[string]string{"name": gone.Name}})
		}
		return nil, err
	})
}

func (s *server) createWatch(ctx context.Context, p identity.Principal, in *newWatch) (*reply[client.Watch], error) {
	n := in.Body
	if n.Prompt != "" { // by it a task is started
		if err := p.May(identity.TaskWrite); err != nil {
			return nil, err
		}
	}
	made, err := s.cfg.Watches.Create(ctx, p.Scope, watch.Spec{
		Name: n.Name, URL: n.URL, Schedule: cmp.Or(n.Schedule, "every 1h"), Part: watch.Part{Selector: n.Selector, Pointer: n.Pointer, Pattern: n.Pattern},
		When: watch.When{Kind: watch.Kind(n.When), Than: n.Than, By: n.By}, Prompt: n.Prompt,
	}, "", "")
	if err == nil {
		err = s.record(ctx, p.Scope.Org, auditlog.Entry{Action: "watch.create", Project: made.Project, Target: made.ID, Detail: map[string]string{"name": made.Name, "starts": yesNo(made.Prompt != "")}})
	}
	return replied(made, err, wireWatch)
}

func yesNo(is bool) string {
	if is {
		return "a task"
	}
	return ""
}

func wireWatch(w watch.Watch) client.Watch {
	return client.Watch{
		ID: w.ID, Project: w.Project, By: w.By, Task: w.Task, Created: w.Created, Next: w.Next, Checked: when(w.Checked), Changed: when(w.Changed), Value: w.Value,
		Failures: w.Failures, Trouble: w.Trouble,
		NewWatch: client.NewWatch{
			Name: w.Name, URL: w.URL, Schedule: w.Schedule, Selector: w.Part.Selector, Pointer: w.Part.Pointer, Pattern: w.Part.Pattern,
			When: string(w.When.Kind), Than: w.When.Than, By: w.When.By, Prompt: w.Prompt,
		},
	}
}
