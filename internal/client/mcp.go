package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// MCPServer is an MCP server whose tools a project has.
type MCPServer struct {
	Name     string      `json:"name"`
	ID       string      `json:"id"`
	Revision int64       `json:"revision" doc:"for If-Match"`
	Changed  *time.Time  `json:"changed,omitempty"`
	Files    core.Digest `json:"files,omitempty" doc:"of the archive with a program's files"`
	Wants    []string    `json:"wants,omitempty" doc:"scopes that it has asked for and its connection lacks: connect it again; of one server alone, not of a list"`
	NewMCPServer
	ETag string `json:"-"`
}

// NewMCPServer is an MCP server to be.
type NewMCPServer struct {
	Transport  string            `json:"transport" enum:"stdio,http" doc:"stdio: a program, in a sandbox; http: streamable HTTP"`
	Address    string            `json:"address,omitempty" maxLength:"2000" doc:"of http: its endpoint" example:"https://mcp.example.com/mcp"`
	Credential string            `json:"credential,omitempty" maxLength:"64" doc:"of http: the name of the secret or connection that it is sent"`
	Argv       []string          `json:"argv,omitempty" maxItems:"64" doc:"of stdio: the program and its arguments; its folder is that of its files"`
	Env        map[string]string `json:"env,omitempty" doc:"of stdio: variables, no secrets"`
	Secrets    map[string]string `json:"secrets,omitempty" doc:"of stdio: names of secrets, by variable"`
	Tools      []string          `json:"tools,omitempty" maxItems:"200" doc:"that may be called, by the server's own names; default: all"`
	Trust      bool              `json:"trust,omitempty" doc:"believe what it says of its tools' effects, so that those which only read aren't asked about"`
	Off        bool              `json:"off,omitempty" doc:"offer its tools to nobody"`
	TimeoutMS  int64             `json:"timeout_ms,omitempty" minimum:"0" maximum:"600000" doc:"of a call; default: 60000"`
	Note       string            `json:"note,omitempty" maxLength:"500"`
}

// MCPFiles are the files of a program.
type MCPFiles struct {
	Format  string `json:"format" enum:"zip,tar.gz"`
	Archive []byte `json:"archive" doc:"at most 23 MiB, without links"`
}

// MCPTool is a tool of an MCP server.
type MCPTool struct {
	Name        string          `json:"name" doc:"in tasks"`
	Tool        string          `json:"tool" doc:"as the server calls it"`
	Description string          `json:"description,omitempty" doc:"the server's own words"`
	Schema      json.RawMessage `json:"schema,omitempty" doc:"of its arguments"`
	Effect      core.Effect     `json:"effect" doc:"pure, idempotent or once"`
	ReadOnly    bool            `json:"read_only,omitempty" doc:"so the server says"`
	Idempotent  bool            `json:"idempotent,omitempty" doc:"so the server says"`
	Allowed     bool            `json:"allowed"`
}

// MCPTest is what came of trying an MCP server.
type MCPTest struct {
	Server   string    `json:"server,omitempty" doc:"what it calls itself"`
	Protocol string    `json:"protocol" doc:"version that is spoken with it"`
	TookMS   int64     `json:"took_ms"`
	Tools    []MCPTool `json:"tools"`
	Left     int       `json:"left,omitempty" doc:"tools that can't be used: too many, too large, or without a name"`
}

// MCPCall is a call of a tool by a person, or a program of theirs.
type MCPCall struct {
	Tool      string          `json:"tool" minLength:"1" maxLength:"128" doc:"as the server calls it"`
	Arguments json.RawMessage `json:"arguments,omitempty" doc:"an object"`
}

// MCPResult is what a tool answered.
type MCPResult struct {
	Output string          `json:"output"`
	Failed bool            `json:"failed,omitempty"`
	Data   json.RawMessage `json:"data,omitempty" doc:"the server's structured content"`
}

