package httpapi

import (
	"context"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// Feed is what an org's live stream reads. Events are read as they are stored, and only those
// are opened that their reader may see.
type Feed struct {
	Stored interface {
		Head(ctx context.Context, org core.OrgID) (int64, error)
		ReadOrg(ctx context.Context, org core.OrgID, after int64, limit int) ([]core.Event, error)
	}
	// Open returns an event as it was written; nil: Stored has them so. One of an org that is
	// gone is the zero Event.
	Open func(ctx context.Context, e core.Event) (core.Event, error)
	// Watch wakes its caller when an org has got events.
	Watch func(org core.OrgID) (<-chan struct{}, func())
}

// shownBy says which right it takes to see an event of a type in the live stream.
var shownBy = map[string]identity.Action{
	core.TaskCreated{}.EventType(): identity.TaskRead, core.TaskPlanned{}.EventType(): identity.TaskRead, core.StepStarted{}.EventType(): identity.TaskRead,
	core.StepsParted{}.EventType(): identity.TaskRead, core.StepsJoined{}.EventType(): identity.TaskRead, core.IntentRouted{}.EventType(): identity.TaskRead,
	core.ModelRequested{}.EventType(): identity.TaskRead, core.ModelSettled{}.EventType(): identity.TaskRead, core.ModelSwitched{}.EventType(): identity.TaskRead,
	core.ToolRequested{}.EventType(): identity.TaskRead, core.ToolSettled{}.EventType(): identity.TaskRead, core.VerdictGiven{}.EventType(): identity.TaskRead,
	core.ApprovalRequested{}.EventType(): identity.TaskRead, core.ApprovalAnswered{}.EventType(): identity.TaskRead,
	core.TaskCancelRequested{}.EventType(): identity.TaskRead, core.TaskFinished{}.EventType(): identity.TaskRead,
	core.SubtaskFinished{}.EventType(): identity.TaskRead, core.TaskForked{}.EventType(): identity.TaskRead,

	core.AppCreated{}.EventType(): identity.AppRead, core.AppVersioned{}.EventType(): identity.AppRead, core.AppRetracted{}.EventType(): identity.AppRead,
	core.AppSelected{}.EventType(): identity.AppRead, core.AppStarted{}.EventType(): identity.AppRead, core.AppStopped{}.EventType(): identity.AppRead,
	core.AppDeleted{}.EventType(): identity.AppRead,

	core.ConversationStarted{}.EventType(): identity.ConversationRead, core.ConversationChanged{}.EventType(): identity.ConversationRead,
	core.ConversationDeleted{}.EventType(): identity.ConversationRead, core.MessageAdded{}.EventType(): identity.ConversationRead,
	core.ModelStreamed{}.EventType(): identity.TaskRead,

	core.BudgetReached{}.EventType(): identity.CreditRead,
	core.NoticeRaised{}.EventType():  identity.NotifyRead,
	core.WatchChanged{}.EventType():  identity.WatchRead, core.WatchFailing{}.EventType(): identity.WatchRead,
}

// shownNowhere are the types that the live stream leaves out, each with why.
var shownNowhere = map[string]string{
	core.CreditsRequested{}.EventType(): "it is between a task and the ledger; the task's end says if there were none",
	core.CreditsHeld{}.EventType():      "it is between a task and the ledger",
	core.CreditsRefused{}.EventType():   "it is between a task and the ledger; the task's end says so",
	core.AuditRecorded{}.EventType():    "the audit log has routes of its own, for admins",
	core.CallsMetered{}.EventType():     "usage has routes of its own",
	core.HoldEnded{}.EventType():        "it is between the gateway and the ledger",
}

// byName are the types that are shown to who names them alone.
var byName = map[string]bool{
	core.ModelStreamed{}.EventType(): true, // parts of what model.settled has, many to an answer
}

type feedQuery struct {
	Type        []string `query:"type" maxItems:"50" doc:"only these types: task.finished, or task.* for all that begin so; several are separated by commas. All but model.streamed, which is sent if it is named" example:"task.finished"`
	Stream      []string `query:"stream" maxItems:"50" doc:"only these streams: ids of tasks, apps and conversations" example:"tsk_01hx"`
	LastEventID string   `header:"Last-Event-ID" doc:"goes on after this position; 0: from the first event on; absent: from now on"`
}

// eventData adds to the document what the data of each type of event is. Their types have names
// of their own there: some are called as what the API shows is.
func (s *server) eventData() {
	of := &huma.Schema{Type: huma.TypeObject, Description: "the data of an event, by the event's type", Properties: map[string]*huma.Schema{}}
	all := huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string { return "Event" + huma.DefaultSchemaNamer(t, hint) })
	for _, t := range core.EventTypes() {
		of.Properties[t] = all.Schema(core.PayloadType(t), true, t)
	}
	shown := s.api.OpenAPI().Components.Schemas.Map()
	maps.Copy(shown, all.Map())
	shown["EventData"] = of
}

