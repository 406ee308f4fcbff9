//go:build linux

// Command mcp measures what a call of an MCP server's tool costs by way of a project's record,
// the pool, the breaker, the meter and, for a program, the sandbox, against the bare SDK's client
// calling the same server, in turn in one run.
//
//	CGO_ENABLED=0 go run ./bench/mcp
//
// It prints the median of each, and their ratio, over streamable HTTP and over stdio; the bare
// client's program runs on the host.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/mcp"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/tool"
)

// program is an MCP server that echoes, and nothing else.
const program = `
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    if "id" not in m:
        continue
    if m["method"] == "initialize":
        r = {"protocolVersion": m["params"]["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": {"name": "echo", "version": "1"}}
    elif m["method"] == "tools/call":
        r = {"content": [{"type": "text", "text": m["params"]["arguments"]["text"]}]}
    else:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": m["id"], "error": {"code": -32601, "message": "no"}}) + "\n")
        sys.stdout.flush()
        continue
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": r}) + "\n")
    sys.stdout.flush()
`

var scope = core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_a"}}

func main() {
	n := flag.Int("n", 1000, "calls of each")
	flag.Parse()
	if err := run(*n); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(n int) (err error) {
	ctx := context.Background()
	address, stop := serve()
	defer stop()
	s, end, err := service(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	python := []string{"python3", "-I", "-c", program}
	for _, spec := range []mcp.Spec{{Name: "http", Transport: mcp.HTTP, Address: address}, {Name: "stdio", Transport: mcp.Stdio, Argv: python}} {
		if _, err := s.Put(ctx, scope, spec, 0); err != nil {
			return err
		}
	}
	fmt.Println("transport  bare SDK    isekai      ratio   more")
	for name, way := range map[string]sdk.Transport{
		"http":  &sdk.StreamableClientTransport{Endpoint: address},
		"stdio": &sdk.CommandTransport{Command: exec.Command(python[0], python[1:]...)},
	} {
		cs, err := sdk.NewClient(&sdk.Implementation{Name: "bare", Version: "1"}, nil).Connect(ctx, way, nil)
		if err != nil {
			return err
		}
		bare, ours, err := compare(ctx, n, cs, s, name)
		if err := errors.Join(err, cs.Close()); err != nil {
			return err
		}
		fmt.Printf("%-9s  %-10s  %-10s  %.2f    %s\n", name, bare, ours, float64(ours)/float64(bare), ours-bare)
	}
	return nil
}

// compare calls by turns, and returns the medians.
func compare(ctx context.Context, n int, cs *sdk.ClientSession, s *mcp.Service, server string) (bare, ours time.Duration, err error) {
	var a, b []time.Duration
	for i := range n + n/10 {
		began := time.Now()
		got, err := cs.CallTool(ctx, &sdk.CallToolParams{Name: "echo", Arguments: map[string]string{"text": "hello"}})
		took := time.Since(began)
		if err != nil || got.Content[0].(*sdk.TextContent).Text != "hello" {
			return 0, 0, fmt.Errorf("bare: %v %w", got, err)
		}
		began = time.Now()
		r, err := s.Call(ctx, tool.Call{Scope: scope, Arguments: json.RawMessage(`{"text":"hello"}`)}, server, "echo")
		if ours := time.Since(began); i >= n/10 { // after some to warm up
			a, b = append(a, took), append(b, ours)
		}
		if err != nil || r.Output != "hello" {
			return 0, 0, fmt.Errorf("isekai: %v %w", r, err)
		}
	}
	slices.Sort(a)
	slices.Sort(b)
	return a[len(a)/2].Round(time.Microsecond), b[len(b)/2].Round(time.Microsecond), nil
}

// serve is an MCP server over HTTP.
func serve() (address string, stop func()) {
	server := sdk.NewServer(&sdk.Implementation{Name: "echo", Version: "1"}, nil)
	type said struct {
		Text string `json:"text"`
	}
	sdk.AddTool(server, &sdk.Tool{Name: "echo"}, func(_ context.Context, _ *sdk.CallToolRequest, in said) (*sdk.CallToolResult, any, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: in.Text}}}, nil, nil
	})
	s := httptest.NewServer(sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, nil))
	return s.URL, func() { s.CloseClientConnections(); s.Close() }
}

// service is isekai's, on a real store and the real sandbox.
func service(ctx context.Context, address string) (*mcp.Service, func() error, error) {
	dir, err := os.MkdirTemp("", "isekai-bench-mcp-*")
	if err != nil {
		return nil, nil, err
	}
	at, err := url.Parse(address)
	if err != nil {
		return nil, nil, err
	}
	port, err := strconv.Atoi(at.Port())
	if err != nil {
		return nil, nil, err
	}
	guard, err := egress.New(egress.Config{Allow: []string{"127.0.0.1"}, Ports: []int{port}, Timeout: -1})
	if err != nil {
		return nil, nil, err
	}
	boxes, err := ns.New(ns.Config{RunDir: filepath.Join(dir, "sandbox")})
	if err != nil {
		return nil, nil, err
	}
	st, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
	if err != nil {
		return nil, nil, err
	}
	blobs, err := local.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, nil, err
	}
	s, err := mcp.New(mcp.Config{Records: st, Blobs: blobs, Boxes: boxes, Outside: way{guard}, Dir: filepath.Join(dir, "mcp")})
	return s, func() error {
		return errors.Join(s.Shutdown(ctx), boxes.Close(), blobs.Close(), st.Close(), os.RemoveAll(dir))
	}, err
}

// way is the checked way out, without credentials.
type way struct{ *egress.Guard }

func (way) Authorize(context.Context, tool.Call, string, string, *http.Request) error { return nil }

func (way) Credential(context.Context, tool.Call, string, string, string) (tool.Credential, error) {
	return tool.Credential{}, core.E(core.NotFound, "credential", "there is no such credential")
}
