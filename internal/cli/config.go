package cli

import (
	"github.com/spf13/cobra"
)

func (sh *shell) configCommand() *cobra.Command {
	return &cobra.Command{Use: "config", Short: "Print the effective configuration, secrets masked", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			in, err := sh.instance(nil)
			if err != nil {
				return err
			}
			return sh.printJSON(in.Config())
		}}
}
