package watch

import (
	"context"
	"fmt"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	watches = store.Kind[watchDoc]("watch")       // of an org, by project and id
	counts  = store.Kind[countDoc]("watch_count") // of an org, by project: for the bound
	dues    = store.Kind[dueDoc]("watch_due")     // of the installation, by time: what is to be looked at
)

// watchDoc is a watch with what the next look needs.
type watchDoc struct {
	Watch
	Before   *seen   `json:"before,omitempty"` // what the next look is compared to
	Holds    bool    `json:"holds"`            // above or below was true then
	ETag     string  `json:"etag,omitempty"`
	Modified string  `json:"modified,omitempty"`
	Pending  *Change `json:"pending,omitempty"` // what is to be told, and wasn't yet
	Alarm    bool    `json:"alarm,omitempty"`   // that it fails is to be told, and wasn't yet
}

type countDoc struct {
	N int `json:"n"`
}

// dueDoc says that a watch is due at the time that the record's id begins with. It is passed over
// when the watch isn't, by then.
type dueDoc struct {
	Org     core.OrgID     `json:"org"`
	Project core.ProjectID `json:"project"`
	Watch   string         `json:"watch"`
	At      int64          `json:"at"` // seconds
}

func place(project core.ProjectID, id string) string { return string(project) + "/" + id }

func dueID(d dueDoc) string { return fmt.Sprintf("%012d/%s/%s", d.At, d.Org, d.Watch) }

// plan has a watch looked at when it says.
func (s *Service) plan(ctx context.Context, org core.OrgID, w watchDoc) error {
	d := dueDoc{Org: org, Project: w.Project, Watch: w.ID, At: w.Next.Unix()}
	err := s.cfg.Records.Write(ctx, core.Installation, dues.Put(store.Doc[dueDoc]{ID: dueID(d), Data: d}))
	if core.CodeOf(err) == core.Conflict { // it is planned
		return nil
	}
	return err
}

// due returns up to limit of what is due, the longest due first.
func (s *Service) due(ctx context.Context, limit int) ([]store.Doc[dueDoc], error) {
	docs, err := dues.List(ctx, s.cfg.Records, core.Installation, "", "", limit)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now().Unix()
	for i, d := range docs {
		if d.Data.At > now {
			return docs[:i], nil
		}
	}
	return docs, nil
}

// done drops what was due.
func (s *Service) done(ctx context.Context, d store.Doc[dueDoc]) error {
	err := s.cfg.Records.Write(ctx, core.Installation, dues.Drop(d))
	if core.CodeOf(err) == core.Conflict { // it is gone
		return nil
	}
	return err
}

// system is who tells and starts, for a project.
func system(org core.OrgID, project core.ProjectID) core.Scope {
	return core.Scope{Org: org, Project: project, Actor: core.Actor{Kind: core.ActorSystem, ID: "watch"}}
}
