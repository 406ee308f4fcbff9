package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) mcpCommand() *cobra.Command {
	c := group("mcp", "Use the tools of MCP servers, and be one")
	c.AddCommand(sh.mcpAdd(), sh.mcpTest(), sh.mcpList(), sh.mcpShow(), sh.mcpTools(), sh.mcpCall(), sh.mcpConnect(), sh.mcpRemove(), sh.mcpServe())
	return c
}

func printMCPServers(w io.Writer, all []client.MCPServer) {
	rows := [][]string{{"SERVER", "TRANSPORT", "WHERE", "TRUSTED", "NOTE"}}
	for _, s := range all {
		where := s.Address
		if s.Transport == "stdio" {
			where = strings.Join(s.Argv, " ")
		}
		rows = append(rows, []string{s.Name + yes(s.Off, " (off)"), s.Transport, cut(where, 60), yes(s.Trust, "yes"), cut(s.Note, 40)})
	}
	table(w, rows, "No MCP servers. isekai mcp add adds one.", "")
}

func printMCPServer(w io.Writer, s client.MCPServer) {
	rows := [][2]string{{"Server", s.Name + " (" + s.ID + ")"}, {"Transport", s.Transport}, {"Address", s.Address}, {"Credential", s.Credential}, {"Program", strings.Join(s.Argv, " ")}}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		rows = append(rows, [2]string{"Variable", name + "=" + s.Env[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Secrets)) {
		rows = append(rows, [2]string{"Variable", name + " from the secret " + s.Secrets[name]})
	}
	rows = append(rows, [][2]string{{"Files", string(s.Files)}, {"Tools", strings.Join(s.Tools, " ")}, {"Trusted", yes(s.Trust, "yes")}, {"Off", yes(s.Off, "yes")}, {"Note", s.Note}}...)
	if len(s.Wants) > 0 {
		rows = append(rows, [2]string{"Wants", strings.Join(s.Wants, " ") + ", which its connection lacks: isekai mcp connect " + s.Name})
	}
	facts(w, rows)
}

func printMCPTools(w io.Writer, all []client.MCPTool) {
	rows := [][]string{{"TOOL", "OF THE SERVER", "EFFECT", "DESCRIPTION"}}
	for _, t := range all {
		description, _, _ := strings.Cut(t.Description, "\n")
		rows = append(rows, []string{t.Name + yes(!t.Allowed, " (not allowed)"), t.Tool, string(t.Effect), cut(description, 60)})
	}
	table(w, rows, "No tools are known. isekai mcp test asks for them.", "")
}

func (sh *shell) mcpList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the project's MCP servers", Args: cobra.NoArgs, Example: "  isekai mcp list",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.MCPServer, error) { return c.MCPServers(ctx) }, printMCPServers)
		}}
}

func (sh *shell) mcpShow() *cobra.Command {
	return &cobra.Command{Use: "show NAME", Short: "Show an MCP server", Args: args("a server's name"), Example: "  isekai mcp show github",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.MCPServer, error) { return c.MCPServer(ctx, a[0]) }, printMCPServer)
		}}
}

func (sh *shell) mcpTest() *cobra.Command {
	return &cobra.Command{Use: "test NAME", Short: "Connect with an MCP server, and list its tools", Args: args("a server's name"), Example: "  isekai mcp test github",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.MCPTest, error) { return c.TestMCPServer(ctx, a[0]) }, func(w io.Writer, t client.MCPTest) {
				fmt.Fprintf(w, "It is %s, speaks %s, and answered in %s.\n", t.Server, t.Protocol, (time.Duration(t.TookMS) * time.Millisecond).String())
				printMCPTools(w, t.Tools)
				if t.Left > 0 {
					fmt.Fprintf(w, "%d more can't be used: they are too many, too large, or have no name that can be used.\n", t.Left)
				}
			})
		}}
}

func (sh *shell) mcpTools() *cobra.Command {
	return &cobra.Command{Use: "tools NAME", Short: "List the tools of an MCP server as it listed them last", Args: args("a server's name"), Example: "  isekai mcp tools github --json",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.MCPTool, error) { return c.MCPTools(ctx, a[0]) }, printMCPTools)
		}}
}

