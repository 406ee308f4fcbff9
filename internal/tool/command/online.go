package command

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	Reached(ctx context.Context, c tool.Call, all []Reach)
}

// Reach is what a command did with one host and port.
type Reach struct {
	Host        string `json:"host"` // with its port
	Connections int    `json:"connections,omitempty"`
	Refused     int    `json:"refused,omitempty"`  // not allowed, by the project or the installation
	Failed      int    `json:"failed,omitempty"`   // not there, or cut
	Sent        int64  `json:"sent,omitempty"`     // bytes
	Received    int64  `json:"received,omitempty"` // bytes
}

// maxReach bounds the hosts that are told apart: a program can ask for as many as it likes.
const maxReach = 30

// maxSaid bounds those of which a model is told.
const maxSaid = 8

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
	var seen reached
	r, err := command{boxes: t.boxes}.run(ctx, c, &sandbox.Egress{Allow: hosts, Observe: seen.observe})
	all := seen.list()
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
	r.Output += "\n" + summary(all)
	return r, nil
}

// reached adds up what a box did.
type reached struct {
	mu sync.Mutex
	by map[string]*Reach
}

// observe is sandbox.Egress.Observe.
func (s *reached) observe(c sandbox.Connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	host := net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	if s.by[host] == nil && len(s.by) >= maxReach {
		host = "others"
	}
	r := s.by[host]
	if r == nil {
		if s.by == nil {
			s.by = map[string]*Reach{}
		}
		r = &Reach{Host: host}
		s.by[host] = r
	}
	switch {
	case core.CodeOf(c.Err) == core.Denied:
		r.Refused++
	case c.Err != nil:
		r.Failed++
	default:
		r.Connections++
	}
	r.Sent, r.Received = r.Sent+c.Sent, r.Received+c.Received
}

// list returns all, by host.
func (s *reached) list() []Reach {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Reach
	for _, r := range s.by {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b Reach) int { return cmp.Compare(a.Host, b.Host) })
	return all
}

// summary says to a model what a command did with the network.
func summary(all []Reach) string {
	if len(all) == 0 {
		return "[it asked for no host]"
	}
	var parts []string
	for i, r := range all {
		if i == maxSaid {
			parts = append(parts, fmt.Sprintf("and %d hosts more", len(all)-i))
			break
		}
		parts = append(parts, r.String())
	}
	return "[network: " + strings.Join(parts, "; ") + "]"
}

// String implements fmt.Stringer.
func (r Reach) String() string {
	var parts []string
	if r.Connections > 0 || r.Sent+r.Received > 0 {
		parts = append(parts, fmt.Sprintf("%d connections, %d bytes sent and %d received", r.Connections, r.Sent, r.Received))
	}
	if r.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", r.Failed))
	}
	if r.Refused > 0 {
		parts = append(parts, fmt.Sprintf("%d refused: not allowed", r.Refused))
	}
	return r.Host + " " + strings.Join(parts, ", ")
}
