package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) permissionCommand() *cobra.Command {
	c := group("permission", "Say which calls of tools are allowed, asked about and denied")
	var org bool
	c.PersistentFlags().BoolVar(&org, "org", false, "of the whole org, and not of the project alone")
	c.AddCommand(sh.permissionShow(&org), sh.permissionRule(&org, core.Allow), sh.permissionRule(&org, core.Ask), sh.permissionRule(&org, core.Deny),
		sh.permissionRemove(&org), sh.permissionWait(&org))
	return c
}

func printPermissions(w io.Writer, p client.Permissions) {
	rows := [][]string{{"", "DO", "TOOL", "WITH", "SKILL"}}
	for i, r := range p.Rules {
		var with []string
		for _, name := range slices.Sorted(maps.Keys(r.With)) {
			with = append(with, name+"="+r.With[name])
		}
		rows = append(rows, []string{strconv.Itoa(i + 1), string(r.Do), r.Tool, strings.Join(with, " "), r.Skill})
	}
	table(w, rows, "No rules.", "")
	wait := 24 * time.Hour
	if p.WaitSeconds > 0 {
		wait = time.Duration(p.WaitSeconds) * time.Second
	}
	fmt.Fprintf(w, "Where no rule is about a call, one that changes something elsewhere and can't be repeated is asked about.\nA task waits %s for a person.\n", wait)
}

func (sh *shell) permissionShow(org *bool) *cobra.Command {
	return &cobra.Command{Use: "show", Short: "Show the rules", Args: cobra.NoArgs, Example: "  isekai permission show\n  isekai permission show --org",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Permissions, error) {
				return c.Permissions(ctx, *org)
			}, printPermissions)
		}}
}

// changePermissions has change change the rules that are there.
func (sh *shell) changePermissions(c *cobra.Command, org bool, change func(*client.NewPermissions) error) error {
	return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Permissions, error) {
		p, err := c.Permissions(ctx, org)
		if err != nil {
			return p, err
		}
		if err := change(&p.NewPermissions); err != nil {
			return p, err
		}
		return c.SetPermissions(ctx, org, p.NewPermissions, p.ETag)
	}, printPermissions)
}

func (sh *shell) permissionRule(org *bool, do core.Permission) *cobra.Command {
	var skill string
	short := map[core.Permission]string{core.Allow: "Allow calls without asking", core.Ask: "Have a person be asked about calls", core.Deny: "Deny calls"}[do]
	c := &cobra.Command{Use: string(do) + " TOOL [ARGUMENT=PATTERN...]", Short: short, Args: cobra.MinimumNArgs(1),
		Long:    short + " of a tool, or of those that match a pattern; with arguments, only of calls whose arguments match.\nOf the rules about a call the strictest counts.",
		Example: "  isekai permission " + string(do) + " git_push branch=isekai/*\n  isekai permission " + string(do) + " 'azure_*' --org",
		RunE: func(c *cobra.Command, a []string) error {
			r := client.PermissionRule{Do: do, Tool: a[0], Skill: skill}
			for _, arg := range a[1:] {
				name, pattern, ok := strings.Cut(arg, "=")
				if !ok || name == "" {
					return core.E(core.Invalid, "", arg+" isn't ARGUMENT=PATTERN").WithHint("as in branch=main")
				}
				if r.With == nil {
					r.With = map[string]string{}
				}
				r.With[name] = pattern
			}
			return sh.changePermissions(c, *org, func(p *client.NewPermissions) error {
				p.Rules = append(p.Rules, r)
				return nil
			})
		}}
	c.Flags().StringVar(&skill, "skill", "", "only in tasks that use this skill")
	return c
}

func (sh *shell) permissionRemove(org *bool) *cobra.Command {
	return &cobra.Command{Use: "remove NUMBER", Short: "Remove a rule", Args: args("a rule's number, as isekai permission show has it"), Example: "  isekai permission remove 2",
		RunE: func(c *cobra.Command, a []string) error {
			return sh.changePermissions(c, *org, func(p *client.NewPermissions) error {
				n, err := strconv.Atoi(a[0])
				if err != nil || n < 1 || n > len(p.Rules) {
					return core.E(core.NotFound, "", "there is no rule "+a[0]).WithHint(map[bool]string{false: "isekai permission show lists them", true: "isekai permission show --org lists them"}[*org])
				}
				p.Rules = slices.Delete(p.Rules, n-1, n)
				return nil
			})
		}}
}

func (sh *shell) permissionWait(org *bool) *cobra.Command {
	return &cobra.Command{Use: "wait DURATION", Short: "Say for how long a task waits for a person; 0: a day", Args: args("a time, as in 2h"), Example: "  isekai permission wait 2h",
		RunE: func(c *cobra.Command, a []string) error {
			d, err := time.ParseDuration(a[0])
			if err != nil || d < 0 || d > 0 && d < time.Second { // the rules have whole seconds, and 0 is the default
				return core.E(core.Invalid, "", a[0]+" isn't a time that can be waited for").WithHint("as in 90s, 30m or 2h")
			}
			return sh.changePermissions(c, *org, func(p *client.NewPermissions) error {
				p.WaitSeconds = int64(d / time.Second)
				return nil
			})
		}}
}
