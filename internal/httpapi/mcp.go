package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/mcp"
	"github.com/isekai-run/isekai/internal/sandbox/archive"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

type (
	// MCPServerPath names a project's MCP server.
	MCPServerPath struct {
		Server string `path:"server" maxLength:"40" example:"github"`
	}
	putMCPServer struct {
		MCPServerPath
		MatchHeader
		Body client.NewMCPServer
	}
	dropMCPServer struct {
		MCPServerPath
		MatchHeader
	}
	putMCPFiles struct {
		MCPServerPath
		MatchHeader
		Body client.MCPFiles
	}
	callMCPTool struct {
		MCPServerPath
		Body client.MCPCall
	}
	connectMCPServer struct {
		MCPServerPath
		Body client.NewMCPConnection
	}
	mcpAnswer struct {
		ETag string `header:"ETag"`
		Body client.MCPServer
	}
)

// isUpload reports whether a path is of a route that takes files.
func isUpload(path string) bool {
	return strings.HasPrefix(path, "/v1/mcp/servers/") && strings.HasSuffix(path, "/files")
}

// mcpServers are the routes to projects' MCP servers.
func (s *server) mcpServers() {
	tags := []string{"mcp"}
	const all, one = "/v1/mcp/servers", "/v1/mcp/servers/{server}"
	act(s, identity.MCPRead, huma.Operation{
		OperationID: "list-mcp-servers", Method: http.MethodGet, Path: all, Summary: "List the project's MCP servers, by name", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[[]client.MCPServer], error) {
		found, err := s.cfg.MCP.Servers(ctx, p.Scope)
		return &reply[[]client.MCPServer]{each(found, wireMCPServer)}, err
	})
	act(s, identity.MCPRead, huma.Operation{
		OperationID: "show-mcp-server", Method: http.MethodGet, Path: one, Summary: "Show an MCP server", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *MCPServerPath) (*mcpAnswer, error) {
		srv, err := s.cfg.MCP.Server(ctx, p.Scope, in.Server)
		if err != nil {
			return nil, err
		}
		shown, err := mcpShown(srv, nil)
		if err == nil {
			shown.Body.Wants, err = s.cfg.MCP.Wants(ctx, p.Scope, srv)
		}
		return shown, err
	})
	act(s, identity.MCPWrite, huma.Operation{
		OperationID: "put-mcp-server", Method: http.MethodPut, Path: one, Summary: "Make an MCP server of the project, or change one", Tags: tags,
		Description: "Nothing is started and nobody asked by it. Tasks that run heed it with their next call.",
	}, s.putMCPServer)
	act(s, identity.MCPWrite, huma.Operation{
		OperationID: "put-mcp-files", Method: http.MethodPut, Path: one + "/files", Summary: "Give an MCP server that is a program its files", Tags: tags,
		Description: "They take the place of those that it has. Nothing of them is run by it.",
	}, s.putMCPFiles)
	act(s, identity.MCPWrite, huma.Operation{
		OperationID: "delete-mcp-server", Method: http.MethodDelete, Path: one, Summary: "Remove an MCP server", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *dropMCPServer) (*struct{}, error) {
		version, err := in.version()
		if err != nil {
			return nil, err
		}
		if err := s.cfg.MCP.Remove(ctx, p.Scope, in.Server, version); err != nil {
			return nil, err
		}
		return nil, s.recordMCP(ctx, p, "mcp.server.remove", in.Server, nil)
	})
	s.mcpTools(tags, one)
}

