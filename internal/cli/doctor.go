package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (sh *shell) doctorCommand() *cobra.Command {
	return &cobra.Command{Use: "doctor", Short: "Check this host and this installation", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			in, err := sh.instance(nil)
			if err != nil {
				return err
			}
			checks := in.Doctor(c.Context())
			bad := 0
			for _, k := range checks {
				if !k.OK {
					bad++
				}
			}
			err = sh.print(checks, func(w io.Writer) {
				for _, k := range checks {
					mark := "ok  "
					if !k.OK {
						mark = "FAIL"
					}
					fmt.Fprintf(w, "%s  %-22s %s\n", mark, k.Name, printable(k.Detail))
					if k.Hint != "" && !k.OK {
						fmt.Fprintf(w, "      %-22s %s\n", "", printable(k.Hint))
					}
				}
			})
			if err == nil && bad > 0 {
				err = &exitError{code: 1, quiet: true}
			}
			return err
		}}
}
