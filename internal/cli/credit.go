package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) creditCommand() *cobra.Command {
	c := group("credit", "Show credits, budgets and prices; as an operator, give credits")
	c.AddCommand(sh.creditBalance(), sh.creditEntries(),
		sh.creditMove(client.Grant, "Give an org credits"), sh.creditMove(client.Refund, "Give back what an org's tasks have spent"),
		sh.creditMove(client.Expire, "Take credits that weren't used in time"), sh.creditMove(client.Adjust, "Correct what an org has, up or down"),
		sh.budgetCommand(), sh.priceCommand(), sh.creditShare())
	return c
}

func orgFlag(c *cobra.Command, org *string) {
	c.Flags().StringVar(org, "org", "", "the org, for an operator (default: the one signed in to)")
}

func (sh *shell) creditBalance() *cobra.Command {
	var org string
	c := &cobra.Command{Use: "balance", Short: "Show where the org's credits are", Args: cobra.NoArgs, Example: "  isekai credit balance",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Balance, error) {
				if org != "" {
					return c.BalanceOf(ctx, core.OrgID(org))
				}
				return c.Balance(ctx)
			}, printBalance)
		}}
	orgFlag(c, &org)
	return c
}

func printBalance(w io.Writer, b client.Balance) {
	rows := [][2]string{{"Available", b.Available.String()}, {"Held", b.Held.String()}, {"Spent", b.Spent.String()}}
	if b.Storage != 0 {
		rows = append(rows, [2]string{"  for storage", b.Storage.String()})
	}
	rows = append(rows, [2]string{"Granted", b.Granted.String()}, [2]string{"Written off", b.WrittenOff.String()})
	if b.ExpiresAt != nil {
		rows = append(rows, [2]string{"Expiring", b.Expiring.String() + " on " + minute(*b.ExpiresAt)})
	}
	facts(w, rows)
}

func (sh *shell) creditEntries() *cobra.Command {
	var e client.EntryOptions
	var org string
	c := listing(sh, &cobra.Command{Use: "entries", Short: "List the lines of the org's books, oldest first", Example: "  isekai credit entries --task tsk_01hx"},
		func(ctx context.Context, c *client.Client, o client.PageOptions) (client.Page[client.Entry], error) {
			if e.PageOptions = o; org != "" {
				return c.EntriesOf(ctx, core.OrgID(org), e)
			}
			return c.Entries(ctx, e)
		}, []string{"ENTRY", "AT", "KIND", "ACCOUNT", "AMOUNT", "BALANCE", "TASK", "EFFECT OF", "NOTE"},
		func(l client.Entry) []string {
			return []string{strconv.FormatInt(l.Seq, 10), minute(l.At), l.Kind, l.Account, l.Amount.String(), l.Balance.String(), string(l.Task), l.Effect, cut(l.Note, 40)}
		}, "No entries.")
	c.Flags().StringVar(&e.Account, "account", "", "only of this account, as in available")
	c.Flags().StringVar((*string)(&e.Task), "task", "", "only of this task")
	c.Flags().StringVar(&org, "org", "", "of this org, for an operator")
	return c
}

func (sh *shell) creditMove(verb client.CreditVerb, short string) *cobra.Command {
	var org string
	var m client.CreditCommand
	example := fmt.Sprintf("  isekai credit %s 100 --org org_01hx --note \"invoice 7\" --id invoice-7", verb)
	var expires string
	if verb == client.Grant {
		example += "\n  isekai credit grant 20 --org org_01hx --expires 90d"
	}
	if verb == client.Adjust {
		example += "\n  isekai credit adjust --org org_01hx -- -2.5"
	}
	c := &cobra.Command{Use: string(verb) + " AMOUNT", Short: short + ", as an operator", Args: args("an amount of credits"), Example: example,
		Long: short + ", as an operator. The same command with the same --id is done once.",
		RunE: func(c *cobra.Command, a []string) (err error) {
			if m.Amount, err = core.ParseCredits(a[0]); err != nil {
				return err
			}
			if m.ID == "" {
				m.ID = core.NewID("cmd")
			}
			if m.Expires, err = parseExpiry(expires, time.Now()); err != nil {
				return err
			}
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Moved, error) {
				return c.MoveCredits(ctx, core.OrgID(org), verb, m, "")
			}, func(w io.Writer, r client.Moved) {
				if !r.Made {
					fmt.Fprintln(w, "Nothing was moved: it was done before, or there was nothing.")
				}
				printBalance(w, r.Balance)
			})
		}}
	orgFlag(c, &org)
	c.Flags().StringVar(&m.ID, "id", "", "names the command (default: a new one)")
	c.Flags().StringVar(&m.Note, "note", "", "for people who read the entries")
	c.Flags().StringVar((*string)(&m.Task), "task", "", "the task that it is about")
	if verb == client.Grant {
		c.Flags().StringVar(&expires, "expires", "", "when what isn't used of it goes: 90d, 12h, or a day as 2027-01-31 (default: never)")
	}
	return c
}

func (sh *shell) creditShare() *cobra.Command {
	var org string
	c := &cobra.Command{Use: "share [N]", Short: "Show or set an org's weight in the queue, as an operator", Args: cobra.MaximumNArgs(1),
		Example: "  isekai credit share --org org_01hx 5",
		RunE: func(c *cobra.Command, a []string) error {
			share := 0
			if len(a) == 1 {
				var err error
				if share, err = strconv.Atoi(a[0]); err != nil || share < 1 || share > 100 {
					return core.E(core.Invalid, "", a[0]+" is no share").WithHint("from 1 to 100")
				}
			}
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Share, error) {
				if share == 0 {
					return c.Share(ctx, core.OrgID(org))
				}
				return c.SetShare(ctx, core.OrgID(org), share)
			}, func(w io.Writer, s client.Share) {
				fmt.Fprintf(w, "It is given %s in each turn while others wait.\n", many(s.Share, "task"))
			})
		}}
	orgFlag(c, &org)
	return c
}
