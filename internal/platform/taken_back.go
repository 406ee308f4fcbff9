package platform

import (
	"context"
	"log/slog"
	"time"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

// settle readies a store that was taken back in time, before a server opens it: what may
// have ended since ends, and the installation's audit log has what was done. problem says
// that the log takes no entry, which is no reason to go without the store.
func (c Config) settle(ctx context.Context, st store.Store, action, target string, at time.Time) (problem string, err error) {
	if err := identity.EndAll(ctx, st); err != nil {
		return "", err
	}
	if k, err := st.Keyset(ctx, core.Installation); err == nil && k.Shredded {
		return "", nil // there is no log any more
	}
	filter, err := c.filter()
	if err != nil {
		return "", err
	}
	v, err := c.openVault(ctx, st, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	open := v.Store(st)
	entry := auditlog.Entry{Action: action, Actor: identity.Local().Scope.Actor, Target: target, Outcome: auditlog.Done}
	if !at.IsZero() {
		entry.Detail = map[string]string{"of": at.UTC().Format(time.RFC3339)}
	}
	log := auditlog.New(auditlog.Config{Events: open, Stored: st, Records: open, Clean: filter.Redact})
	if err := log.Record(ctx, core.Installation, entry); err != nil {
		return "the audit log of the installation doesn't have it: " + err.Error(), nil
	}
	return "", nil
}
