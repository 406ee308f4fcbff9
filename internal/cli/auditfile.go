package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// Auditor verifies what an audit log has given, without an installation.
type Auditor interface {
	// VerifyExport verifies an export, given the public keys of its installation and
	// checkpoints from elsewhere. invalid: it can't be verified.
	VerifyExport(export io.Reader, keys, checkpoints []string) (client.AuditReport, error)
	// VerifyGrowth returns nil if the proof holds.
	VerifyGrowth(g client.AuditGrowth, keys []string) error
}

// auditKeysFrom are the keys to verify with, and where they come from.
type auditKeysFrom struct {
	texts []string
	file  string
}

func (k *auditKeysFrom) flags(c *cobra.Command) {
	c.Flags().StringArrayVar(&k.texts, "key", nil, "public key of the installation, from isekai audit keys; may be given several times")
	c.Flags().StringVar(&k.file, "keys", "", "file with such keys, a line each")
}

// keys returns what the flags name, or asks the installation.
func (k *auditKeysFrom) keys(ctx context.Context, sh *shell) (keys []string, err error) {
	keys = k.texts
	if k.file != "" {
		b, err := os.ReadFile(k.file)
		if err != nil {
			return nil, core.E(core.Invalid, "", "the keys can't be read").Because(err).WithHint("name a file that isekai audit keys wrote")
		}
		keys = append(keys, strings.Fields(string(b))...)
	}
	if len(keys) > 0 {
		return keys, nil
	}
	err = sh.with(ctx, Direct, func(conn *Conn) error {
		keys, err = conn.Client.AuditKeys(ctx)
		return err
	})
	if err != nil {
		return nil, core.E(core.CodeOf(err), "", "there is no key to verify with").WithHint("name the installation's with --key or --keys: isekai audit keys prints them there").Because(err)
	}
	return keys, nil
}

// readCheckpoints reads those that were kept elsewhere.
func readCheckpoints(files []string) ([]string, error) {
	var all []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, core.E(core.Invalid, "", "the checkpoint "+f+" can't be read").Because(err).WithHint("name a file that isekai audit checkpoint wrote")
		}
		all = append(all, string(b))
	}
	return all, nil
}

// verifyFile verifies an export without a server.
func (sh *shell) verifyFile(ctx context.Context, path string, from auditKeysFrom, checkpoints []string) (client.AuditReport, error) {
	keys, err := from.keys(ctx, sh)
	if err != nil {
		return client.AuditReport{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return client.AuditReport{}, core.E(core.Invalid, "", "the export can't be read").Because(err).WithHint("name a file that isekai audit export wrote")
	}
	defer f.Close()
	return sh.platform.VerifyExport(bufio.NewReader(f), keys, checkpoints)
}

// verifyProof verifies a proof of growth without a server.
func (sh *shell) verifyProof(ctx context.Context, path string, from auditKeysFrom) error {
	keys, err := from.keys(ctx, sh)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(path)
	var g client.AuditGrowth
	if err == nil {
		err = json.Unmarshal(b, &g)
	}
	if err != nil {
		return core.E(core.Invalid, "", "the proof can't be read").Because(err).WithHint("name a file that isekai audit prove wrote")
	}
	if err := sh.platform.VerifyGrowth(g, keys); err != nil {
		return err
	}
	return sh.print(map[string]any{"from": g.From, "to": g.To, "holds": true}, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %s rows at the earlier checkpoint, %s at the later; nothing before was changed or taken away\n", line(g.From, 0), line(g.From, 1), line(g.To, 1))
	})
}

// line returns a line of a checkpoint.
func line(checkpoint string, n int) string {
	if all := strings.Split(checkpoint, "\n"); n < len(all) {
		return strings.TrimPrefix(all[n], "isekai/audit/")
	}
	return ""
}

func (sh *shell) auditProve() *cobra.Command {
	var out, checkpoint string
	c := &cobra.Command{Use: "prove --checkpoint FILE -o PROOF", Short: "Write a proof that an audit log has only grown since a checkpoint", Args: cobra.NoArgs,
		Long:    "Write a proof that an audit log has only grown since a checkpoint that was kept elsewhere. It shows no entry; whoever has the public keys verifies it with isekai audit verify --proof.",
		Example: "  isekai audit prove --checkpoint kept-in-may.txt -o since-may.json"}
	log := logFlag(c)
	c.Flags().StringVar(&checkpoint, "checkpoint", "", "file with the earlier checkpoint")
	c.Flags().StringVarP(&out, "output", "o", "", "file to write")
	needs(c, "checkpoint", "output")
	c.RunE = func(c *cobra.Command, _ []string) error {
		known, err := readCheckpoints([]string{checkpoint})
		if err != nil {
			return err
		}
		return sh.with(c.Context(), Direct, func(conn *Conn) error {
			g, err := conn.Client.ProveAudit(c.Context(), log(), known[0])
			if err != nil {
				return err
			}
			if err := writeNew(out, func(w io.Writer) error { return json.NewEncoder(w).Encode(g) }); err != nil {
				return err
			}
			return sh.print(map[string]string{"file": out}, plainly(out))
		})
	}
	return c
}
