package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

type (
	auditQuery struct {
		Action  string         `query:"action" maxLength:"100" doc:"or the beginning of one that ends with a dot" example:"key."`
		Actor   string         `query:"actor" maxLength:"100" doc:"an actor's id"`
		Target  string         `query:"target" maxLength:"300"`
		Project core.ProjectID `query:"project" maxLength:"64"`
		Outcome string         `query:"outcome" enum:"done,failed,refused,"`
		From    time.Time      `query:"from" doc:"not before"`
		Until   time.Time      `query:"until" doc:"before"`
		PageQuery
	}
	proveAudit  struct{ Body client.Checkpoint }
	verifyAudit struct{ Body keptCheckpoints }
	// keptCheckpoints are what a log is verified against.
	keptCheckpoints struct {
		Checkpoints []string `json:"checkpoints,omitempty" maxItems:"100" doc:"of this log, that were kept elsewhere"`
	}
)

func (k keptCheckpoints) bytes() [][]byte {
	known := make([][]byte, len(k.Checkpoints))
	for i, c := range k.Checkpoints {
		known[i] = []byte(c)
	}
	return known
}

// record writes what was done to the org's audit log, before it is answered. Its error says
// that it was done all the same.
func (s *server) record(ctx context.Context, org core.OrgID, e auditlog.Entry) error {
	if err := s.announce(ctx, org, e); err != nil {
		return lack(err)
	}
	return nil
}

// announce is record for what is done afterwards, or else not at all.
func (s *server) announce(ctx context.Context, org core.OrgID, e auditlog.Entry) error {
	if s.cfg.Audit == nil { // a server without accounts
		return nil
	}
	e.Actor, e.Address = requestOf(ctx).who.Scope.Actor, Whence(ctx)
	return s.cfg.Audit.Record(ctx, org, e)
}

// audit registers the routes to an org's audit log for its admins, and to the
// installation's for operators.
func (s *server) audit() {
	s.auditOf(identity.AuditRead, "", "/v1/audit", "the org's audit log", func(p identity.Principal) core.OrgID { return p.Scope.Org })
	s.auditOf(identity.OperateRead, "-of-installation", "/v1/installation/audit", "the installation's audit log", func(identity.Principal) core.OrgID { return core.Installation })
	act(s, identity.AuditRead, huma.Operation{
		OperationID: "audit-keys", Method: http.MethodGet, Path: "/v1/audit/keys", Summary: "Show the public keys that checkpoints and exports are verified with", Tags: []string{"audit"},
	}, func(ctx context.Context, _ identity.Principal, _ *struct{}) (*reply[[]string], error) {
		keys, err := s.cfg.Audit.PublicKeys(ctx)
		return &reply[[]string]{each(keys, same)}, err
	})
}

func (s *server) auditOf(action identity.Action, suffix, path, what string, org func(identity.Principal) core.OrgID) {
	tags := []string{"audit"}
	act(s, action, huma.Operation{
		OperationID: "list-audit" + suffix, Method: http.MethodGet, Path: path, Summary: "List " + what + ", newest first", Tags: tags,
		Description: "A page may have fewer entries than it asks for, or none, and a next one.",
	}, func(ctx context.Context, p identity.Principal, in *auditQuery) (*reply[client.Page[client.AuditEntry]], error) {
		page, err := s.cfg.Audit.List(ctx, org(p), auditlog.Query{
			Action: in.Action, Actor: in.Actor, Target: in.Target, Project: in.Project, Outcome: in.Outcome,
			From: in.From, Until: in.Until, After: in.Cursor, Limit: in.Limit,
		})
		return paged(page.Entries, page.Next, err, wireAudit)
	})
	act(s, action, stream(huma.Operation{
		OperationID: "export-audit" + suffix, Method: http.MethodGet, Path: path + "/export", Summary: "Export " + what, Tags: tags,
		Description: "A JSON object in each line, and a signed checkpoint in the last.",
	}, "application/jsonl"), func(ctx context.Context, p identity.Principal, _ *struct{}) (*huma.StreamResponse, error) {
		if err := s.announce(ctx, org(p), auditlog.Entry{Action: "audit.export"}); err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			hc.SetHeader("Content-Disposition", `attachment; filename="audit.jsonl"`)
			hc.SetHeader("Content-Type", "application/jsonl")
			if err := s.cfg.Audit.Export(ctx, org(p), hc.BodyWriter()); err != nil {
				s.cfg.Logger.Error("export an audit log", "org", org(p), "err", err)
				panic(http.ErrAbortHandler) // the reader must not take a part for the whole
			}
		}}, nil
	})
	act(s, action, huma.Operation{
		OperationID: "verify-audit" + suffix, Method: http.MethodPost, Path: path + "/verify", Summary: "Recompute every hash of " + what, Tags: tags,
		Description: "It names the first row that isn't as it was written.",
	}, func(ctx context.Context, p identity.Principal, in *verifyAudit) (*reply[client.AuditReport], error) {
		r, err := s.cfg.Audit.Verify(ctx, org(p), in.Body.bytes()...)
		return replied(r, err, Report)
	})
	act(s, action, huma.Operation{
		OperationID: "checkpoint-audit" + suffix, Method: http.MethodPost, Path: path + "/checkpoint", Summary: "Make a signed checkpoint of " + what, Tags: tags,
		Description: "Kept elsewhere, it shows later that nothing was taken away.",
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[client.Checkpoint], error) {
		c, err := s.cfg.Audit.Checkpoint(ctx, org(p))
		return replied(c, err, func(c []byte) client.Checkpoint { return client.Checkpoint{Checkpoint: string(c)} })
	})
	act(s, action, huma.Operation{
		OperationID: "prove-audit" + suffix, Method: http.MethodPost, Path: path + "/growth", Summary: "Prove that " + what + " has only grown since an earlier checkpoint", Tags: tags,
		Description: "The proof holds without this installation, and shows no entry.",
	}, func(ctx context.Context, p identity.Principal, in *proveAudit) (*reply[client.AuditGrowth], error) {
		g, err := s.cfg.Audit.ProveGrowth(ctx, org(p), []byte(in.Body.Checkpoint))
		return replied(g, err, func(g auditlog.Consistency) client.AuditGrowth {
			return client.AuditGrowth{From: g.From, To: g.To, Proof: each(g.Proof, same)}
		})
	})
}

func wireAudit(e auditlog.Entry) client.AuditEntry {
	return client.AuditEntry{
		Row: e.Row, ID: e.ID, At: e.At, Action: e.Action, Actor: e.Actor, Project: e.Project, Target: e.Target,
		Address: e.Address, Outcome: e.Outcome, Detail: e.Detail,
	}
}

// Report is what is known of a log, for the wire.
func Report(r auditlog.Report) client.AuditReport {
	w := client.AuditReport{Org: r.Org, AuditPart: auditPart(r)}
	for _, p := range r.Before {
		w.Before = append(w.Before, auditPart(p))
	}
	return w
}

func auditPart(r auditlog.Report) client.AuditPart {
	p := client.AuditPart{After: r.After, Rows: r.Rows, Checkpoint: r.Checkpoint}
	if f := r.Fault; f != nil {
		p.Fault = &client.AuditFault{Kind: string(f.Kind), Row: f.Row, ID: f.ID, Text: f.Text}
	}
	return p
}
