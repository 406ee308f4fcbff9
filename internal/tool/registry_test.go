package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// echo is a tool made of a spec and a function.
type echo struct {
	spec tool.Spec
	call func(context.Context, tool.Call) (tool.Result, error)
}

func (e echo) Spec() tool.Spec { return e.spec }
func (e echo) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	return e.call(ctx, c)
}

func say(s string) func(context.Context, tool.Call) (tool.Result, error) {
	return func(context.Context, tool.Call) (tool.Result, error) { return tool.Result{Output: s}, nil }
}

func spec(name string) tool.Spec {
	return tool.Spec{
		Name: name, Version: "1", Description: "Says something.", Effect: core.Pure,
		Schema: json.RawMessage(`{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}`),
	}
}

func TestRegistryOffers(t *testing.T) {
	t.Parallel()
	inner, app := spec("inner"), spec("app_only")
	inner.Internal, app.Kinds = true, []core.TaskKind{core.KindApp}
	r, err := tool.NewRegistry(echo{spec("say"), say("x")}, echo{inner, say("x")}, echo{app, say("x")})
	if err != nil {
		t.Fatal(err)
	}
	names := func(specs []tool.Spec) string {
		var s []string
		for _, sp := range specs {
			s = append(s, sp.Name)
		}
		return strings.Join(s, " ")
	}
	if got := names(r.Offered(core.KindTask)); got != "say" {
		t.Errorf("a task is offered %q", got)
	}
	if got := names(r.Offered(core.KindApp)); got != "app_only say" {
		t.Errorf("an app is offered %q", got)
	}
	if got := names(r.All()); got != "app_only inner say" {
		t.Errorf("all are %q", got)
	}
	if _, ok := r.Get("inner"); !ok {
		t.Error("inner isn't there")
	}
	if _, err := r.Call(t.Context(), "nope", tool.Call{}); core.CodeOf(err) != core.NotFound || !strings.Contains(core.HintOf(err), "say") {
		t.Errorf("an unknown tool: %v", err)
	}
}

func TestRegistryRefuses(t *testing.T) {
	t.Parallel()
	with := func(change func(*tool.Spec)) tool.Tool {
		s := spec("say")
		change(&s)
		return echo{s, say("x")}
	}
	for why, tools := range map[string][]tool.Tool{
		"two tools":   {with(func(*tool.Spec) {}), with(func(*tool.Spec) {})},
		"name":        {with(func(s *tool.Spec) { s.Name = "Say-It" })},
		"version":     {with(func(s *tool.Spec) { s.Version = "" })},
		"description": {with(func(s *tool.Spec) { s.Description = "" })},
		"effect":      {with(func(s *tool.Spec) { s.Effect = "" })},
		"JSON":        {with(func(s *tool.Spec) { s.Schema = json.RawMessage(`{`) })},
		"object":      {with(func(s *tool.Spec) { s.Schema = json.RawMessage(`{"type":"array"}`) })},
		"compile":     {with(func(s *tool.Spec) { s.Schema = json.RawMessage(`{"type":"object","$ref":"#/none"}`) })},
	} {
		if _, err := tool.NewRegistry(tools...); core.CodeOf(err) != core.Internal || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestCheckedCalls(t *testing.T) {
	t.Parallel()
	type seen struct {
		name string
		err  error
	}
	observed := make(chan seen, 100)
	observe := func(s tool.Spec, took time.Duration, _ tool.Result, err error) {
		if took < 0 {
			t.Errorf("it took %v", took)
		}
		observed <- seen{s.Name, err}
	}
	quick := spec("waits")
	quick.Timeout = time.Millisecond
	wait := func(ctx context.Context, _ tool.Call) (tool.Result, error) {
		<-ctx.Done()
		return tool.Result{}, ctx.Err()
	}
	r, err := tool.NewObservedRegistry(observe,
		echo{quick, wait},
		echo{spec("panics"), func(context.Context, tool.Call) (tool.Result, error) { panic("oh no") }},
		echo{spec("long"), say(strings.Repeat("é", tool.MaxOutput))},
		echo{spec("bytes"), say("a\xffb")},
		echo{spec("fails"), func(context.Context, tool.Call) (tool.Result, error) { return tool.Result{}, errors.New("why") }})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, args string
		code       core.Code
		say        string
	}{
		{"long", `{"n":"x"}`, core.Invalid, "schema"}, {"long", `{}`, core.Invalid, "schema"}, {"long", ``, core.Invalid, "schema"},
		{"long", `null`, core.Invalid, "schema"}, {"long", `{"n":1,"m":2}`, core.Invalid, "schema"}, {"long", `{`, core.Invalid, "schema"},
		{"waits", `{"n":1}`, core.Unavailable, "longer than 1ms"}, {"panics", `{"n":1}`, core.Internal, "oh no"},
		{"fails", `{"n":1}`, core.Internal, "why"}, {"long", `{"n":1}`, "", "cut here"}, {"bytes", `{"n":1}`, "", "a?b"},
	} {
		res, err := r.Call(t.Context(), tt.name, tool.Call{Arguments: json.RawMessage(tt.args)})
		said := res.Output
		if err != nil {
			said = err.Error()
		}
		if core.CodeOf(err) != tt.code || !strings.Contains(said, tt.say) || len(res.Output) > tool.MaxOutput || !utf8.ValidString(res.Output) {
			t.Errorf("%s(%s): code %q, %.100s", tt.name, tt.args, core.CodeOf(err), said)
		}
		if o := <-observed; o.name != tt.name || core.CodeOf(o.err) != tt.code {
			t.Errorf("%s(%s) was observed as %+v", tt.name, tt.args, o)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Call(ctx, "waits", tool.Call{Arguments: json.RawMessage(`{"n":1}`)}); core.CodeOf(err) != core.Canceled {
		t.Errorf("canceled: %v", err)
	}
}
