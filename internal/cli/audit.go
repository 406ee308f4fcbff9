package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) auditCommand() *cobra.Command {
	c := group("audit", "Read and verify the record of what matters for security")
	c.AddCommand(sh.auditList(), sh.auditExport(), sh.auditVerify(), sh.auditBegin(), sh.auditCheckpoint(), sh.auditProve(), sh.auditKeys())
	return c
}

// logFlag has a command choose between the org's log and the installation's.
func logFlag(c *cobra.Command) func() client.Log {
	var whole bool
	c.Flags().BoolVar(&whole, "installation", false, "the installation's own, for an operator")
	return func() client.Log {
		if whole {
			return client.InstallationLog
		}
		return client.OrgLog
	}
}

func (sh *shell) auditList() *cobra.Command {
	var q client.AuditOptions
	var log func() client.Log
	var from, until string
	c := listing(sh, &cobra.Command{Use: "list", Short: "List an audit log, newest first", Example: "  isekai audit list --action key. --from 2026-11-01"},
		func(ctx context.Context, c *client.Client, o client.PageOptions) (client.Page[client.AuditEntry], error) {
			q.PageOptions = o
			return c.Audit(ctx, log(), q)
		}, []string{"ROW", "AT", "ACTION", "ACTOR", "TARGET", "FROM", "OUTCOME", "DETAIL"},
		func(e client.AuditEntry) []string {
			return []string{fmt.Sprint(e.Row), minute(e.At), e.Action, string(e.Actor.Kind) + " " + e.Actor.ID, cut(e.Target, 40), e.Address, e.Outcome, cut(details(e.Detail), 60)}
		}, "No entries.")
	log = logFlag(c)
	f := c.Flags()
	f.StringVar(&q.Action, "action", "", "only this one, or all that begin with one that ends with a dot")
	f.StringVar(&q.Actor, "actor", "", "only by the actor with this id")
	f.StringVar(&q.Target, "target", "", "only what was done to this")
	f.StringVar((*string)(&q.Project), "project", "", "only of this project")
	f.StringVar(&q.Outcome, "outcome", "", "only done, failed or refused")
	f.StringVar(&from, "from", "", "not before this day or time, in UTC, as 2026-11-22")
	f.StringVar(&until, "until", "", "before this one")
	page := c.PreRunE
	c.PreRunE = func(c *cobra.Command, a []string) (err error) {
		if q.From, err = parseDay(from); err == nil {
			q.Until, err = parseDay(until)
		}
		if err != nil {
			return err
		}
		return page(c, a)
	}
	return c
}

func parseDay(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		at, err = time.Parse(time.RFC3339, s)
	}
	if err != nil {
		return at, core.E(core.Invalid, "", s+" is no day").WithHint("as in 2026-11-22 or 2026-11-22T10:00:00Z")
	}
	return at, nil
}

