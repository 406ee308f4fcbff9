package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/store"
)

type (
	EntryQuery struct {
		Account string      `query:"account" maxLength:"200" example:"available"`
		Task    core.TaskID `query:"task" maxLength:"64"`
		Newest  bool        `query:"newest" doc:"the newest first"`
		PageQuery
	}
	entryOfQuery struct {
		OrgQuery
		EntryQuery
	}
	creditCommand struct {
		OrgQuery
		Body client.CreditCommand
	}
	setShare struct {
		OrgQuery
		Body client.Share
	}
)

// credits are the routes by which people see what their org has.
func (s *server) credits() {
	tags := []string{"credits"}
	act(s, identity.CreditRead, huma.Operation{
		OperationID: "show-credits", Method: http.MethodGet, Path: "/v1/credits", Summary: "Show where the org's credits are", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[client.Balance], error) {
		b, err := s.cfg.Ledger.Balance(ctx, p.Scope.Org)
		return replied(b, err, wireBalance)
	})
	act(s, identity.CreditRead, huma.Operation{
		OperationID: "list-entries", Method: http.MethodGet, Path: "/v1/credits/entries", Summary: "List the lines of the org's books, oldest first unless newest is asked for", Tags: tags,
		Description: "Who is held to projects sees theirs, so that a page may have fewer than it asks for.",
	}, func(ctx context.Context, p identity.Principal, in *EntryQuery) (*reply[client.Page[client.Entry]], error) {
		return s.entries(ctx, p.Scope.Org, in, p.MayUse)
	})
	act(s, identity.CreditRead, huma.Operation{
		OperationID: "show-prices", Method: http.MethodGet, Path: "/v1/prices", Summary: "Show what the org pays", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[client.Prices], error) {
		return s.pricesOf(ctx, p.Scope.Org)
	})
}

// entries lists those of the projects that may be seen.
func (s *server) entries(ctx context.Context, org core.OrgID, in *EntryQuery, may func(core.ProjectID) bool) (*reply[client.Page[client.Entry]], error) {
	after, err := strconv.ParseInt("0"+in.Cursor, 10, 64)
	if err != nil {
		return nil, core.E(core.Invalid, "entries", "the cursor isn't one of this list's").WithHint("start again from the first page")
	}
	found, err := s.cfg.Ledger.Entries(ctx, org, store.EntryQuery{Account: in.Account, Task: in.Task, Newest: in.Newest, After: after, Limit: in.Limit})
	next := ""
	if len(found) == in.Limit {
		next = strconv.FormatInt(found[len(found)-1].Seq, 10)
	}
	var seen []store.Entry
	for _, e := range found {
		if may(e.Project) {
			seen = append(seen, e)
		}
	}
	return paged(seen, next, err, wireEntry)
}

// creditCommands are what an operator does to an org's credits, and its weight.
func (s *server) creditCommands() {
	act(s, identity.OperateRead, huma.Operation{
		OperationID: "show-credits-of", Method: http.MethodGet, Path: "/v1/installation/credits", Summary: "Show where an org's credits are",
	}, func(ctx context.Context, _ identity.Principal, in *OrgQuery) (*reply[client.Balance], error) {
		org, err := s.subject(ctx, *in)
		if err != nil {
			return nil, err
		}
		b, err := s.cfg.Ledger.Balance(ctx, org)
		return replied(b, err, wireBalance)
	})
	act(s, identity.OperateRead, huma.Operation{
		OperationID: "list-entries-of", Method: http.MethodGet, Path: "/v1/installation/credits/entries", Summary: "List the lines of an org's books, oldest first unless newest is asked for",
	}, func(ctx context.Context, _ identity.Principal, in *entryOfQuery) (*reply[client.Page[client.Entry]], error) {
		org, err := s.subject(ctx, in.OrgQuery)
		if err != nil {
			return nil, err
		}
		return s.entries(ctx, org, &in.EntryQuery, func(core.ProjectID) bool { return true })
	})
	s.creditCommand(client.Grant, "Give an org credits", s.cfg.Ledger.Grant)
	s.creditCommand(client.Refund, "Give back what an org's tasks have spent", s.cfg.Ledger.Refund)
	s.creditCommand(client.Expire, "Take credits that weren't used in time", s.cfg.Ledger.Expire)
	s.creditCommand(client.Adjust, "Correct what an org has, up or down", s.cfg.Ledger.Adjust)
	const path = "/v1/installation/share"
	act(s, identity.OperateRead, huma.Operation{
		OperationID: "show-share", Method: http.MethodGet, Path: path, Summary: "Show an org's weight in the queue",
	}, func(ctx context.Context, _ identity.Principal, in *OrgQuery) (*reply[client.Share], error) {
		org, err := s.subject(ctx, *in)
		if err != nil {
			return nil, err
		}
		n, err := s.cfg.Shares.Share(ctx, org)
		return &reply[client.Share]{client.Share{Share: n}}, err
	})
	act(s, identity.Operate, huma.Operation{
		OperationID: "set-share", Method: http.MethodPut, Path: path, Summary: "Set an org's weight in the queue",
	}, func(ctx context.Context, _ identity.Principal, in *setShare) (*reply[client.Share], error) {
		org, err := s.subject(ctx, in.OrgQuery)
		if err == nil {
			err = s.cfg.Shares.SetShare(ctx, org, in.Body.Share)
		}
		if err == nil {
			err = s.record(ctx, org, auditlog.Entry{Action: "share.set", Target: string(org), Detail: map[string]string{"share": strconv.Itoa(in.Body.Share)}})
		}
		return &reply[client.Share]{in.Body}, err
	})
}

