// Package coder holds run_coder, which has a coding agent that is a program of its own (Claude
// Code, Codex or another) do a part of the work on the workspace.
//
// platform lists it with the agents that the configuration names and that are installed; without
// any there is no such tool. The program runs in a sandbox with the workspace, never on the host,
// and reaches the hosts that it is configured with alone. The keys that it needs are the
// project's credentials, and it gets one only if that lists each of these hosts.
package coder

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/tool"
)

// Bounds of one call.
const (
	DefaultTimeout = 10 * time.Minute
	MaxTimeout     = 30 * time.Minute
)

const name = "run_coder"

// Config is what the tool stands on.
type Config struct {
	Boxes   sandbox.Driver
	Outside tool.Outside
	Agents  []Agent // at least one; each passes Check and is installed
	// Reached is told what a call's program has reached and was refused, if that is anything.
	Reached func(ctx context.Context, c tool.Call, all []sandbox.Reach)
}

type coder struct {
	cfg  Config
	spec tool.Spec
}

// New returns the tool. Its Result's Data is {"agent": ..., "code": 0, "reason": "exited",
// "changes": [{"path": ..., "kind": ...}], "network": [...]}.
func New(cfg Config) tool.Tool {
	var names []string
	for _, a := range cfg.Agents {
		names = append(names, a.Name)
	}
	schema, _ := json.Marshal(map[string]any{ // of plain values: it never fails
		"type": "object", "required": []string{"agent", "task"}, "additionalProperties": false,
		"properties": map[string]any{
			"agent":           map[string]any{"type": "string", "enum": names, "description": "which one"},
			"task":            map[string]any{"type": "string", "minLength": 1, "maxLength": 20000, "description": "what it is to do, with all that it has to know: it sees the workspace and nothing of this task"},
			"timeout_seconds": map[string]any{"type": "integer", "minimum": 1, "maximum": int(MaxTimeout / time.Second), "description": "600 if not given"},
		},
	})
	return &coder{cfg, tool.Spec{
		// Once: each run costs what its model costs, and comes out otherwise. Not Contained: what
		// it is given goes to that model.
		Name: name, Version: "1", Effect: core.Once, Timeout: MaxTimeout + time.Minute,
		Description: "Has another coding agent change the files of the workspace, and shows what it said and the patch. For a part of the work that is large and stands alone; look at what it did, and run the tests.",
		Schema:      schema,
	}}
}

func (t *coder) Spec() tool.Spec { return t.spec }

type args struct {
	Agent, Task string
	Timeout     int `json:"timeout_seconds"`
}

func (t *coder) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	var a args
	if err := json.Unmarshal(c.Arguments, &a); err != nil {
		return tool.Result{}, core.E(core.Invalid, name, "the arguments don't decode").Because(err)
	}
	at := slices.IndexFunc(t.cfg.Agents, func(g Agent) bool { return g.Name == a.Agent })
	if at < 0 {
		return tool.Result{}, core.E(core.Invalid, name, fmt.Sprintf("there is no agent %.60q", a.Agent))
	}
	if err := ctx.Err(); err != nil {
		return tool.Result{}, err
	}
	r := &run{t: t, call: c, agent: t.cfg.Agents[at], timeout: DefaultTimeout}
	if a.Timeout > 0 {
		r.timeout = min(time.Duration(a.Timeout)*time.Second, MaxTimeout)
	}
	result, err := r.do(ctx, a.Task)
	if err != nil {
		return tool.Refused(ctx, err)
	}
	return result, nil
}

// run is one call.
type run struct {
	t       *coder
	call    tool.Call
	agent   Agent
	timeout time.Duration
	hide    hider
}

