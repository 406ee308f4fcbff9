package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// strict is a Cleaner that lets nothing go with a word in it; of a flow, no part.
type strict struct{ told int }

const never = "never-say-this"

var errNever = core.E(core.Denied, "redact", "there is a secret in it: canary")

func (s *strict) JSON(raw []byte) ([]byte, error) {
	if strings.Contains(string(raw), never) {
		return nil, errNever
	}
	return raw, nil
}
func (s *strict) Flow() gateway.Flow   { return s }
func (s *strict) Done(context.Context) { s.told++ }
func (s *strict) End() (string, error) { return "", nil }
func (s *strict) Push(part string) (string, error) {
	if strings.Contains(part, never) {
		return "", errNever
	}
	return part, nil
}

// An answer that the policy refuses is the caller's error, or ends its stream with one, in
// its dialect; it is charged, and the provider isn't at fault. An agent's isn't looked at.
func TestARefusedAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		op   dialect.Operation
		body string
		want string // in what the stream ends with
	}{
		"chat":     {dialect.OpChat, streamed, `data: {"error":{`},
		"messages": {dialect.OpMessages, `{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`, "event: error\ndata: {\"type\":\"error\""},
		"response": {dialect.OpResponses, `{"model":"m","stream":true,"input":"hi"}`, "event: error\n"},
		"whole":    {dialect.OpChat, plain, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s strict
			r := newRig(t, func(cfg *gateway.Config) {
				cfg.Answers = func(_ context.Context, _ core.Scope, task core.TaskID) (gateway.Cleaner, error) {
					if task != "" {
						return nil, nil
					}
					return &s, nil
				}
			})
			u := newUpstream(t, func(_ int64, w http.ResponseWriter, _ *http.Request, _ []byte) {
				if c.want == "" {
					w.Header().Set("Content-Type", "application/json")
					_, _ = io.WriteString(w, strings.Replace(whole, "Hello.", never, 1))
					return
				}
				w.Header().Set("Content-Type", "text/event-stream")
				writeChunk(w, "fine so far ")
				writeChunk(w, never)
				writeChunk(w, "afterwards")
				_, _ = io.WriteString(w, "data: [DONE]\n\n")
			})
			r.provider("p", u.URL)
			call := r.call(c.body)
			call.Op = c.op
			a, err := r.Do(r.ctx, call)
			if c.want == "" {
				if core.CodeOf(err) != core.Denied {
					t.Errorf("it ends with %v", err)
				}
			} else if err != nil {
				t.Fatal(err)
			} else {
				said, err := all(r.ctx, a)
				a.Close()
				if err != nil || strings.Contains(said, never) || strings.Contains(said, "afterwards") || !strings.Contains(said, "fine so far") || !strings.Contains(said, c.want) || !strings.Contains(said, "canary") {
					t.Errorf("%v; the caller got\n%s", err, said)
				}
			}
			if s.told != 1 {
				t.Errorf("its end was told %d times", s.told)
			}
			call.Task = "tsk_a"
			if a, err = r.Do(r.ctx, call); err != nil {
				t.Fatal(err)
			}
			if said, err := all(r.ctx, a); err != nil && !errors.Is(err, io.EOF) || !strings.Contains(said, never) {
				t.Errorf("the agent got %v\n%s", err, said)
			}
			a.Close()
			if calls := r.metered(); len(calls) != 1 || calls[0].Status != "failed" || calls[0].Cost == 0 {
				t.Errorf("metered: %+v", calls)
			}
		})
	}
}
