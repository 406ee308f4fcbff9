package command

import (
	"context"
	"encoding/json"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/tool"
)

// Way says what the commands of a project may reach. platform has it of the project's policy.
type Way interface {
	// Hosts returns what the project allows; none: nothing.
	Hosts(ctx context.Context, scope core.Scope) ([]sandbox.Destination, error)
	// Reached is told what a call's command has reached and was refused, if that is anything.
	Reached(ctx context.Context, c tool.Call, all []sandbox.Reach)
}

// online is run_online. It isn't Contained, as run_command is: what it is given may leave, so
// secrets are taken out of its arguments, and a person is asked unless the project allows it.
type online struct {
	boxes sandbox.Driver
	way   Way
}

var onlineSpec = tool.Spec{
	Name: "run_online", Version: "1", Effect: core.Once, Timeout: MaxTimeout + time.Minute,
	Description: "Runs a program as run_command does, in a sandbox that also reaches the few hosts that the project allows, over HTTP and TLS by the proxy that HTTPS_PROXY names. " +
		"For installing packages and for downloads; everything else is for run_command.",
	Schema: schema,
}

// NewOnline returns run_online. Its Result's Data is run_command's with what was reached.
func NewOnline(boxes sandbox.Driver, way Way) tool.Tool { return online{boxes, way} }

func (online) Spec() tool.Spec { return onlineSpec }

func (t online) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	hosts, err := t.way.Hosts(ctx, c.Scope)
	if err != nil {
		return tool.Result{}, err
	}
	if len(hosts) == 0 {
		const why = "The project allows its sandboxes no host, so nothing can be reached. A person can: isekai sandbox egress allow HOST. Go on without, or by run_command."
		return tool.Result{Output: why, Failed: true, Evidence: &core.Evidence{Kind: "exit", Text: "the project allows no host", Detail: why}}, nil
	}
	var seen sandbox.Reached
	r, err := command{boxes: t.boxes}.run(ctx, c, &sandbox.Egress{Allow: hosts, Observe: seen.Observe})
	all := seen.List()
	if len(all) > 0 {
		t.way.Reached(context.WithoutCancel(ctx), c, all) // also of a call that failed
	}
	if err != nil {
		return r, err
	}
	var o outcome
	if err := json.Unmarshal(r.Data, &o); err != nil {
		return r, core.E(core.Internal, onlineSpec.Name, "the outcome doesn't decode").Because(err)
	}
	o.Network = all
	r.Data = encode(o)
	r.Output += "\n" + "[" + sandbox.Network(all) + "]"
	return r, nil
}