// events is the route to the live stream.
func (s *server) events() {
	s.eventData()
	op := stream(huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: "/v1/events", Summary: "Follow the events of the project that the credential may see", Tags: []string{"events"},
		Description: "Server-sent events: those of tasks, apps, conversations, budgets and notices, as they come, or all after Last-Event-ID. The id is the event's position, the data the event as JSON. " +
			"An event named position says how far it has come, where there was nothing to show: who resumes after it misses nothing.",
	}, eventStream)
	act(s, identity.EventRead, op, func(ctx context.Context, p identity.Principal, in *feedQuery) (*huma.StreamResponse, error) {
		after, err := lastEvent(in.LastEventID)
		if err != nil {
			return nil, err
		}
		if in.LastEventID == "" {
			if after, err = s.cfg.Feed.Stored.Head(ctx, p.Scope.Org); err != nil {
				return nil, err
			}
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			rq := requestOf(hc.Context())
			rq.now.Store(&p)
			out := s.newSSE(hc)
			f := feed{server: s, to: out, org: p.Scope.Org, who: rq.now.Load, query: *in, at: after, told: -1}
			f.follow(hc.Context(), out)
		}}, nil
	})
}

// feed is the source of an org's events, as far as its reader may see them.
type feed struct {
	*server
	to    lane
	org   core.OrgID
	who   func() *identity.Principal // as it is now
	query feedQuery
	at    int64                  // position up to which events were looked at
	told  int64                  // that the reader knows of
	gone  map[core.StreamID]bool // conversations of the page at hand: whether they are deleted
}

// follow writes the org's events.
func (f *feed) follow(ctx context.Context, out *sse) {
	changed, stop := f.cfg.Feed.Watch(f.org)
	defer stop()
	f.onward(ctx, out, changed, f)
}

func (f *feed) reached() int64 { return f.at }

// next implements source. It never ends.
func (f *feed) next(ctx context.Context, page int) (read int, err error) {
	events, err := f.cfg.Feed.Stored.ReadOrg(ctx, f.org, f.at, page)
	if err != nil {
		return 0, err
	}
	f.gone = map[core.StreamID]bool{}
	for _, e := range events {
		if err := f.show(ctx, e); err != nil {
			return 0, err
		}
		f.at = e.Position
	}
	if f.told != f.at { // also at first, and where there was nothing to show: who is cut off resumes here
		f.told = f.at
		if err := f.to.place(f.at); err != nil {
			return 0, err
		}
	}
	return len(events), nil
}

// show writes an event if its reader may see it and wants to.
func (f *feed) show(ctx context.Context, e core.Event) error {
	if !f.query.wants(e) || !mayShow(*f.who(), e) {
		return nil
	}
	if hidden, err := f.hides(ctx, e); err != nil || hidden {
		return err
	}
	if f.cfg.Feed.Open != nil {
		var err error
		if e, err = f.cfg.Feed.Open(ctx, e); err != nil {
			return err
		}
	}
	if e.ID == "" || !mayRead(*f.who(), e) {
		return nil
	}
	f.told = e.Position
	return f.to.send(e.Position, client.Event(e))
}

// hides reports whether an event is of a conversation that was deleted since: of it, nothing but
// that is shown.
func (f *feed) hides(ctx context.Context, e core.Event) (bool, error) {
	if shownBy[e.Type] != identity.ConversationRead || e.Type == (core.ConversationDeleted{}).EventType() {
		return false, nil
	}
	if hidden, known := f.gone[e.Stream]; known {
		return hidden, nil
	}
	_, err := f.cfg.Conversations.Get(ctx, f.who().Scope, core.ConversationID(e.Stream))
	if code := core.CodeOf(err); code == core.Unavailable || code == core.Canceled {
		return false, err // the reader resumes
	}
	f.gone[e.Stream] = err != nil
	return err != nil, nil
}

func (q feedQuery) wants(e core.Event) bool {
	if len(q.Stream) > 0 && !slices.Contains(q.Stream, string(e.Stream)) {
		return false
	}
	if byName[e.Type] {
		return slices.Contains(q.Type, e.Type)
	}
	return len(q.Type) == 0 || slices.ContainsFunc(q.Type, func(t string) bool {
		prefix, all := strings.CutSuffix(t, "*")
		return t == e.Type || all && strings.HasPrefix(e.Type, prefix)
	})
}

// mayShow reports whether a principal may see an event, by what is known without opening it.
func mayShow(p identity.Principal, e core.Event) bool {
	a, ok := shownBy[e.Type]
	if !ok || p.May(a) != nil {
		return false
	}
	return e.Project == p.Scope.Project || a == identity.CreditRead // whose project is that of a task
}

// mayRead is mayShow by what is in the event, for those that aren't of a project alone.
func mayRead(p identity.Principal, e core.Event) bool {
	switch a := shownBy[e.Type]; a {
	case identity.CreditRead, identity.NotifyRead:
	default:
		return true
	}
	payload, err := e.Payload()
	if err != nil {
		return false
	}
	switch payload := payload.(type) {
	case core.BudgetReached: // as those are seen that list-budgets shows
		project, ok := strings.CutPrefix(payload.Budget, "project/")
		return len(p.Projects) == 0 || payload.Budget == "org" || ok && p.MayUse(core.ProjectID(project))
	case core.NoticeRaised:
		return payload.User == p.User || payload.User == "" && p.Role.Covers(core.Admin)
	}
	return false
}
