package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// verifyAll verifies all logs, as an operator.
func (sh *shell) verifyAll(c *cobra.Command) error {
	var faults error
	err := answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.AuditReport, error) {
		orgs, err := c.AuditLogs(ctx)
		if err != nil {
			return nil, err
		}
		all := []client.AuditReport{}
		for _, org := range orgs {
			r, err := c.VerifyAuditOf(ctx, org, nil)
			if core.CodeOf(err) == core.NotFound { // it was shredded
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", org, err)
			}
			all, faults = append(all, r), errors.Join(faults, faulty(r))
		}
		return all, nil
	}, func(w io.Writer, all []client.AuditReport) {
		for _, r := range all {
			printReport(w, r)
		}
	})
	return errors.Join(err, faults)
}

func (sh *shell) auditBegin() *cobra.Command {
	var org, reason string
	c := &cobra.Command{Use: "begin-anew --org ORG --reason TEXT", Short: "Go on with an audit log that is damaged, as an operator", Args: cobra.NoArgs,
		Long: "Go on with an audit log that is damaged, which takes no entry any more, so that nobody of its org can sign in. What is left of it stays as it is, and isekai audit verify names what is wrong with it for ever. " +
			"The new part's first entry says who did this and why, and what was good of the old one. Look first for what has changed the rows: whoever did it can write to the database.",
		Example: "  isekai audit begin-anew --org org_01hx --reason \"disk 3 lost its last writes on May 4, ticket 118\""}
	c.Flags().StringVar(&org, "org", "", "whose log; org_installation for the installation's own")
	c.Flags().StringVar(&reason, "reason", "", "what happened, for whoever reads the log")
	needs(c, "org", "reason")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return answer(sh, c, func(ctx context.Context, c *client.Client) (client.AuditReport, error) {
			return c.BeginAuditAnew(ctx, core.OrgID(org), client.AuditBeginning{Reason: reason})
		}, func(w io.Writer, r client.AuditReport) {
			printReport(w, r)
			fmt.Fprintf(w, "The log of %s goes on behind it. Keep a checkpoint of it elsewhere: isekai audit checkpoint.\n", r.Org)
		})
	}
	return c
}
