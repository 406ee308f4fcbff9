package platform

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/cli"
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

// OIDC is an issuer by which people sign in; none without an Issuer.
type OIDC struct {
	Name         string `koanf:"name" json:"name"`     // in URLs: google
	Issuer       string `koanf:"issuer" json:"issuer"` // as in its discovery document
	ClientID     string `koanf:"client_id" json:"client_id"`
	ClientSecret Secret `koanf:"client_secret" json:"client_secret"`
	Domains      string `koanf:"domains" json:"domains"` // of e-mail addresses that are the issuer's to give, separated by commas
	Create       bool   `koanf:"create" json:"create"`   // users of people who are none yet
}

func (o OIDC) check() error {
	if o.Issuer == "" && o.ClientID+string(o.ClientSecret)+o.Domains != "" || o.Issuer != "" && o.ClientID == "" {
		return core.E(core.Invalid, "config", "oidc.issuer and oidc.client_id need each other").WithHint(configHint)
	}
	return nil
}

func (o OIDC) issuers() []identity.OIDCConfig {
	if o.Issuer == "" {
		return nil
	}
	return []identity.OIDCConfig{{
		Name: o.Name, Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(), Domains: commas(o.Domains), Create: o.Create,
	}}
}

// openAccounts wires who may do what, what that costs, and the log of it.
func (n *node) openAccounts(ctx context.Context) (err error) {
	n.audit = auditlog.New(auditlog.Config{Events: n.store, Stored: n.driver, Records: n.store, Log: n.log})
	if err = n.openEgress(ctx); err != nil {
		return err
	}
	n.people, err = identity.New(identity.Config{
		Records: n.store, Quotas: n.driver, Issuer: cmp.Or(n.cfg.Public.URL, "isekai"), Log: n.log, OIDC: n.cfg.OIDC.issuers(),
		HTTP:  &http.Client{Timeout: 10 * time.Second}, // to issuers that an operator names
		Audit: n.recordIdentity,
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
	if n.mode == cli.Serving {
		n.setup, _, err = n.people.Setup(ctx)
		if core.CodeOf(err) == core.NotFound { // the first org was shredded: there is nothing to set up
			n.log.Warn("no first user can be made", "err", err)
			err = nil
		}
	}
	return err
}

// publicURL is where browsers reach this installation.
func (n *node) publicURL() string { return cmp.Or(n.cfg.Public.URL, n.url) }

// recordIdentity keeps what matters for security. What belongs to no org is in the
// installation's own log. A log that takes nothing is an operator's affair: the action
// has been done by then.
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
	}
}

// accounts is what the API offers of it.
func (n *node) accounts() httpapi.Accounts {
	return httpapi.Accounts{Identity: n.people, Ledger: n.books, Shares: n.driver, Audit: n.audit, Secrets: n.secrets, Redact: n.guard, URL: n.publicURL()}
}

// authenticate knows the token of the data directory, whose reader is the installation's
// own user, and what identity knows.
func (n *node) authenticate(ctx context.Context, c identity.Credential) (identity.Principal, error) {
	if sameToken(c.Bearer, n.token) {
		return identity.Local(), nil
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
