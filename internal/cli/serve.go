package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
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
			started := map[string]string{"url": conn.URL, "model": conn.Model}
			if conn.SetupFile != "" {
				started["setup_token_file"] = conn.SetupFile
			}
			err = sh.print(started, func(w io.Writer) {
				fmt.Fprintf(w, "Serving at %s: the console is there, the API's reference at %s/docs\n", conn.URL, conn.URL)
				if conn.Notice != "" {
					fmt.Fprintln(w, conn.Notice)
				}
				sh.tellSetup(w, conn)
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

// tellSetup says how the first user is made. The token is shown on a terminal alone: what
// is printed elsewhere ends up in logs, where others read it than may own the installation.
func (sh *shell) tellSetup(w io.Writer, conn *Conn) {
	if conn.Setup == "" {
		return
	}
	fmt.Fprintf(w, "There is no user yet. Make the first, who owns it all, within a day, at\n  %s/setup\nor by\n  isekai user setup %s --email EMAIL --name NAME\n", conn.URL, conn.URL)
	if f, ok := sh.io.Out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(w, "with this token, which works once: %s\n(by a click: %s/setup#token=%s)\n", conn.Setup, conn.URL, conn.Setup)
	}
	fmt.Fprintln(w, "The token, which works once, is in "+conn.SetupFile)
}
