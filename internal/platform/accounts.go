package platform

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/ledger"
)

// Credits says whether tasks are charged.
type Credits struct {
	// Charge makes each task hold credits before it begins, and spend no more. Orgs get
	// credits by isekai credit grant.
	Charge bool `koanf:"charge" json:"charge"`
}

// openAccounts wires who may do what, what that costs, and the log of it.
func (n *node) openAccounts(ctx context.Context) (err error) {
	n.audit = auditlog.New(auditlog.Config{Events: n.store, Stored: n.driver, Records: n.store, Clean: n.filter.Redact, Log: n.log})
	if err = n.openEgress(ctx); err != nil {
		return err
	}
	issuers, err := n.cfg.OIDC.issuers()
	if err != nil {
		return err
	}
	breached, err := n.cfg.SignIn.breached()
	if err != nil {
		return err
	}
	n.people, err = identity.New(identity.Config{
		Records: n.store, Quotas: n.driver, Issuer: cmp.Or(n.cfg.Public.URL, "isekai"), URL: n.publicURL(), Log: n.log, OIDC: issuers,
		HTTP:  &http.Client{Timeout: 10 * time.Second}, // to issuers that an operator names
		Audit: n.recordIdentity, KeyEnded: n.dropBudget, Breached: breached, OpenOrgs: n.cfg.SignIn.OpenOrgs,
	})
	if err != nil {
		return err
	}
	if n.books, err = ledger.New(ledger.Config{Books: n.store, Records: n.store, Events: n.store, IDs: core.NewID}); err != nil {
		return err
	}
	if err = n.openSecrets(ctx); err != nil {
		return err
	}
	return n.openSetup(ctx)
}

// dropBudget removes the budget of a key that has ended, if it has one.
func (n *node) dropBudget(ctx context.Context, org core.OrgID, key core.KeyID) error {
	err := n.books.RemoveBudget(ctx, org, ledger.OfKey(key))
	if core.CodeOf(err) == core.NotFound {
		return nil
	}
	return err
}

// publicURL is where browsers reach this installation.
func (n *node) publicURL() string { return cmp.Or(n.cfg.Public.URL, n.url) }

// recordIdentity keeps what matters for security. What belongs to no org is in the
// installation's own log. If the log takes nothing the action has been done by then: an
// operator reads of it in the process's log, and who asked gets that for an answer.
func (n *node) recordIdentity(ctx context.Context, e identity.Event) {
	outcome := e.Outcome
	if outcome == "ok" {
		outcome = auditlog.Done
	}
	err := n.audit.Record(ctx, cmp.Or(e.Org, core.Installation), auditlog.Entry{
		At: e.At, Action: e.Action, Actor: e.Actor, Project: e.Project, Target: e.Target, Address: e.Address, Outcome: outcome, Detail: e.Detail,
	})
	if err != nil {
		n.log.ErrorContext(ctx, "the audit log lacks an entry", "action", e.Action, "org", e.Org, "err", err)
		httpapi.Unrecorded(ctx, err)
	}
}

// accounts is what the API offers of it.
func (n *node) accounts() httpapi.Accounts {
	return httpapi.Accounts{Identity: n.people, Ledger: n.books, Shares: n.driver, Audit: n.audit, Secrets: n.secrets, Redact: n.guard, Egress: n.reachable, Models: n.catalog, Skills: n.skills, ModelTester: n.modelTester(), Watches: n.watches, Conversations: n.talks, Memory: n.memory, MCP: n.mcp, Notify: n.notices, Approvals: approvals{n.tasks}, URL: n.publicURL()}
}

// authenticate knows the token of the data directory, whose reader is the installation's
// own user, and what identity knows. That token is taken at the owner's listener alone: who
// has read it once, in a copy of the directory, isn't who reads it here.
func (n *node) authenticate(ctx context.Context, c identity.Credential) (identity.Principal, error) {
	if fromOwner(ctx) && sameToken(c.Bearer, n.token) {
		p := identity.Local()
		p.Address = c.Address
		if c.Project == "" {
			return p, nil
		}
		p.Scope.Project = c.Project
		return p, n.people.InUse(ctx, p.Scope.Org, c.Project)
	}
	return n.people.Authenticate(ctx, c)
}

const (
	sweepEvery = time.Minute
	sweepMost  = 1000
)

// sweepRecords removes what has expired, until ctx ends.
func (n *node) sweepRecords(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for {
			gone, err := n.driver.Sweep(ctx, sweepMost)
			if err != nil && ctx.Err() == nil {
				n.log.Warn("expired records stay", "err", err)
			}
			if gone < sweepMost {
				break
			}
		}
	}
}