// creditCommand registers what one verb does.
func (s *server) creditCommand(verb client.CreditVerb, summary string, do func(context.Context, core.OrgID, ledger.Command) (bool, error)) {
	act(s, identity.Operate, foundAgain(creates(huma.Operation{
		OperationID: string(verb) + "-credits", Method: http.MethodPost, Path: "/v1/installation/credits/" + string(verb), Summary: summary,
		Description: "The same command twice, by its id, is one; another with the id of one that was given is a conflict.",
	})), func(ctx context.Context, _ identity.Principal, in *creditCommand) (*reply[client.Moved], error) {
		org, err := s.subject(ctx, in.OrgQuery)
		if err != nil {
			return nil, err
		}
		c := ledger.Command{ID: cmp.Or(in.Body.ID, commandKey(ctx), core.NewID("cmd")), Amount: in.Body.Amount, Task: in.Body.Task, Note: in.Body.Note}
		if in.Body.Expires != nil {
			c.Expires = *in.Body.Expires
		}
		if verb != client.Grant && !c.Expires.IsZero() {
			return nil, core.E(core.Invalid, "credits", "a "+string(verb)+" doesn't expire").WithHint("leave out expires")
		}
		made, err := do(ctx, org, c)
		if err == nil { // also of a repeat: the first may have come to its end before it was recorded
			err = s.record(ctx, org, auditlog.Entry{Action: "credit." + string(verb), Target: c.ID, Detail: movedDetail(c, made)})
		}
		if err != nil {
			return nil, err
		}
		b, err := s.cfg.Ledger.Balance(ctx, org)
		return replied(b, err, func(b ledger.Balance) client.Moved {
			return client.Moved{ID: c.ID, Made: made, Balance: wireBalance(b)}
		})
	})
}

// movedDetail is what the audit log keeps of a command.
func movedDetail(c ledger.Command, made bool) map[string]string {
	d := map[string]string{"amount": c.Amount.String(), "note": c.Note}
	if !made {
		d["repeat"] = "true"
	}
	if !c.Expires.IsZero() {
		d["expires"] = c.Expires.UTC().Format(time.RFC3339)
	}
	return d
}

func wireBalance(b ledger.Balance) client.Balance {
	w := client.Balance{
		Available: b.Available, Held: b.Held, Spent: b.Spent, Storage: b.Storage, Granted: b.Granted, WrittenOff: b.WrittenOff, Expiring: b.Expiring,
	}
	if !b.ExpiresAt.IsZero() {
		w.ExpiresAt = &b.ExpiresAt
	}
	return w
}

func wireEntry(e store.Entry) client.Entry {
	return client.Entry{
		Seq: e.Seq, Kind: e.Kind, Account: e.Account, Amount: e.Amount, Balance: e.Balance, Effect: e.Effect, Project: e.Project,
		Task: e.Task, Note: e.Note, At: e.At,
	}
}
