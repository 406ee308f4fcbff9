package cli

import "github.com/spf13/cobra"

// ReadPDF is the command by which a server has a PDF be read in a process of its own.
const ReadPDF = "read-pdf"

func (sh *shell) readPDFCommand() *cobra.Command {
	return &cobra.Command{Use: ReadPDF, Hidden: true, Short: "Read a PDF from standard input: what a server has done by a process of its own", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return sh.platform.ReadPDF(sh.io.In, sh.io.Out) }}
}
