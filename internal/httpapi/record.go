package httpapi

import (
	"context"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
)

// recorded are the operations that the audit log has from handle, by id, and whether that
// is the log of the org, or of the installation. The others record what they do themselves.
var recorded = map[string]bool{
	"resume-task": true, "move-app": true, "test-mcp-server": true, "rebuild-projection": false, "take-backup": false, "rotate-keys": false, "rotate-master-key": false, "shred-keys": false,
	"replay-dead-letter": false, "drop-dead-letter": false,
}

// outcome keeps what an operation has done, or why it hasn't. What was done stays done if the
// log takes nothing, and the caller hears of it.
func (s *server) outcome(ctx context.Context, operation string, rq *request, failure error) error {
	if err := rq.lacking.Load(); err != nil {
		return lack(*err)
	}
	ofOrg, wanted := recorded[operation]
	if !wanted {
		return nil
	}
	org := core.Installation
	if ofOrg {
		org = rq.who.Scope.Org
	}
	e := auditlog.Entry{Action: operation, Project: rq.who.Scope.Project, Target: rq.path}
	if failure != nil {
		e.Outcome, e.Detail = auditlog.Failed, map[string]string{"code": string(core.CodeOf(failure))}
	}
	return s.record(ctx, org, e)
}
