package clients

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/mcp"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/tool"
)

// asClient has this program be the client that the conformance suite tests: it is started by the
// suite, which doesn't say before what its port is.
const asClient = "ISEKAI_TEST_MCP_CLIENT"

// beClient connects with the server at an address, lists its tools, and calls one if the
// scenario wants that.
func beClient(address string) error {
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(at.Port())
	if err != nil {
		return err
	}
	guard, err := egress.New(egress.Config{Allow: []string{"127.0.0.1", "::1", "localhost"}, Ports: []int{port}, Timeout: -1})
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "isekai-mcp-client-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	st, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
	if err != nil {
		return err
	}
	defer st.Close()
	blobs, err := local.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return err
	}
	defer blobs.Close()
	s, err := mcp.New(mcp.Config{Records: st, Blobs: blobs, Boxes: struct{ sandbox.Driver }{}, Outside: plainWay{guard}, Dir: filepath.Join(dir, "mcp")})
	if err != nil {
		return err
	}
	scope := core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_a"}}
	if _, err := s.Put(ctx, scope, mcp.Spec{Name: "suite", Transport: mcp.HTTP, Address: address}, 0); err != nil {
		return err
	}
	if _, err := s.Test(ctx, tool.Call{Scope: scope}, "suite"); err != nil {
		return err
	}
	if wanted, ok := map[string][2]string{
		"tools_call": {"add_numbers", `{"a":5,"b":3}`}, "sse-retry": {"test_reconnection", `{}`},
	}[os.Getenv("MCP_CONFORMANCE_SCENARIO")]; ok {
		got, err := s.Call(ctx, tool.Call{Scope: scope, Arguments: []byte(wanted[1])}, "suite", wanted[0])
		if err != nil {
			return err
		}
		fmt.Println("the tool said", got.Output)
	}
	return s.Shutdown(ctx)
}

// plainWay is a way out without credentials.
type plainWay struct{ *egress.Guard }

func (plainWay) Authorize(context.Context, tool.Call, string, string, *http.Request) error {
	return core.E(core.NotFound, "credential", "there is no such credential")
}

func (plainWay) Credential(context.Context, tool.Call, string, string, string) (tool.Credential, error) {
	return tool.Credential{}, core.E(core.NotFound, "credential", "there is no such credential")
}

func TestMCPConformanceOfTheClient(t *testing.T) {
	t.Parallel()
	clients(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, scenario := range []string{"initialize", "tools_call", "sse-retry"} {
		t.Run(scenario, func(t *testing.T) {
			passed, failed, said := conform(t, "client", "--command", "/usr/bin/env "+asClient+"=1 "+self, "--scenario", scenario)
			if len(passed) == 0 || len(failed) > 0 {
				t.Errorf("passed %q, failed %q\n%s", passed, failed, said)
			}
		})
	}
}
