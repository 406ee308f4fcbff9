package credential

import (
	"context"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// Kept is a secret that an org keeps.
type Kept struct {
	Name   string // of its credential
	Secret Secret
}

// The bounds of what Values returns.
const (
	maxValues     = 500
	maxValueBytes = 256 << 10
)

// Values returns the secrets that an org keeps, of all its projects: values that can be
// used, passphrases, the tokens of connections, and what authorization servers know the org
// by, with their issuers for names. It is for a filter that keeps them from where nobody sent
// them, so it records no use: whoever calls it gives them to nobody, and holds them no longer
// than it takes. more: there are others than the 500, or the 256 KiB altogether, that it
// returns.
func (s *Service) Values(ctx context.Context, org core.OrgID) (all []Kept, more bool, err error) {
	docs, err := credentials.All(ctx, s.cfg.Records, org, "", maxValues)
	if err != nil || len(docs) == 0 { // most orgs keep none
		return nil, false, err
	}
	names := make(map[string]string, len(docs))
	for _, e := range docs {
		names[e.Data.ID] = e.Data.Name
	}
	room := maxValueBytes
	add := func(credential string, secrets ...kept) {
		for _, k := range secrets {
			text := k.Reveal()
			switch {
			case text == "":
			case len(all) == maxValues || len(text) > room:
				more = true
			default:
				all, room = append(all, Kept{names[credential], k.Secret}), room-len(text)
			}
		}
	}
	kept, err := values.All(ctx, s.cfg.Records, org, "", maxValues)
	if err != nil {
		return nil, false, err
	}
	for _, e := range kept {
		credential, _, _ := strings.Cut(e.ID, "/")
		add(credential, e.Data.Secret, e.Data.Passphrase)
	}
	granted, err := grants.All(ctx, s.cfg.Records, org, "", maxValues)
	if err != nil {
		return nil, false, err
	}
	for _, e := range granted {
		add(e.ID, e.Data.Access, e.Data.Refresh)
	}
	known, err := clients.All(ctx, s.cfg.Records, org, "", maxClients)
	if err != nil {
		return nil, false, err
	}
	for _, e := range known {
		names[e.Data.Issuer] = e.Data.Issuer
		add(e.Data.Issuer, e.Data.Secret)
	}
	full := func(n int) bool { return n >= maxValues }
	return all, more || full(len(docs)) || full(len(kept)) || full(len(granted)), nil
}
