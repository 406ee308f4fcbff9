package vault

import (
	"context"
	"errors"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
)

// Handler returns a handler that opens each event and hands it to h. An event of an org
// that was shredded is dropped, with a word to the log: what it said is gone by design.
// So is one of an org that has no keys, which no vault of this installation has stored:
// nobody could look after it. internal: the event can't be opened; it won't be the next
// time either.
func (v *Vault) Handler(h bus.Handler) bus.Handler {
	return func(ctx context.Context, e core.Event) error {
		o, err := v.opener(ctx, e.Org)
		if err == nil {
			e.Data, err = o.event(ctx, &e)
		}
		switch {
		case core.CodeOf(err) == core.NotFound: // it is the org that isn't found
			v.cfg.Log.DebugContext(ctx, "dropped an event of an org that is gone", "org", e.Org, "event", e.ID)
			return nil
		case errors.Is(err, errNoKeys):
			v.cfg.Log.ErrorContext(ctx, "dropped an event that this installation can't have stored", "org", e.Org, "event", e.ID)
			return nil
		case err != nil:
			return err
		}
		return h(ctx, e)
	}
}
