package identity

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// EndAll removes from a store that was taken back in time what may have ended since:
// sessions, one-time links, sign-ins under way, and the keys that access tokens are signed
// with, which are made anew when they are needed. st may be sealed: nothing is opened. No
// Service may use it. It can be repeated.
func EndAll(ctx context.Context, st store.Records) error {
	for _, kind := range []string{string(sessions), string(tickets), string(flows), string(grants), string(signings)} {
		for {
			page, err := st.Records(ctx, core.Installation, kind, "", "", store.MaxChanges)
			if err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			changes := make([]store.Change, len(page))
			for i, r := range page {
				changes[i] = store.Change{Kind: r.Kind, ID: r.ID, Expected: r.Version}
			}
			if err := st.Write(ctx, core.Installation, changes...); err != nil {
				return err
			}
		}
	}
	return nil
}
