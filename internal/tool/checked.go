package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/isekai-run/isekai/internal/core"
)

// DefaultTimeout bounds a call of a tool that names no timeout.
const DefaultTimeout = time.Minute

// Observer is told of every call that ended. It must not block.
type Observer func(spec Spec, took time.Duration, r Result, err error)

// checked is a tool whose calls are checked before and after.
type checked struct {
	tool    Tool
	spec    Spec
	schema  *jsonschema.Resolved
	observe Observer
}

var toolName = regexp.MustCompile(`^[a-z][a-z0-9_]{1,62}$`)

// Checked returns t with what every tool owes its caller: arguments that don't
// fit the schema are invalid and never reach it, the timeout is applied, a
// panic is an internal error, the output is cut to MaxOutput, and observe, if
// not nil, learns how long it took. internal: the tool's spec is wrong.
func Checked(t Tool, observe Observer) (Tool, error) {
	s := t.Spec()
	bad := func(why string) (Tool, error) {
		return nil, core.E(core.Internal, "tool", fmt.Sprintf("tool %q: %s", s.Name, why))
	}
	switch {
	case !toolName.MatchString(s.Name):
		return bad("the name isn't lower_snake_case of 2 to 63 characters")
	case s.Version == "" || s.Description == "":
		return bad("version or description is missing")
	case s.Effect != core.Pure && s.Effect != core.Idempotent && s.Effect != core.Once:
		return bad("unknown effect " + string(s.Effect))
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(s.Schema, &schema); err != nil {
		return bad("the schema isn't JSON Schema: " + err.Error())
	}
	if schema.Type != "object" {
		return bad("the schema isn't of an object")
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		return bad("the schema doesn't compile: " + err.Error())
	}
	if s.Timeout <= 0 {
		s.Timeout = DefaultTimeout
	}
	return &checked{tool: t, spec: s, schema: resolved, observe: observe}, nil
}

func (t *checked) Spec() Spec { return t.spec }

func (t *checked) Call(ctx context.Context, c Call) (r Result, err error) {
	start := time.Now()
	defer func() {
		if t.observe != nil {
			t.observe(t.spec, time.Since(start), r, err)
		}
	}()
	if err := t.check(c.Arguments); err != nil {
		return Result{}, err
	}
	if len(c.Arguments) == 0 {
		c.Arguments = json.RawMessage("{}")
	}
	bounded, cancel := context.WithTimeout(ctx, t.spec.Timeout)
	defer cancel()
	r, err = t.call(bounded, c)
	if err != nil && ctx.Err() == nil && errors.Is(bounded.Err(), context.DeadlineExceeded) {
		err = core.E(core.Unavailable, t.spec.Name, fmt.Sprintf("took longer than %s", t.spec.Timeout)).Because(err)
	}
	r.Output = Cut(r.Output)
	return r, err
}

// call runs the tool; a panic becomes an error.
func (t *checked) call(ctx context.Context, c Call) (r Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = Result{}, core.E(core.Internal, t.spec.Name, fmt.Sprintf("panic: %v", p))
		}
	}()
	return t.tool.Call(ctx, c)
}

func (t *checked) check(arguments json.RawMessage) error {
	if len(arguments) == 0 {
		arguments = json.RawMessage("{}")
	}
	var v map[string]any
	err := json.Unmarshal(arguments, &v)
	if err == nil && v == nil {
		err = errors.New("not an object")
	}
	if err == nil {
		err = t.schema.Validate(v)
	}
	if err != nil {
		return core.E(core.Invalid, t.spec.Name, "the arguments don't fit the schema").Because(err)
	}
	return nil
}

const cutNote = "\n[… cut here: the output is longer]"

// Cut returns s, cut to MaxOutput bytes at a rune's border with a note that
// says so, and as valid UTF-8.
func Cut(s string) string {
	if len(s) > MaxOutput {
		n := MaxOutput - len(cutNote)
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n] + cutNote
	}
	return strings.ToValidUTF8(s, "?") // not longer than the bytes it replaces
}
