package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/mcp"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/tool"
)

// newMCP is the service of MCP servers without a sandbox, which reaches the test's own servers.
func newMCP(t testing.TB, st *sqlite.Store, blobs blob.Store) *mcp.Service {
	t.Helper()
	transport := &http.Transport{}
	s := must(mcp.New(mcp.Config{Records: st, Blobs: blobs, Boxes: noBoxes{}, Outside: open{&http.Client{Transport: transport}}, Dir: t.TempDir()}))(t)
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
	})
	return s
}

// noBoxes is the sandbox of a host that can't isolate.
type noBoxes struct{ sandbox.Driver }

func (noBoxes) Create(context.Context, core.Scope, sandbox.Spec) (sandbox.Box, error) {
	return nil, core.E(core.Unsupported, "sandbox", "this host can't isolate code")
}

// open is a way out that leads everywhere, without credentials.
type open struct{ client *http.Client }

func (o open) Client() *http.Client { return o.client }

func (open) Authorize(context.Context, tool.Call, string, string, *http.Request) error {
	return core.E(core.NotFound, "credential", "there is no such credential")
}

func (open) Credential(context.Context, tool.Call, string, string, string) (tool.Credential, error) {
	return tool.Credential{}, core.E(core.NotFound, "credential", "there is no such credential")
}

// newPeer is a real MCP server, and returns where.
func newPeer(t testing.TB) string {
	t.Helper()
	server := sdk.NewServer(&sdk.Implementation{Name: "peer", Version: "1"}, nil)
	type said struct {
		Text string `json:"text"`
	}
	sdk.AddTool(server, &sdk.Tool{Name: "echo"}, func(_ context.Context, _ *sdk.CallToolRequest, in said) (*sdk.CallToolResult, any, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: "you said " + in.Text}}, IsError: in.Text == "no"}, nil, nil
	})
	s := httptest.NewServer(sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, nil))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// emptyZip is an archive without a file.
var emptyZip = []byte("PK\x05\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
