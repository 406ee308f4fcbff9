package core_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

func TestCodeAndHint(t *testing.T) {
	t.Parallel()
	full := core.E(core.Exhausted, "put", "no room").WithHint("make some")
	plain := errors.New("plain")
	for name, c := range map[string]struct {
		err  error
		code core.Code
		hint string
	}{
		"nil":                       {nil, "", ""},
		"plain":                     {plain, core.Internal, ""},
		"itself":                    {full, core.Exhausted, "make some"},
		"wrapped":                   {fmt.Errorf("a: %w", fmt.Errorf("b: %w", full)), core.Exhausted, "make some"},
		"the outer code wins":       {core.E(core.Conflict, "", "x").Because(full), core.Conflict, "make some"},
		"the outer hint wins":       {core.E(core.Conflict, "", "x").WithHint("h").Because(full), core.Conflict, "h"},
		"no code of its own":        {&core.Error{Op: "o", Err: full}, core.Exhausted, "make some"},
		"no code at all":            {&core.Error{Op: "o", Err: plain}, core.Internal, ""},
		"no code, canceled":         {&core.Error{Op: "o", Err: context.Canceled}, core.Canceled, ""},
		"joined":                    {errors.Join(plain, full), core.Exhausted, "make some"},
		"the first joined one wins": {errors.Join(core.E(core.Denied, "", "d"), full), core.Denied, "make some"},
		"two verbs":                 {fmt.Errorf("%w, %w", plain, full), core.Exhausted, "make some"},
		"a join in a chain":         {fmt.Errorf("x: %w", errors.Join(plain, fmt.Errorf("y: %w", full))), core.Exhausted, "make some"},
		"canceled":                  {fmt.Errorf("x: %w", context.Canceled), core.Canceled, ""},
		"deadline":                  {context.DeadlineExceeded, core.Unavailable, ""},
		"canceled with a code":      {core.E(core.Unavailable, "", "").Because(context.Canceled), core.Unavailable, ""},
	} {
		if code, hint := core.CodeOf(c.err), core.HintOf(c.err); code != c.code || hint != c.hint {
			t.Errorf("%s: %q, %q; want %q, %q", name, code, hint, c.code, c.hint)
		}
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"put: no room":                   core.E(core.Exhausted, "put", "no room"),
		"no room":                        core.E(core.Exhausted, "", "no room"),
		"put: exhausted":                 core.E(core.Exhausted, "put", ""),
		"put: no room: plain":            core.E(core.Exhausted, "put", "no room").Because(errors.New("plain")),
		"scope: a call without a tenant": core.Scope{Org: "org_a"}.Valid(),
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}

func TestFailure(t *testing.T) {
	t.Parallel()
	if core.Fail(nil) != nil || (*core.Failure)(nil).Err() != nil {
		t.Error("nil isn't nil")
	}
	f := core.Fail(core.E(core.Denied, "op", "no").WithHint("ask"))
	if err := f.Err(); core.CodeOf(err) != core.Denied || err.Error() != "op: no" || core.HintOf(err) != "ask" {
		t.Errorf("%+v", f)
	}
}