func (sh *shell) mcpCall() *cobra.Command {
	return &cobra.Command{Use: "call NAME TOOL [ARGUMENTS]", Short: "Call a tool of an MCP server, with JSON for arguments", Args: cobra.RangeArgs(2, 3),
		Example: `  isekai mcp call memory search_nodes '{"query":"tea"}'`,
		RunE: func(c *cobra.Command, a []string) error {
			call := client.MCPCall{Tool: a[1]}
			if len(a) > 2 {
				var is map[string]any
				if err := json.Unmarshal([]byte(a[2]), &is); err != nil {
					return core.E(core.Invalid, "", "the arguments aren't a JSON object").WithHint(`as in '{"query":"tea"}'`)
				}
				call.Arguments = json.RawMessage(a[2])
			}
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				got, err := conn.Client.CallMCPTool(c.Context(), a[0], call)
				if err != nil {
					return err
				}
				if err := sh.print(got, func(w io.Writer) { fmt.Fprintln(w, got.Output) }); err != nil {
					return err
				}
				if got.Failed {
					return &exitError{code: 1, quiet: true}
				}
				return nil
			})
		}}
}

func (sh *shell) mcpRemove() *cobra.Command {
	return &cobra.Command{Use: "remove NAME", Short: "Remove an MCP server", Args: args("a server's name"), Example: "  isekai mcp remove github",
		RunE: func(c *cobra.Command, a []string) error {
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.DeleteMCPServer(ctx, a[0], "") }, "removed", a[0], a[0]+" is removed.")
		}}
}

func (sh *shell) mcpConnect() *cobra.Command {
	var n client.NewMCPConnection
	var wait time.Duration
	c := &cobra.Command{Use: "connect NAME", Short: "Connect to what authorizes for an MCP server, by OAuth with a browser; also to mend that, or with more scopes", Args: args("a server's name"),
		Long: "Ask an MCP server how it wants to be authorized, and connect to what gives tokens for it, as isekai secret connect does.\n" +
			"The connection has the server's name, and becomes its credential; its tokens are sent to the server alone. A provider that an operator has configured for the issuer\n" +
			"that the server names (connections.providers) is used; without one the issuer is asked to register a client. A server that has wanted more scopes since is connected with these, too.",
		Example: "  isekai mcp connect github",
		RunE: func(c *cobra.Command, a []string) error {
			return sh.with(c.Context(), Direct, func(conn *Conn) error { return sh.authorizeMCP(c.Context(), conn, a[0], n, wait) })
		}}
	f := c.Flags()
	f.StringVar(&n.Provider, "provider", "", "of connections (default: the one that is configured for what the server names, or that itself)")
	f.StringSliceVar(&n.Scopes, "scope", nil, "scope to ask for; may be given several times (default: those that the server wants)")
	f.BoolVar(&n.Shared, "shared", false, "for all projects of the org")
	f.IntVar(&n.Port, "port", 0, "port of 127.0.0.1 at which the browser comes back (default: a free one)")
	f.DurationVar(&wait, "wait", 10*time.Minute, "how long to wait")
	return c
}

// authorizeMCP connects to what authorizes for a server, and names the connection as its credential.
func (sh *shell) authorizeMCP(ctx context.Context, conn *Conn, name string, n client.NewMCPConnection, wait time.Duration) error {
	srv, err := conn.Client.MCPServer(ctx, name)
	if err != nil {
		return err
	}
	at, err := conn.Client.MCPAuthorization(ctx, name)
	switch {
	case err != nil:
		return err
	case !at.Needed:
		return sh.print(at, func(w io.Writer) { fmt.Fprintln(w, name+" asks for no credential.") })
	case conn.Embedded:
		return core.E(core.Unavailable, "", "no server runs to which the provider could send the browser back").WithHint("isekai serve, and then this again")
	}
	s, err := sh.connectBy(ctx, conn.Client, "isekai mcp connect "+name, n.Port, wait, func(port int) (client.Redirect, error) {
		n.Port = port
		return conn.Client.ConnectMCPServer(ctx, name, n)
	})
	if err != nil {
		return err
	}
	change := srv.NewMCPServer
	change.Credential = s.Name
	if srv, err = conn.Client.PutMCPServer(ctx, name, change, srv.ETag); err != nil {
		return err
	}
	return sh.print(srv, func(w io.Writer) { printMCPServer(w, srv) })
}
