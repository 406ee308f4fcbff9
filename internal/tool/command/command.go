// Package command holds run_command, which runs one program in a sandbox with
// the workspace mounted writable, and run_online, which does the same in one that
// reaches the hosts that the project allows.
//
// platform lists them with a sandbox driver. They never run anything on the host:
// a host that can't isolate gets the driver's error. Each call has a box of its
// own, which is gone when the call returns, with every process in it.
package command

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/tool"
)

// Bounds of one command.
const (
	DefaultTimeout = time.Minute
	MaxTimeout     = 30 * time.Minute
)

var spec = tool.Spec{
	Name: "run_command", Version: "1", Effect: core.Once, Contained: true, Timeout: MaxTimeout + time.Minute,
	Description: "Runs a program in a sandbox without a network; the workspace is its writable folder " + tool.Mount + ". There is no shell in between: for a pipe, run sh with -c.",
	Schema:      schema,
}

var schema = json.RawMessage(`{"type":"object","properties":{
		"argv":{"type":"array","items":{"type":"string","maxLength":100000},"minItems":1,"maxItems":200,"description":"the program and its arguments"},
		"dir":{"type":"string","description":"the folder to run in, relative to the workspace"},
		"timeout_seconds":{"type":"integer","minimum":1,"maximum":1800,"description":"60 if not given"}
	},"required":["argv"],"additionalProperties":false}`)

type args struct {
	Argv    []string
	Dir     string
	Timeout int `json:"timeout_seconds"`
}

// Skills lends the folders of skills to commands that name files in them.
type Skills interface {
	// Mounts returns what a command is to have mounted besides the workspace, until release is
	// called.
	Mounts(ctx context.Context, scope core.Scope, task core.TaskID, argv []string) (mounts []sandbox.Mount, release func(), err error)
}

type command struct {
	boxes  sandbox.Driver
	skills Skills // nil: none
}

// New returns the tool. Its Result's Data is {"code":0,"reason":"exited"}.
func New(boxes sandbox.Driver) tool.Tool { return command{boxes: boxes} }

// NewWithSkills is New where commands can use what is in the folders of skills.
func NewWithSkills(boxes sandbox.Driver, skills Skills) tool.Tool { return command{boxes, skills} }

func (t command) Spec() tool.Spec {
	s := spec
	if t.skills != nil {
		s.Description += " The folder of a skill that it names is at /skills/NAME, and can't be changed."
	}
	return s
}

func (t command) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	return t.run(ctx, c, nil)
}

// run runs the command that a call is of.
func (t command) run(ctx context.Context, c tool.Call, out *sandbox.Egress) (tool.Result, error) {
	var a args
	if err := json.Unmarshal(c.Arguments, &a); err != nil {
		return tool.Result{}, core.E(core.Invalid, spec.Name, "the arguments don't decode").Because(err)
	}
	dir, err := a.check()
	if err != nil {
		return tool.Result{}, err
	}
	if c.Workspace.Dir == "" {
		return tool.Result{}, core.E(core.Invalid, spec.Name, "this task has no workspace")
	}
	timeout := DefaultTimeout
	if a.Timeout > 0 {
		timeout = min(time.Duration(a.Timeout)*time.Second, MaxTimeout)
	}
	seen := mounts(c.Workspace)
	if t.skills != nil {
		lent, release, err := t.skills.Mounts(ctx, c.Scope, c.Task, a.Argv)
		if err != nil {
			return tool.Result{}, err
		}
		defer release() // after the box is gone
		seen = append(seen, lent...)
	}
	box, err := t.boxes.Create(ctx, c.Scope, sandbox.Spec{
		Mounts: seen, Egress: out,
		Limits: sandbox.Limits{
			Memory: 1 << 30, CPU: 1, CPUTime: timeout, Wall: timeout, Pids: 256, Output: -1,
			OpenFiles: 1024, FileSize: 256 << 20, Disk: 2 << 30, Inodes: 200_000,
		},
	})
	if err != nil {
		return tool.Result{}, err
	}
	defer box.Kill(context.WithoutCancel(ctx)) // what it leaves, Sweep removes
	var said tool.Transcript
	exit, err := box.Exec(ctx, sandbox.Command{
		Argv: a.Argv, Dir: dir, Stdout: &said, Stderr: &said,
		Env: map[string]string{"CI": "true", "TERM": "dumb"},
	})
	if err != nil {
		return tool.Result{}, fmt.Errorf("%.100q in %s: %w", a.Argv[0], dir, err)
	}
	if err := ctx.Err(); err != nil {
		return tool.Result{}, err
	}
	return result(a.Argv, exit, timeout, said.String()), nil
}

// mounts returns what a command sees of a workspace: all, writable, but for what is kept of
// it. So it can't commit in a folder of the operator's.
func mounts(w tool.Workspace) []sandbox.Mount {
	all := []sandbox.Mount{{Host: filepath.Clean(w.Dir), Target: tool.Mount, Writable: true, Counted: w.Managed}}
	if name, ok := w.Kept(); ok {
		all = append(all, sandbox.Mount{Host: filepath.Join(all[0].Host, name), Target: path.Join(tool.Mount, name)})
	}
	return all
}

// check returns the folder in the box.
func (a args) check() (string, error) {
	if len(a.Argv) == 0 || strings.TrimSpace(a.Argv[0]) == "" {
		return "", core.E(core.Invalid, spec.Name, "argv names no program")
	}
	for _, s := range a.Argv {
		if strings.ContainsRune(s, 0) {
			return "", core.E(core.Invalid, spec.Name, "argv holds a NUL")
		}
	}
	dir, err := tool.CleanPath(a.Dir)
	return path.Join(tool.Mount, dir), err
}

func result(argv []string, exit sandbox.Exit, timeout time.Duration, output string) tool.Result {
	name := strings.Join(argv, " ")
	if len(name) > 80 {
		name = strings.ToValidUTF8(name[:80], "") + "…"
	}
	how := ended(exit, timeout)
	e := core.Evidence{Kind: "exit", OK: exit.OK(), Text: fmt.Sprintf("%s: %s", name, how)}
	if !e.OK {
		e.Detail = tool.Tail(output, core.MaxInline)
	}
	if output != "" && !strings.HasSuffix(output, "\n") {
		output += "\n"
	}
	data := encode(outcome{Code: exit.Code, Reason: exit.Reason})
	return tool.Result{
		Output: output + fmt.Sprintf("[%s after %s]", how, exit.Wall.Round(10*time.Millisecond)), Failed: !e.OK, Evidence: &e, Data: data,
	}
}

// outcome is a Result's Data.
type outcome struct {
	Code    int             `json:"code"`
	Reason  sandbox.Reason  `json:"reason"`
	Network []sandbox.Reach `json:"network,omitempty"` // of run_online
}

func encode(o outcome) json.RawMessage {
	b, _ := json.Marshal(o) // plain values
	return b
}

// ended says how a command ended, for a person and a model.
func ended(exit sandbox.Exit, timeout time.Duration) string {
	switch exit.Reason {
	case sandbox.Exited:
		return fmt.Sprintf("exit code %d", exit.Code)
	case sandbox.Signaled:
		return fmt.Sprintf("killed by signal %d", exit.Signal)
	case sandbox.OutOfMem:
		return "killed: it used more than 1 GiB of memory"
	case sandbox.TimedOut:
		return fmt.Sprintf("killed: it took longer than %s", timeout)
	case sandbox.DiskFull:
		return "killed: it wrote too much"
	}
	return "killed: " + string(exit.Reason)
}