// mcpTools are those that speak with a server.
func (s *server) mcpTools(tags []string, one string) {
	act(s, identity.MCPWrite, huma.Operation{
		OperationID: "test-mcp-server", Method: http.MethodPost, Path: one + "/test", Summary: "Connect with an MCP server and list its tools", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *MCPServerPath) (*reply[client.MCPTest], error) {
		report, err := s.cfg.MCP.Test(ctx, tool.Call{Scope: p.Scope}, in.Server)
		return replied(report, err, wireMCPTest)
	})
	act(s, identity.MCPRead, huma.Operation{
		OperationID: "list-mcp-tools", Method: http.MethodGet, Path: one + "/tools", Summary: "List the tools of an MCP server as it listed them last", Tags: tags,
		Description: "None, if it was never asked.",
	}, func(ctx context.Context, p identity.Principal, in *MCPServerPath) (*reply[[]client.MCPTool], error) {
		found, err := s.cfg.MCP.Listed(ctx, p.Scope, in.Server)
		return &reply[[]client.MCPTool]{each(found, wireMCPTool)}, err
	})
	act(s, identity.MCPWrite, huma.Operation{
		OperationID: "call-mcp-tool", Method: http.MethodPost, Path: one + "/call", Summary: "Call a tool of an MCP server, outside of any task", Tags: tags,
		Description: "If the server doesn't answer, what the tool has done isn't known: it isn't called again by itself.",
	}, s.callMCPTool)
	act(s, identity.MCPWrite, huma.Operation{
		OperationID: "show-mcp-authorization", Method: http.MethodGet, Path: one + "/authorization", Summary: "Show how an MCP server wants to be authorized", Tags: tags,
		Description: "It is asked, without a credential.",
	}, func(ctx context.Context, p identity.Principal, in *MCPServerPath) (*reply[client.MCPAuthorization], error) {
		a, err := s.cfg.MCP.Authorization(ctx, p.Scope, in.Server)
		return replied(a, err, func(a mcp.Authorization) client.MCPAuthorization { return client.MCPAuthorization(a) })
	})
	act(s, identity.MCPWrite, huma.Operation{
		OperationID: "connect-mcp-server", Method: http.MethodPost, Path: one + "/connect", Summary: "Begin to connect to what authorizes for an MCP server, with a browser", Tags: tags,
		Description: "The server is asked who that is. Where no provider is configured for it, it is asked to register a client. The browser goes to the URL of the answer, and /v1/connections/finish makes a connection of the server's name, whose tokens are for the server alone. It takes the scope secrets:write, too.",
	}, s.connectMCPServer)
}

// connectMCPServer begins a connection whose tokens are for a server alone. Where nothing says which
// scopes to ask for, those are asked for that the connection has and that the server has wanted
// since, or else those that it names.
func (s *server) connectMCPServer(ctx context.Context, p identity.Principal, in *connectMCPServer) (*reply[client.Redirect], error) {
	if err := p.May(identity.SecretWrite); err != nil {
		return nil, err
	}
	srv, err := s.cfg.MCP.Server(ctx, p.Scope, in.Server)
	if err != nil {
		return nil, err
	}
	a, err := s.cfg.MCP.Authorization(ctx, p.Scope, in.Server)
	switch {
	case err != nil:
		return nil, err
	case !a.Needed:
		return nil, core.E(core.Unsupported, "mcp.connect", "the server "+srv.Name+" asks for no credential").WithHint("use it as it is")
	case a.Missing != "":
		return nil, core.E(core.Unsupported, "mcp.connect", "the server "+srv.Name+" can't be connected").WithHint(a.Missing)
	}
	n := in.Body
	b := credential.Begin{Provider: cmp.Or(n.Provider, a.Provider), Name: srv.Name, Shared: n.Shared, Scopes: n.Scopes, Port: n.Port, Resource: a.Resource}
	if b.Provider == "" {
		b.Issuer = a.Issuers[0]
		if len(b.Scopes) == 0 {
			b.Scopes, err = s.scopesFor(ctx, p, srv, a)
		}
	}
	if err != nil {
		return nil, err
	}
	url, err := s.cfg.Secrets.Begin(ctx, p.Scope, sessionOf(p), b)
	return replied(url, err, func(url string) client.Redirect { return client.Redirect{URL: url} })
}

// scopesFor are the scopes to ask for of an authorization server that nobody has configured.
func (s *server) scopesFor(ctx context.Context, p identity.Principal, srv mcp.Server, a mcp.Authorization) ([]string, error) {
	wants, err := s.cfg.MCP.Wants(ctx, p.Scope, srv)
	if err != nil || len(wants) == 0 {
		return a.Scopes, err
	}
	has, err := s.cfg.Secrets.Get(ctx, p.Scope, srv.Credential)
	if core.CodeOf(err) == core.NotFound || err == nil && has.Connection == nil {
		return wants, nil
	} else if err != nil {
		return nil, err
	}
	all := slices.Sorted(slices.Values(append(wants, has.Connection.Scopes...)))
	return slices.Compact(all), nil
}

