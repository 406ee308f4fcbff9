package gateway_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// respond is a call of responses.
func (r *rig) respond(body string) gateway.Call {
	c := r.call(body)
	c.Op = dialect.OpResponses
	return c
}

// responding is a provider's server that answers responses with an id, whole or as a stream.
func responding(t *testing.T, id string) *upstream {
	t.Helper()
	return newUpstream(t, func(_ int64, w http.ResponseWriter, _ *http.Request, body []byte) {
		answer := `{"id":"` + id + `","object":"response","status":"completed","output":[],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}`
		if strings.Contains(string(body), `"stream":true`) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "event: response.created\ndata: {\"type\":\"response.created\",\"response\":"+answer+"}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":"+answer+"}\n\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	})
}

// refusedFor fails the test unless an error names the member, in a Problem too, and says what to do.
func refusedFor(t *testing.T, what string, err error, member string) {
	t.Helper()
	var p dialect.Problem
	if core.CodeOf(err) != core.Unsupported || !errors.As(err, &p) || p.Param != member || !strings.Contains(p.Message, member) || core.HintOf(err) == "" {
		t.Errorf("%s: %v, hint %q, problem %+v", what, err, core.HintOf(err), p)
	}
}

// On the installation's account nobody has what costs more than tokens, unless its operator lets
// him; an org's own is its own affair, and an embedded installation is its owner's.
func TestExtrasOnTheInstallationsAccount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ op, member, body, beta string }{
		"a tier":   {"chat", "service_tier", `"service_tier":"priority"`, ""},
		"a search": {"chat", "web_search_options", `"web_search_options":{}`, ""},
		"a tool":   {"responses", "tools", `"tools":[{"type":"web_search"}]`, ""},
		"a beta":   {"messages", "anthropic-beta", `"max_tokens":9`, "tools-2024-04-04, Context-1M-2025-08-07"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			u := newUpstream(t, answering(0))
			speaks := func(s *catalog.Spec) { s.Speaks = []dialect.Operation{dialect.Operation(c.op)} }
			r.house(u.URL, speaks)
			call := func(model string) gateway.Call {
				k := r.call(`{"model":"` + model + `",` + c.body + `}`)
				if k.Op = dialect.Operation(c.op); c.beta != "" {
					k.Header = http.Header{"Anthropic-Beta": {c.beta}}
				}
				return k
			}
			_, err := r.Do(r.ctx, call("house/m"))
			if refusedFor(t, "the installation's", err, c.member); u.calls.Load() != 0 {
				t.Error("it was asked")
			}
			free := call("house/m")
			free.Free = true
			r.provider("own", u.URL, speaks)
			for what, k := range map[string]gateway.Call{"the owner's": free, "the org's own": call("own/m")} {
				if a, err := r.Do(r.ctx, k); err != nil {
					t.Errorf("%s: %v", what, err)
				} else {
					a.Close()
				}
			}
			s := catalog.Spec{Name: "house", Kind: catalog.Compatible, Address: u.URL + "/v1", Models: []catalog.Model{{Name: "m"}}, Extras: true}
			speaks(&s)
			if _, err := r.catalog.PutProvider(r.ctx, core.Installation, s, 0); err != nil {
				t.Fatal(err)
			}
			a, err := r.Do(r.ctx, call("house/m"))
			if err != nil {
				t.Fatalf("with extras: %v", err)
			}
			a.Close()
		})
	}
}

// What the installation's account keeps is nobody's to name, whatever the operator lets be asked
// for: it may be another org's.
func TestStateOnTheInstallationsAccount(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	u := responding(t, "resp_1")
	r.house(u.URL, func(s *catalog.Spec) { s.Extras, s.Speaks = true, []dialect.Operation{dialect.OpResponses} })
	for member, body := range map[string]string{
		"conversation":     `"input":"hi","conversation":"conv_1"`,
		"prompt":           `"prompt":{"id":"pmpt_1"}`,
		"file_id":          `"input":[{"role":"user","content":[{"type":"input_file","file_id":"file-1"}]}]`,
		"vector_store_ids": `"input":"hi","tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]`,
		"input":            `"input":[{"id":"msg_1"}]`,
	} {
		_, err := r.Do(r.ctx, r.respond(`{"model":"m",`+body+`}`))
		refusedFor(t, body, err, member)
	}
	if u.calls.Load() != 0 {
		t.Error("it was asked")
	}
}

// A response can be gone on from by who asked for it to be kept, and was given it by the same
// provider: by nobody else, and not because another provider says that it gave it.
func TestWhoGoesOnFromAResponse(t *testing.T) {
	t.Parallel()
	for name, stream := range map[string]string{"whole": "", "streamed": `,"stream":true`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			u := responding(t, "resp_theirs")
			speaks := func(s *catalog.Spec) { s.Speaks = []dialect.Operation{dialect.OpResponses} }
			r.house(u.URL, speaks)
			ask := func(k gateway.Call) error {
				a, err := r.Do(r.ctx, k)
				if err != nil {
					return err
				}
				defer a.Close()
				_, err = all(r.ctx, a)
				return err
			}
			keep := `{"model":"house/m","input":"hi","store":true` + stream + `}`
			next := `{"model":"house/m","input":"and?","previous_response_id":"resp_theirs"}`
			refusedFor(t, "what nobody was given", ask(r.respond(next)), "previous_response_id")

			r.provider("own", responding(t, "resp_theirs").URL, speaks) // which says what its org wants it to
			if err := ask(r.respond(strings.Replace(keep, "house", "own", 1))); err != nil {
				t.Fatal(err)
			}
			refusedFor(t, "what another provider gave", ask(r.respond(next)), "previous_response_id")

			other := r.respond(keep)
			other.Scope.Actor.ID = "key_other"
			if err := ask(other); err != nil {
				t.Fatal(err)
			}
			refusedFor(t, "what another key was given", ask(r.respond(next)), "previous_response_id")
			other.Body = []byte(next)
			if err := ask(other); err != nil {
				t.Errorf("who was given it: %v", err)
			}
			stranger := r.of("org_other", next)
			stranger.Op, stranger.Free, stranger.Scope.Actor = dialect.OpResponses, false, other.Scope.Actor
			if _, err := r.books.Grant(r.ctx, "org_other", grant()); err != nil {
				t.Fatal(err)
			}
			refusedFor(t, "the same key in another org", ask(stranger), "previous_response_id")
		})
	}
}

// A route goes on to a provider that is asked for it.
func TestExtrasGoToWhoIsAskedForThem(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	house, own := newUpstream(t, answering(0)), newUpstream(t, answering(0))
	r.house(house.URL, func(*catalog.Spec) {})
	r.provider("own", own.URL)
	_, err := r.catalog.PutRoute(r.ctx, r.org, catalog.Route{Name: "r", Targets: []catalog.Leg{{Provider: "house", Model: "m"}, {Provider: "own", Model: "m", Tier: 1}}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, err := r.Do(r.ctx, r.call(`{"model":"r","messages":[],"service_tier":"flex"}`))
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	if house.calls.Load() != 0 || own.calls.Load() != 1 {
		t.Errorf("asked: %d and %d times", house.calls.Load(), own.calls.Load())
	}
}
