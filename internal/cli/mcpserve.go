package cli

import (
	"context"
	"io"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/client/mcpserver"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) mcpServe() *cobra.Command {
	return &cobra.Command{Use: "serve", Short: "Be an MCP server on standard input and output, for agents on this machine", Args: cobra.NoArgs,
		Long: "Be an MCP server on standard input and output: an agent that starts this has tools for tasks, apps, memory and skills. It speaks with the server that runs,\n" +
			"or with the one that was signed in to, as you; without one it works by itself. A server has the same tools at /mcp, over streamable HTTP.",
		Example: "  claude mcp add isekai -- isekai mcp serve",
		RunE: func(c *cobra.Command, _ []string) error {
			conn, err := sh.connect(c.Context(), Working)
			if err != nil {
				return err
			}
			s := mcpserver.New(sh.platform.Version().Version, func(context.Context) (*client.Client, error) { return conn.Client, nil })
			err = s.Run(c.Context(), &mcp.IOTransport{Reader: io.NopCloser(sh.io.In), Writer: quiet{sh.io.Out}})
			if cerr := conn.Close(); err == nil {
				err = cerr
			}
			if err != nil && c.Context().Err() == nil {
				return core.E(core.CodeOf(err), "", "the agent's side of the conversation ended badly").Because(err)
			}
			return nil
		}}
}

// quiet is an output that isn't ours to close.
type quiet struct{ io.Writer }

// Close implements io.Closer.
func (quiet) Close() error { return nil }
