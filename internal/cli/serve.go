package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (sh *shell) serveCommand() *cobra.Command {
	var listen string
	c := &cobra.Command{
		Use: "serve", Short: "Run the platform: API, workers and previews", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			overrides := map[string]any{}
			if listen != "" {
				overrides["listen"] = listen
			}
			in, err := sh.instance(overrides)
			if err != nil {
				return err
			}
			conn, err := in.Connect(c.Context(), Serving)
			if err != nil {
				return err
			}
			err = sh.print(map[string]string{"url": conn.URL, "model": conn.Model}, func(w io.Writer) {
				fmt.Fprintf(w, "Serving at %s; the API's reference is at %s/docs\n", conn.URL, conn.URL)
				if conn.Notice != "" {
					fmt.Fprintln(w, conn.Notice)
				}
				if conn.Setup != "" {
					fmt.Fprintf(w, "There is no user yet. Make the first, who owns it all, within a day:\n  isekai user setup %s --email EMAIL --name NAME\nand give this token, which works once: %s\n", conn.URL, conn.Setup)
				}
				fmt.Fprintln(w, "Ctrl-C stops it; what isn't finished goes on at the next start.")
			})
			if err == nil {
				err = sh.hold(c.Context(), conn)
			}
			if cerr := conn.Close(); err == nil {
				err = cerr
			}
			return err
		},
	}
	c.Flags().StringVar(&listen, "listen", "", "address to listen at (default 127.0.0.1:7777)")
	return c
}
