package tool

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// Registry is the tools of an installation, by name. It is immutable and safe
// for concurrent use.
type Registry struct {
	tools   map[string]Tool
	names   []string // sorted
	observe Observer
}

// NewRegistry returns a registry of the tools, each Checked. internal: a spec is
// wrong, or two tools have the same name.
func NewRegistry(tools ...Tool) (*Registry, error) { return NewObservedRegistry(nil, tools...) }

// NewObservedRegistry is NewRegistry with an observer of every call.
func NewObservedRegistry(observe Observer, tools ...Tool) (*Registry, error) {
	r := &Registry{tools: make(map[string]Tool, len(tools)), observe: observe}
	for _, t := range tools {
		if err := r.add(t); err != nil {
			return nil, err
		}
	}
	slices.Sort(r.names)
	return r, nil
}

// With returns a registry that has more tools, each Checked and observed like these, and why some
// of them aren't in it: what is there already isn't replaced.
func (r *Registry) With(tools ...Tool) (*Registry, []error) {
	more := &Registry{tools: maps.Clone(r.tools), names: slices.Clone(r.names), observe: r.observe}
	var problems []error
	for _, t := range tools {
		if err := more.add(t); err != nil {
			problems = append(problems, err)
		}
	}
	slices.Sort(more.names)
	return more, problems
}

func (r *Registry) add(t Tool) error {
	c, err := Checked(t, r.observe)
	if err != nil {
		return err
	}
	name := c.Spec().Name
	if r.tools[name] != nil {
		return core.E(core.Internal, "tool", "two tools are named "+name)
	}
	r.tools[name] = c
	r.names = append(r.names, name)
	return nil
}

// Get returns the tool of a name, checked, and whether there is one.
func (r *Registry) Get(name string) (Tool, bool) {
	t, ok := r.tools[name]
	return t, ok
}

// Call calls the tool of a name. not_found: there is none.
func (r *Registry) Call(ctx context.Context, name string, c Call) (Result, error) {
	t, ok := r.tools[name]
	if !ok {
		return Result{}, core.E(core.NotFound, "tool", "there is no tool "+name).WithHint("the tools are: " + strings.Join(r.names, ", "))
	}
	return t.Call(ctx, c)
}

// All returns the specs of all tools, by name.
func (r *Registry) All() []Spec {
	specs := make([]Spec, 0, len(r.names))
	for _, n := range r.names {
		specs = append(specs, r.tools[n].Spec())
	}
	return specs
}

// Offered returns the specs of the tools that a model may call in a task of
// this kind, by name.
func (r *Registry) Offered(kind core.TaskKind) []Spec {
	return slices.DeleteFunc(r.All(), func(s Spec) bool {
		return !s.Offered(kind)
	})
}

// Offered reports whether a model may call the tool in a task of this kind.
func (s Spec) Offered(kind core.TaskKind) bool {
	return !s.Internal && (len(s.Kinds) == 0 || slices.Contains(s.Kinds, kind))
}