func (r *run) do(ctx context.Context, task string) (tool.Result, error) {
	argv, stdin, err := r.agent.command(task)
	if err != nil {
		return tool.Result{}, err
	}
	root, err := r.call.Workspace.Open()
	if err != nil {
		return tool.Result{}, err
	}
	defer root.Close()
	env, err := r.environment(ctx)
	if err != nil {
		return tool.Result{}, err
	}
	before, err := look(ctx, root)
	if err != nil {
		return tool.Result{}, err
	}
	var said tool.Transcript
	exit, network, err := r.exec(ctx, sandbox.Command{
		Argv: argv, Dir: tool.Mount, Env: env, Stdin: strings.NewReader(stdin), Stdout: &said, Stderr: &said,
	})
	if len(network) > 0 {
		r.t.cfg.Reached(context.WithoutCancel(ctx), r.call, network) // also of a call that failed
	}
	if err != nil {
		return tool.Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return tool.Result{}, err
	}
	done, err := r.changes(ctx, root, before)
	if err != nil {
		return tool.Result{}, err
	}
	return r.result(exit, r.hide.in(said.String()), done, network), nil
}

// environment is what the agent is configured with, and the project's credentials for it.
func (r *run) environment(ctx context.Context) (map[string]string, error) {
	env := map[string]string{"CI": "true", "TERM": "dumb", "NO_COLOR": "1"}
	maps.Copy(env, r.agent.Env)
	var secrets []string
	for _, variable := range slices.Sorted(maps.Keys(r.agent.Credentials)) {
		for _, d := range r.agent.reach {
			v, err := r.t.cfg.Outside.Credential(ctx, r.call, name, r.agent.Credentials[variable], place(d))
			if err != nil {
				return nil, r.lacks(r.agent.Credentials[variable], err)
			}
			env[variable] = v.Secret
		}
		secrets = append(secrets, env[variable])
	}
	r.hide = newHider(secrets)
	return env, nil
}

// lacks says what an admin can do about a credential that the agent doesn't get.
func (r *run) lacks(credential string, err error) error {
	if code := core.CodeOf(err); code != core.NotFound && code != core.Denied {
		return err
	}
	hint := "isekai secret set " + credential
	for _, d := range r.agent.reach {
		hint += " --host " + strings.TrimPrefix(place(d), "https://")
	}
	return core.E(core.Denied, name, "the agent "+r.agent.Name+" needs the credential "+credential+", for all hosts that it reaches").
		WithHint("an admin stores it for the project: " + hint).Because(err)
}

// exec runs the program in a box of its own.
func (r *run) exec(ctx context.Context, c sandbox.Command) (sandbox.Exit, []sandbox.Reach, error) {
	var seen sandbox.Reached
	mounts := []sandbox.Mount{{Host: filepath.Clean(r.call.Workspace.Dir), Target: tool.Mount, Writable: true, Counted: r.call.Workspace.Managed}}
	if kept, ok := r.call.Workspace.Kept(); ok {
		mounts = append(mounts, sandbox.Mount{Host: filepath.Join(mounts[0].Host, kept), Target: path.Join(tool.Mount, kept)})
	}
	if r.agent.Dir != "" {
		mounts = append(mounts, sandbox.Mount{Host: filepath.Clean(r.agent.Dir), Target: Mount})
	}
	var out *sandbox.Egress
	if len(r.agent.reach) > 0 {
		out = &sandbox.Egress{Allow: r.agent.reach, Observe: seen.Observe}
	}
	box, err := r.t.cfg.Boxes.Create(ctx, r.call.Scope, sandbox.Spec{
		Mounts: mounts, Egress: out,
		Limits: sandbox.Limits{
			Memory: 2 << 30, CPU: 2, CPUTime: r.timeout, Wall: r.timeout, Pids: 512, Output: -1,
			OpenFiles: 2048, FileSize: 256 << 20, Disk: 2 << 30, Inodes: 200_000,
		},
	})
	if err != nil {
		return sandbox.Exit{}, nil, err
	}
	exit, err := box.Exec(ctx, c)
	_ = box.Kill(context.WithoutCancel(ctx)) // what it leaves, Sweep removes
	if err != nil {
		err = fmt.Errorf("%s: %w", r.agent.Name, err)
	}
	return exit, seen.List(), err
}
