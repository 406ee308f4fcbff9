package agent_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/tool"
)

// The worker is lost within a call that mustn't be made twice, and a person says what became of it.
// What it has left in the workspace is there for all that comes after it, and nothing else is lost.
func TestTheFilesOfALostCall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer core.Answer
		bare   bool   // the call has no workspace
		moved  bool   // the worker that is lost isn't at the node where the task began, and is again
		want   string // what is in the files afterwards
	}{
		{"it took effect", core.AnswerDone, false, false, "alpha,beta,gamma"},
		{"it didn't", core.AnswerFailed, false, false, "alpha,beta,gamma"},
		{"without a workspace", core.AnswerDone, true, false, "alpha,beta,"},
		{"at another node", core.AnswerDone, false, true, "alpha,beta,"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			stops, seen := make(chan struct{}), make(chan string, 2)
			lost := func(ctx context.Context) (tool.Result, error) {
				stops <- struct{}{}
				<-ctx.Done()
				return tool.Result{}, ctx.Err()
			}
			act := newFn("act", core.Once, func(ctx context.Context, call tool.Call) (tool.Result, error) {
				if !c.bare {
					if err := writeFile(call, "c.txt", "gamma"); err != nil {
						return tool.Result{}, err
					}
				}
				return lost(ctx)
			})
			act.spec.Bare = c.bare
			again := !c.moved
			pause := newFn("pause", core.Idempotent, func(ctx context.Context, _ tool.Call) (tool.Result, error) {
				if !again {
					again = true
					return lost(ctx)
				}
				return tool.Result{Output: "ok"}, nil
			})
			look := newFn("look", core.Pure, func(_ context.Context, c tool.Call) (tool.Result, error) {
				var all []string
				for _, name := range []string{"a.txt", "b.txt", "c.txt"} {
					b, _ := os.ReadFile(filepath.Join(c.Workspace.Dir, name)) // it may not be there
					all = append(all, string(b))
				}
				seen <- strings.Join(all, ",")
				return tool.Result{Output: "ok"}, nil
			})
			calls := []model.Answer{
				call("write", `{"path":"a.txt","text":"alpha"}`), call("pause", `{}`), call(agent.Delegate, `{"prompt":"the part"}`), call("act", `{}`),
				call("look", `{}`), call(agent.Delegate, `{"prompt":"a look"}`), say("done"),
			}
			once := func(a model.Answer) func(int, string) (model.Answer, error) {
				return func(turn int, _ string) (model.Answer, error) { return []model.Answer{a, say("done")}[turn], nil }
			}
			r := newRig(t, family(func(turn int, _ string) model.Answer { return calls[turn] }, map[string]func(int, string) (model.Answer, error){
				"the part": once(call("write", `{"path":"b.txt","text":"beta"}`)), "a look": once(call("look", `{}`)),
			}), append(platformTools(&effects{}), act, pause, look)...)
			defer r.carry()()
			stop := r.worker("w1", nil)
			id := r.create(core.KindTask, "m")
			<-stops
			stop()
			if c.moved {
				r.node = "elsewhere"
				stop = r.worker("w2", nil)
				<-stops
				stop()
				r.node = ""
			}
			defer r.worker("w3", nil)()
			r.wait(id, "waiting", waiting)
			if _, err := r.tasks.Resume(t.Context(), scope, id, agent.Reply{Answer: c.answer}); err != nil {
				t.Fatal(err)
			}
			st := r.wait(id, "over", over)
			if st.Status != core.StatusSucceeded {
				t.Fatalf("%s: %+v", st.Status, st.Finished)
			}
			for _, who := range []string{"the task", "its sub-task"} {
				if got := <-seen; got != c.want {
					t.Errorf("%s sees %q, want %q", who, got, c.want)
				}
			}
		})
	}
}
