package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (sh *shell) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := sh.platform.Version()
			return sh.print(v, func(w io.Writer) {
				fmt.Fprintf(w, "isekai %s %s %s\n", v.Version, v.Go, v.Platform)
			})
		}}
}
