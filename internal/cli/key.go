package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) keyCommand() *cobra.Command {
	c := group("key", "Look after API keys (isekai keys is about encryption)")
	c.AddCommand(sh.keyList(), sh.keyCreate(), sh.keyRevoke())
	return c
}

func (sh *shell) keyList() *cobra.Command {
	var all, revoked bool
	var user string
	c := listing(sh, &cobra.Command{Use: "list", Short: "List one's own API keys in the org, or all", Example: "  isekai key list --all\n  isekai key list --all --revoked"},
		func(ctx context.Context, c *client.Client, o client.PageOptions) (client.Page[client.Key], error) {
			switch {
			case revoked && (all || user != ""):
				return c.RevokedKeys(ctx, core.UserID(user), o)
			case revoked:
				return c.MyRevokedKeys(ctx, o)
			case all || user != "":
				return c.Keys(ctx, core.UserID(user), o)
			}
			return c.MyKeys(ctx, o)
		}, []string{"KEY", "NAME", "OF", "ROLE", "SCOPES", "PROJECT", "SINCE", "LAST USE", "EXPIRES"},
		func(k client.Key) []string {
			expires := "never"
			if k.Expires != nil {
				expires = day(*k.Expires)
			}
			if k.Revoked != nil {
				expires = "revoked " + minute(*k.Revoked)
				if k.By != "" {
					expires += " by " + string(k.By)
				}
			}
			used := "never"
			if k.Used != nil {
				used = day(*k.Used)
			}
			return []string{string(k.ID), cut(k.Name, 30), string(k.User), string(k.Role), strings.Join(k.Scopes, " "), string(k.Project), day(k.Created), used, expires}
		}, "No API keys.")
	c.Flags().BoolVar(&all, "all", false, "of the whole org")
	c.Flags().StringVar(&user, "user", "", "of this user or service of the org")
	c.Flags().BoolVar(&revoked, "revoked", false, "those that were revoked in the last 90 days, with when and by whom")
	return c
}

func (sh *shell) keyCreate() *cobra.Command {
	var n client.NewKey
	var service, budget, expires string
	c := &cobra.Command{Use: "create NAME --scope SCOPE", Short: "Make an API key, of one's own or of a service, and show it once", Args: args("a name"),
		Example: "  isekai key create ci --scope tasks:read,tasks:write --project prj_01hx --expires 90d --budget 25",
		RunE: func(c *cobra.Command, a []string) (err error) {
			n.Name = a[0]
			if n.Expires, err = parseExpiry(expires, time.Now()); err != nil {
				return err
			}
			if budget != "" {
				if n.Budget, err = core.ParseCredits(budget); err != nil {
					return err
				}
			}
			if len(n.Scopes) == 0 {
				return core.E(core.Invalid, "", "a key without a scope can do nothing").WithHint("as in --scope tasks:read,tasks:write,apps:read")
			}
			key := core.NewID("key")
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.MadeKey, error) {
				if service != "" {
					return c.CreateServiceKey(ctx, client.NewServiceKey{Service: core.UserID(service), NewKey: n}, key)
				}
				return c.CreateKey(ctx, n, key)
			}, func(w io.Writer, k client.MadeKey) {
				fmt.Fprintf(w, "%s\nThis is %s. It isn't shown again.\n", k.Text, k.ID)
			})
		}}
	f := c.Flags()
	f.StringSliceVar(&n.Scopes, "scope", nil, "what it may, as in tasks:read; may be given several times")
	f.StringVar((*string)(&n.Project), "project", "", "only in this project")
	f.StringVar((*string)(&n.Role), "role", "", "at most viewer, member, admin or owner (default: its user's)")
	f.StringVar(&expires, "expires", "", "when it ends: 90d, 12h, or a day as 2027-01-31 (default: never)")
	f.StringVar(&budget, "budget", "", "credits for all that it ever does (default: none of its own)")
	f.StringVar(&service, "service", "", "make it for this service of the org")
	return c
}

// parseExpiry reads how long something is good, or until when; nil for ever.
func parseExpiry(s string, now time.Time) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		at, err = time.Parse(time.RFC3339, s)
	}
	if days, ok := strings.CutSuffix(s, "d"); err != nil && ok {
		var n int
		if n, err = strconv.Atoi(days); err == nil && n <= 36500 {
			at = now.AddDate(0, 0, n)
		}
	} else if err != nil {
		var d time.Duration
		d, err = time.ParseDuration(s)
		at = now.Add(d)
	}
	if err != nil || !at.After(now) {
		return nil, core.E(core.Invalid, "", s+" isn't a time to come").WithHint("as in 90d, 12h or 2027-01-31")
	}
	return &at, nil
}

func (sh *shell) keyRevoke() *cobra.Command {
	return &cobra.Command{Use: "revoke KEY", Short: "End an API key: one's own, or as an admin anyone's of the org", Args: args("a key's id"), Example: "  isekai key revoke key_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.RevokeKey(ctx, core.KeyID(a[0])) },
				"revoked", a[0], a[0]+" has ended.")
		}}
}
