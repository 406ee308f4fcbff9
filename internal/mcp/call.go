package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// retrying has f use a session, and once more a new one if that can't do twice what should be
// done once: the session was over before it was used, the server had forgotten it, or repeat
// says that doing it twice is no harm.
func (s *Service) retrying(ctx context.Context, srv Server, c tool.Call, repeat bool, f func(*session) error) error {
	used := false
	try := func() error {
		return s.pool.use(ctx, srv, c, func(x *session) error {
			used = true
			return f(x)
		})
	}
	err := try()
	failed := used && repeat && core.CodeOf(err) == core.Unavailable && answered(err) == nil
	if ctx.Err() == nil && (undone(err) || failed) {
		return try()
	}
	return err
}

// undone reports whether an error says that nothing was asked, or nothing of it was done.
func undone(err error) bool {
	return errors.Is(err, errOver) || errors.Is(err, mcp.ErrSessionMissing)
}

// Call calls a tool of a server's, by the server's name of it. not_found: the server isn't there
// any more, is off, or has no such tool; invalid: it doesn't take the arguments; denied: its
// record doesn't allow the tool, or the server refuses the credential; unavailable: it didn't
// answer, and whether it has done anything isn't known unless the effect is pure.
func (s *Service) Call(ctx context.Context, c tool.Call, server, name string) (tool.Result, error) {
	srv, err := s.Server(ctx, c.Scope, server)
	if err != nil {
		return tool.Result{}, err
	}
	return s.call(ctx, c, srv, name, core.Once)
}

// call calls a tool, whose effect says whether that may happen twice.
func (s *Service) call(ctx context.Context, c tool.Call, srv Server, name string, effect core.Effect) (tool.Result, error) {
	const op = "mcp.call"
	switch {
	case srv.Off:
		return tool.Result{}, core.E(core.NotFound, op, "the MCP server "+srv.Name+" is off")
	case !srv.allows(name):
		return tool.Result{}, core.E(core.Denied, op, fmt.Sprintf("the project doesn't allow the tool %.80q of %s", name, srv.Name)).WithHint("an admin adds it to the server's tools")
	}
	ctx, cancel := context.WithTimeout(ctx, srv.timeout())
	defer cancel()
	arguments := c.Arguments
	if len(arguments) == 0 {
		arguments = json.RawMessage("{}")
	}
	var got *mcp.CallToolResult
	sent := false
	err := s.retrying(ctx, srv, c, effect != core.Once, func(x *session) (err error) {
		sent = true
		got, err = ask(ctx, x, c, func(ctx context.Context) (*mcp.CallToolResult, error) {
			return x.client.CallTool(ctx, &mcp.CallToolParams{Name: name, Arguments: arguments})
		})
		return err
	})
	if e := answered(err); e != nil {
		return refusal(srv, name, e)
	}
	switch {
	case err == nil:
		return result(srv, got), nil
	case sent && effect != core.Pure:
		return tool.Result{}, unsure(srv, name, err)
	}
	return tool.Result{}, err
}

// refusal is what a server says that did nothing.
func refusal(srv Server, name string, e *jsonrpc.Error) (tool.Result, error) {
	text := cleaned(e.Message, 1000)
	if e.Code == jsonrpc.CodeInvalidParams || e.Code == jsonrpc.CodeMethodNotFound {
		return tool.Result{}, core.E(core.Invalid, srv.Name+" "+name, "the server doesn't take the call: "+text)
	}
	return tool.Result{Output: fmt.Sprintf("The server refused the call: %s (code %d)", text, e.Code), Failed: true}, nil
}

// unsure says of an error that the tool may have done something, unless the error says that it
// hasn't.
func unsure(srv Server, name string, err error) error {
	if core.CodeOf(err) != core.Unavailable || undone(err) {
		return err
	}
	hint := "look there before it is called again"
	if why := core.HintOf(err); why != "" {
		hint += "; " + why
	}
	return core.E(core.Unavailable, "mcp.call", fmt.Sprintf("whether %s has done %.80q isn't known", srv.Name, name)).WithHint(hint).Because(err)
}
