package cli_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/mcp"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/tool"
)

// newMCP is the service of MCP servers without a sandbox, which reaches the test's own servers.
func newMCP(t *testing.T, st *sqlite.Store) *mcp.Service {
	t.Helper()
	dir, transport := t.TempDir(), &http.Transport{}
	blobs := must(local.Open(filepath.Join(dir, "blobs")))(t)
	s := must(mcp.New(mcp.Config{Records: st, Blobs: blobs, Boxes: noBoxes{}, Outside: anywhere{&http.Client{Transport: transport}}, Dir: filepath.Join(dir, "mcp")}))(t)
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
		_ = blobs.Close()
	})
	return s
}

// noBoxes is the sandbox of a host that can't isolate.
type noBoxes struct{ sandbox.Driver }

func (noBoxes) Create(context.Context, core.Scope, sandbox.Spec) (sandbox.Box, error) {
	return nil, core.E(core.Unsupported, "sandbox", "this host can't isolate code")
}

// anywhere is a way out that leads everywhere, without credentials.
type anywhere struct{ client *http.Client }

func (a anywhere) Client() *http.Client { return a.client }

func (anywhere) Authorize(context.Context, tool.Call, string, string, *http.Request) error {
	return core.E(core.NotFound, "credential", "there is no such credential")
}

func (anywhere) Credential(context.Context, tool.Call, string, string, string) (tool.Credential, error) {
	return tool.Credential{}, core.E(core.NotFound, "credential", "there is no such credential")
}

// servePeer is a real MCP server, and returns where.
func servePeer(t *testing.T) string {
	t.Helper()
	server := sdk.NewServer(&sdk.Implementation{Name: "peer", Version: "1"}, nil)
	type said struct {
		Text string `json:"text"`
	}
	sdk.AddTool(server, &sdk.Tool{Name: "echo", Description: "Says it."}, func(_ context.Context, _ *sdk.CallToolRequest, in said) (*sdk.CallToolResult, any, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: "you said " + in.Text}}, IsError: in.Text == "no"}, nil, nil
	})
	s := httptest.NewServer(sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, nil))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}
