// Package check holds run_tests and run_linter: what is observed of code, parsed.
//
// platform lists them with a sandbox driver. They find out what the workspace is written in
// by the files that are there, run that language's own runner in a box without a network, and
// report what failed, by name, place and first lines. They never run anything on the host, and
// never take a program's word for success: a run without a test that passed isn't one.
package check

import (
	"context"
	"encoding/json"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/tool"
)

// Bounds of one call.
const (
	DefaultTimeout = 5 * time.Minute
	MaxTimeout     = 30 * time.Minute
)

// Config is what the tools stand on.
type Config struct {
	Boxes sandbox.Driver
	// Cache is a folder on this machine in which each task has what compilers keep between
	// calls. It may be emptied at any time.
	Cache string
}

// Tools returns run_tests and run_linter. Result.Data is a Report and a Findings.
func Tools(cfg Config) []tool.Tool {
	return []tool.Tool{check[testArgs]{testSpec, cfg, test}, check[lintArgs]{lintSpec, cfg, lint}}
}

// check is a tool with its arguments decoded and a box with the workspace.
type check[A place] struct {
	spec tool.Spec
	cfg  Config
	run  func(context.Context, *box, A) (tool.Result, error)
}

// place says where and how long.
type place interface {
	where() string
	timeout() time.Duration
}

func (t check[A]) Spec() tool.Spec { return t.spec }

func (t check[A]) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	var a A
	if err := json.Unmarshal(c.Arguments, &a); err != nil {
		return tool.Result{}, core.E(core.Invalid, t.spec.Name, "the arguments don't decode").Because(err)
	}
	if err := ctx.Err(); err != nil {
		return tool.Result{}, err
	}
	b, err := open(ctx, t.cfg, c, a)
	if err != nil {
		return tool.Result{}, err
	}
	defer b.close(ctx)
	r, err := t.run(ctx, b, a)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return tool.Result{}, err
	}
	return r, nil
}

// common are the arguments of both tools.
type common struct {
	Dir     string
	Seconds int `json:"timeout_seconds"`
}

func (c common) where() string { return c.Dir }

func (c common) timeout() time.Duration {
	if c.Seconds <= 0 {
		return DefaultTimeout
	}
	return min(time.Duration(c.Seconds)*time.Second, MaxTimeout)
}