// MCPAuthorization says how an MCP server wants to be authorized (RFC 9728, RFC 8414).
type MCPAuthorization struct {
	Needed   bool     `json:"needed"`
	Resource string   `json:"resource,omitempty"`
	Issuers  []string `json:"issuers,omitempty" doc:"that give tokens for it"`
	Scopes   []string `json:"scopes,omitempty" doc:"that it wants, or else all that it knows"`
	Provider string   `json:"provider,omitempty" doc:"of connections that has one of the issuers"`
	Missing  string   `json:"missing,omitempty" doc:"what keeps it from being connected"`
}

// NewMCPConnection says how to connect to what authorizes for an MCP server.
type NewMCPConnection struct {
	Provider string   `json:"provider,omitempty" maxLength:"64" doc:"of connections; default: the one that is configured for what the server names, else that itself"`
	Scopes   []string `json:"scopes,omitempty" maxItems:"100" doc:"to ask for; default: those that the server wants"`
	Shared   bool     `json:"shared,omitempty" doc:"for all projects of the org"`
	Port     int      `json:"port,omitempty" minimum:"1024" maximum:"65535" doc:"of a program on the browser's own machine, which finishes; default: the page that the browser is sent back to does"`
}

const mcpPath = "/v1/mcp/servers"

func mcpAt(name, rest string) string { return mcpPath + "/" + escape(name) + rest }

// MCPServers returns the project's, by name.
func (c *Client) MCPServers(ctx context.Context) ([]MCPServer, error) {
	return get[[]MCPServer](ctx, c, mcpPath, nil)
}

// MCPServer returns one.
func (c *Client) MCPServer(ctx context.Context, name string) (s MCPServer, err error) {
	s.ETag, err = c.call(ctx, request{method: http.MethodGet, path: mcpAt(name, "")}, &s)
	return s, err
}

// PutMCPServer makes one, or changes one. etag is that of the one it is based on; "": whatever
// is there.
func (c *Client) PutMCPServer(ctx context.Context, name string, n NewMCPServer, etag string) (s MCPServer, err error) {
	s.ETag, err = c.call(ctx, request{method: http.MethodPut, path: mcpAt(name, ""), body: n, header: map[string]string{"If-Match": etag}}, &s)
	return s, err
}

// PutMCPFiles gives a program its files, in place of those that it has.
func (c *Client) PutMCPFiles(ctx context.Context, name string, f MCPFiles) (s MCPServer, err error) {
	s.ETag, err = c.call(ctx, request{method: http.MethodPut, path: mcpAt(name, "/files"), body: f}, &s)
	return s, err
}

// DeleteMCPServer removes one.
func (c *Client) DeleteMCPServer(ctx context.Context, name, etag string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: mcpAt(name, ""), header: map[string]string{"If-Match": etag}}, nil)
	return err
}

// TestMCPServer connects with one and lists its tools.
func (c *Client) TestMCPServer(ctx context.Context, name string) (MCPTest, error) {
	return send[MCPTest](ctx, c, http.MethodPost, mcpAt(name, "/test"), nil)
}

// MCPTools returns the tools of one, as they were listed last.
func (c *Client) MCPTools(ctx context.Context, name string) ([]MCPTool, error) {
	return get[[]MCPTool](ctx, c, mcpAt(name, "/tools"), nil)
}

// CallMCPTool calls a tool of one.
func (c *Client) CallMCPTool(ctx context.Context, name string, call MCPCall) (MCPResult, error) {
	return send[MCPResult](ctx, c, http.MethodPost, mcpAt(name, "/call"), call)
}

// MCPAuthorization says how one wants to be authorized.
func (c *Client) MCPAuthorization(ctx context.Context, name string) (MCPAuthorization, error) {
	return get[MCPAuthorization](ctx, c, mcpAt(name, "/authorization"), nil)
}

// ConnectMCPServer returns where a browser has to go, so that its person agrees that one's tools be
// used. FinishConnection finishes.
func (c *Client) ConnectMCPServer(ctx context.Context, name string, n NewMCPConnection) (Redirect, error) {
	return send[Redirect](ctx, c, http.MethodPost, mcpAt(name, "/connect"), n)
}
