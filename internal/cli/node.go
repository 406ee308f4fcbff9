package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/core"
)

// NodeRequest asks for the certificate of a node.
type NodeRequest struct {
	Name    string
	Hosts   []string // names and addresses at which other nodes reach it
	Dir     string   // of the authority, which is made if it isn't there, and of what is issued
	Replace bool     // the certificate that the node has there
}

// IssuedNode says where the certificate of a node is: what it is configured with.
type IssuedNode struct {
	Name     string    `json:"name"`
	Until    time.Time `json:"until"` // when it ends
	CAFile   string    `json:"ca_file"`
	CertFile string    `json:"cert_file"`
	KeyFile  string    `json:"key_file"`
	Signer   string    `json:"authority_key_file"` // which no node needs
}

func (sh *shell) nodeCommand() *cobra.Command {
	c := group("node", "Let the nodes of an installation reach each other")
	c.AddCommand(sh.nodeIssue())
	return c
}

func (sh *shell) nodeIssue() *cobra.Command {
	var r NodeRequest
	c := &cobra.Command{Use: "issue NAME --host HOST --dir FOLDER", Short: "Make the certificate by which a node and the others know each other", Args: one("node"),
		Long: "Make the certificate by which a node and the others know each other, with an authority of the installation's own, which the first one makes in the\n" +
			"same folder. It is good for the hosts that are named and for nothing but nodes. It needs no server and no data directory: keep the folder on a\n" +
			"machine that is no node, for its ca.key signs whoever is to be one.",
		Example: "  isekai node issue node-1 --host 10.0.0.1 --host node-1.internal.example.com --dir nodes",
		RunE: func(_ *cobra.Command, args []string) error {
			r.Name = args[0]
			if r.Dir == "" {
				return core.E(core.Invalid, "", "name the folder of the authority").WithHint("isekai node issue NAME --host HOST --dir FOLDER")
			}
			made, err := sh.platform.IssueNode(r)
			if err != nil {
				return err
			}
			return sh.print(made, func(w io.Writer) {
				fmt.Fprintf(w, "The certificate of %s is good until %s.\n", printable(made.Name), made.Until.Format(time.DateOnly))
				fmt.Fprintln(w, "Bring these files to the node, for its user alone to read, and name them in its configuration:")
				fmt.Fprintf(w, "  nodes.ca_file    %s\n  nodes.cert_file  %s\n  nodes.key_file   %s\n", printable(made.CAFile), printable(made.CertFile), printable(made.KeyFile))
				fmt.Fprintln(w, "Set nodes.listen there to where it listens for nodes, and nodes.address to where they reach it: one of the hosts, and a port.")
				fmt.Fprintf(w, "%s stays here: who has it can make nodes.\n", printable(made.Signer))
			})
		}}
	c.Flags().StringArrayVar(&r.Hosts, "host", nil, "name or address at which other nodes reach it; may be given again")
	c.Flags().StringVar(&r.Dir, "dir", "", "folder of the authority, ca.crt and ca.key, and of what is issued")
	c.Flags().BoolVar(&r.Replace, "replace", false, "replace the certificate that the node has there")
	return c
}
