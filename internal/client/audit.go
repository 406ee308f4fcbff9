package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// AuditEntry says who did what to what, and how it went.
type AuditEntry struct {
	Row     int64             `json:"row" doc:"its place in the log, from 1"`
	ID      core.EventID      `json:"id"`
	At      time.Time         `json:"at"`
	Action  string            `json:"action"`
	Actor   core.Actor        `json:"actor"`
	Project core.ProjectID    `json:"project,omitempty"`
	Target  string            `json:"target,omitempty"`
	Address string            `json:"address,omitempty" doc:"where the request came from"`
	Outcome string            `json:"outcome" enum:"done,failed,refused"`
	Detail  map[string]string `json:"detail,omitempty"`
}

// AuditOptions select a page of an audit log. Zero fields don't filter.
type AuditOptions struct {
	Action  string // or the beginning of one that ends with a dot
	Actor   string
	Target  string
	Project core.ProjectID
	Outcome string
	From    time.Time
	Until   time.Time
	PageOptions
}

func (o AuditOptions) query() url.Values {
	q := with(o.PageOptions.query(), "action", o.Action, "actor", o.Actor, "target", o.Target, "project", string(o.Project), "outcome", o.Outcome)
	for name, at := range map[string]time.Time{"from": o.From, "until": o.Until} {
		if !at.IsZero() {
			q.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return q
}

// AuditReport is what is known about an audit log after it was verified.
type AuditReport struct {
	Org core.OrgID `json:"org"`
	// Before are the parts of a log that was begun anew; the rest is about what came then.
	Before []AuditPart `json:"before,omitempty" doc:"its parts that were damaged, and left when it was begun anew"`
	AuditPart
}

// AuditPart is what is known about an audit log, or about a part of one that was begun anew.
type AuditPart struct {
	After      int64       `json:"after,omitempty" doc:"how many rows there were when this part began"`
	Rows       int64       `json:"rows" doc:"how many from its first are as they were written"`
	Checkpoint string      `json:"checkpoint,omitempty" doc:"of these rows"`
	Fault      *AuditFault `json:"fault,omitempty" doc:"absent: all is well"`
}

// AuditBeginning has a damaged log begun anew.
type AuditBeginning struct {
	Reason string `json:"reason" minLength:"1" maxLength:"1000" doc:"for whoever reads the log"`
}

// AuditFault is the first thing that is wrong with an audit log.
type AuditFault struct {
	Kind string       `json:"kind" enum:"missing,changed,moved,foreign,truncated,rewritten"`
	Row  int64        `json:"row"`
	ID   core.EventID `json:"id,omitempty" doc:"of the event that stands there"`
	Text string       `json:"text"`
}

// Checkpoint is a signed note of an audit log's size and root, to be kept elsewhere.
type Checkpoint struct {
	Checkpoint string `json:"checkpoint"`
}

// Log names an audit log: that of the credential's org, or of the installation.
type Log string

// The logs.
const (
	OrgLog          Log = "/v1/audit"
	InstallationLog Log = "/v1/installation/audit"
)

// Audit returns a page of an audit log, newest first.
func (c *Client) Audit(ctx context.Context, l Log, o AuditOptions) (Page[AuditEntry], error) {
	return get[Page[AuditEntry]](ctx, c, string(l), o.query())
}

// ExportAudit writes an audit log as JSON lines, and a checkpoint of it as the last.
func (c *Client) ExportAudit(ctx context.Context, l Log, w io.Writer) error {
	return c.copy(ctx, request{method: http.MethodGet, path: string(l) + "/export"}, w)
}

// VerifyAudit recomputes every hash of an audit log, and compares it with checkpoints that
// were kept elsewhere.
func (c *Client) VerifyAudit(ctx context.Context, l Log, known []string) (AuditReport, error) {
	return send[AuditReport](ctx, c, http.MethodPost, string(l)+"/verify", map[string][]string{"checkpoints": append([]string{}, known...)})
}

// AuditLogs returns whose logs there are, for an operator.
func (c *Client) AuditLogs(ctx context.Context) ([]core.OrgID, error) {
	return get[[]core.OrgID](ctx, c, "/v1/installation/audit/logs", nil)
}

// VerifyAuditOf is VerifyAudit for an operator, of any log.
func (c *Client) VerifyAuditOf(ctx context.Context, org core.OrgID, known []string) (AuditReport, error) {
	return send[AuditReport](ctx, c, http.MethodPost, logOf(org)+"/verify", map[string][]string{"checkpoints": append([]string{}, known...)})
}

// BeginAuditAnew goes on with a log that is damaged, behind what is left of it, as an
// operator. It returns what was found. conflict: the log isn't damaged.
func (c *Client) BeginAuditAnew(ctx context.Context, org core.OrgID, b AuditBeginning) (AuditReport, error) {
	return send[AuditReport](ctx, c, http.MethodPost, logOf(org)+"/begin-anew", b)
}

func logOf(org core.OrgID) string {
	return "/v1/installation/audit/logs/" + url.PathEscape(string(org))
}

// AuditCheckpoint makes a checkpoint of an audit log.
func (c *Client) AuditCheckpoint(ctx context.Context, l Log) (Checkpoint, error) {
	return send[Checkpoint](ctx, c, http.MethodPost, string(l)+"/checkpoint", nil)
}

// AuditKeys returns the public keys that an export is verified with.
func (c *Client) AuditKeys(ctx context.Context) ([]string, error) {
	return get[[]string](ctx, c, "/v1/audit/keys", nil)
}

// AuditGrowth proves that an audit log has only grown between two checkpoints.
type AuditGrowth struct {
	From  string   `json:"from" doc:"the earlier checkpoint"`
	To    string   `json:"to" doc:"the one of now"`
	Proof []string `json:"proof" doc:"hashes, as of RFC 9162, section 2.1.4"`
}

// ProveAudit proves that an audit log begins with what an earlier checkpoint is of. conflict:
// it doesn't.
func (c *Client) ProveAudit(ctx context.Context, l Log, checkpoint string) (AuditGrowth, error) {
	return send[AuditGrowth](ctx, c, http.MethodPost, string(l)+"/growth", Checkpoint{checkpoint})
}