func (s *server) putMCPServer(ctx context.Context, p identity.Principal, in *putMCPServer) (*mcpAnswer, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	n := in.Body
	srv, err := s.cfg.MCP.Put(ctx, p.Scope, mcp.Spec{
		Name: in.Server, Transport: mcp.Transport(n.Transport), Address: n.Address, Credential: n.Credential, Argv: n.Argv, Env: n.Env, Secrets: n.Secrets,
		Tools: n.Tools, Trust: n.Trust, Off: n.Off, Timeout: time.Duration(n.TimeoutMS) * time.Millisecond, Note: n.Note,
	}, version)
	if err != nil {
		return nil, err
	}
	err = s.recordMCP(ctx, p, "mcp.server.set", srv.Name, map[string]string{
		"transport": n.Transport, "address": n.Address, "credential": n.Credential, "program": strings.Join(n.Argv, " "), "secrets": strconv.Itoa(len(n.Secrets)),
		"trust": strconv.FormatBool(n.Trust), "off": strconv.FormatBool(n.Off),
	})
	return mcpShown(srv, err)
}

func (s *server) putMCPFiles(ctx context.Context, p identity.Principal, in *putMCPFiles) (*mcpAnswer, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	srv, err := s.cfg.MCP.PutFiles(ctx, p.Scope, in.Server, bytes.NewReader(in.Body.Archive), int64(len(in.Body.Archive)), archive.Format(in.Body.Format), version)
	if err != nil {
		return nil, err
	}
	return mcpShown(srv, s.recordMCP(ctx, p, "mcp.server.files", srv.Name, map[string]string{"files": string(srv.Files.Archive)}))
}

func (s *server) callMCPTool(ctx context.Context, p identity.Principal, in *callMCPTool) (*reply[client.MCPResult], error) {
	if _, err := s.cfg.MCP.Server(ctx, p.Scope, in.Server); err != nil {
		return nil, err
	}
	// It is on record before it may have done something.
	if err := s.recordMCP(ctx, p, "mcp.tool.call", in.Server, map[string]string{"tool": in.Body.Tool}); err != nil {
		return nil, err
	}
	got, err := s.cfg.MCP.Call(ctx, tool.Call{Scope: p.Scope, Arguments: json.RawMessage(in.Body.Arguments)}, in.Server, in.Body.Tool)
	return replied(got, err, func(r tool.Result) client.MCPResult {
		return client.MCPResult{Output: r.Output, Failed: r.Failed, Data: r.Data}
	})
}

// recordMCP keeps what was done about a project's server.
func (s *server) recordMCP(ctx context.Context, p identity.Principal, action, server string, detail map[string]string) error {
	return s.record(ctx, p.Scope.Org, auditlog.Entry{Action: action, Project: p.Scope.Project, Target: server, Detail: detail})
}

func mcpShown(srv mcp.Server, err error) (*mcpAnswer, error) {
	if err != nil {
		return nil, err
	}
	return &mcpAnswer{ETag: etag(srv.Version), Body: wireMCPServer(srv)}, nil
}

func wireMCPServer(srv mcp.Server) client.MCPServer {
	return client.MCPServer{
		Name: srv.Name, ID: srv.ID, Revision: srv.Version, Changed: when(srv.Changed), Files: srv.Files.Archive,
		NewMCPServer: client.NewMCPServer{
			Transport: string(srv.Transport), Address: srv.Address, Credential: srv.Credential, Argv: srv.Argv, Env: srv.Env, Secrets: srv.Secrets,
			Tools: srv.Tools, Trust: srv.Trust, Off: srv.Off, TimeoutMS: srv.Timeout.Milliseconds(), Note: srv.Note,
		},
	}
}

func wireMCPTest(r mcp.Report) client.MCPTest {
	return client.MCPTest{Server: r.Server, Protocol: r.Protocol, TookMS: r.Took.Milliseconds(), Tools: each(r.Tools, wireMCPTool), Left: r.Left}
}

func wireMCPTool(o mcp.Offer) client.MCPTool {
	return client.MCPTool{
		Name: o.Name, Tool: o.Tool, Description: o.Description, Schema: o.Schema, Effect: o.Effect, ReadOnly: o.ReadOnly, Idempotent: o.Idempotent, Allowed: o.Allowed,
	}
}