func details(m map[string]string) string {
	var all []string
	for name, value := range m {
		all = append(all, name+"="+value)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func (sh *shell) auditExport() *cobra.Command {
	var out string
	c := &cobra.Command{Use: "export -o FILE", Short: "Write an audit log to a file that can be verified elsewhere", Args: cobra.NoArgs,
		Long:    "Write an audit log to a file: a JSON object in each line, and a signed checkpoint in the last. Whoever has the public keys (isekai audit keys) can verify it.",
		Example: "  isekai audit export -o audit.jsonl"}
	log := logFlag(c)
	c.Flags().StringVarP(&out, "output", "o", "", "file to write")
	needs(c, "output")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return sh.with(c.Context(), Direct, func(conn *Conn) error {
			err := writeNew(out, func(w io.Writer) error { return conn.Client.ExportAudit(c.Context(), log(), w) })
			if err != nil {
				return err
			}
			return sh.print(map[string]string{"file": out}, plainly(out))
		})
	}
	return c
}

func (sh *shell) auditVerify() *cobra.Command {
	var files []string
	var export, proof, org string
	var all bool
	var from auditKeysFrom
	c := &cobra.Command{Use: "verify", Short: "Recompute every hash of an audit log, and name the first row that isn't as it was written", Args: cobra.NoArgs,
		Long: "Recompute every hash of an audit log. Rows that were taken away from its end are found by the checkpoint that is kept beside it, and by those that were kept elsewhere.\n" +
			"With --file it verifies an export, and with --proof a proof of isekai audit prove: with --key or --keys without any server, else with the keys of this installation.",
		Example: "  isekai audit verify --checkpoint kept-in-may.txt\n  isekai audit verify --all\n  isekai audit verify --file audit.jsonl --keys keys.txt --checkpoint kept-in-may.txt"}
	log := logFlag(c)
	f := c.Flags()
	f.StringSliceVar(&files, "checkpoint", nil, "file with a checkpoint that was kept elsewhere; may be given several times")
	f.StringVar(&export, "file", "", "export to verify instead of a log")
	f.StringVar(&proof, "proof", "", "proof to verify instead of a log")
	f.StringVar(&org, "org", "", "the log of this org, for an operator")
	f.BoolVar(&all, "all", false, "all logs, for an operator")
	from.flags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		known, err := readCheckpoints(files)
		whose := 0
		for _, named := range []bool{org != "", all, export != "", proof != "", log() == client.InstallationLog} {
			if named {
				whose++
			}
		}
		switch {
		case err != nil:
			return err
		case whose > 1, all && len(files) > 0:
			return core.E(core.Invalid, "", "--org, --all, --file, --proof and --installation exclude each other, and --all goes without --checkpoint").WithHint("an export and a proof say themselves whose log they are of")
		case all:
			return sh.verifyAll(c)
		case proof != "":
			return sh.verifyProof(c.Context(), proof, from)
		case export != "":
			r, err := sh.verifyFile(c.Context(), export, from, known)
			if err != nil {
				return err
			}
			return errors.Join(sh.print(r, func(w io.Writer) { printReport(w, r) }), faulty(r))
		}
		var r client.AuditReport
		err = answer(sh, c, func(ctx context.Context, c *client.Client) (client.AuditReport, error) {
			if org != "" {
				r, err = c.VerifyAuditOf(ctx, core.OrgID(org), known)
			} else {
				r, err = c.VerifyAudit(ctx, log(), known)
			}
			return r, err
		}, printReport)
		if err != nil {
			return err
		}
		return faulty(r)
	}
	return c
}

func printReport(w io.Writer, r client.AuditReport) {
	for _, p := range r.Before {
		fmt.Fprintf(w, "%s, before it was begun anew: %s\n", r.Org, verdict(p))
	}
	fmt.Fprintf(w, "%s: %s\n", r.Org, verdict(r.AuditPart))
}

func verdict(p client.AuditPart) string {
	rows := many(p.Rows, "good row")
	if p.After > 0 {
		rows += fmt.Sprintf(" from row %d on", p.After+1)
	}
	if p.Fault != nil {
		return rows + ", " + p.Fault.Text
	}
	return rows + ", all is as it was written"
}

// faulty is the error for a log that isn't as it was written.
func faulty(r client.AuditReport) error {
	if r.Fault == nil {
		return nil
	}
	return core.E(core.Conflict, "", "the audit log isn't as it was written: "+r.Fault.Text).WithHint("compare it with a backup, and with checkpoints that were kept elsewhere; isekai audit begin-anew goes on with it, for an operator")
}

func (sh *shell) auditCheckpoint() *cobra.Command {
	c := &cobra.Command{Use: "checkpoint", Short: "Print a signed checkpoint of an audit log, to be kept elsewhere", Args: cobra.NoArgs, Example: "  isekai audit checkpoint > kept-in-may.txt"}
	log := logFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Checkpoint, error) {
			return c.AuditCheckpoint(ctx, log())
		},
			func(w io.Writer, p client.Checkpoint) { fmt.Fprint(w, p.Checkpoint) })
	}
	return c
}

func (sh *shell) auditKeys() *cobra.Command {
	return &cobra.Command{Use: "keys", Aliases: []string{"key"}, Short: "Print the public keys that checkpoints and exports are verified with", Args: cobra.NoArgs, Example: "  isekai audit keys > keys.txt",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) ([]string, error) { return c.AuditKeys(ctx) }, func(w io.Writer, keys []string) {
				for _, k := range keys {
					fmt.Fprintln(w, k)
				}
			})
		}}
}
