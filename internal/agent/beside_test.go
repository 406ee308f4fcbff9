package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/tool"
)

// graph scripts a task whose plan is a graph, and its sub-tasks by how their prompts begin.
func graph(plan string, work func(title string, q model.Request) model.Answer) func(model.Request) (model.Answer, error) {
	return func(q model.Request) (model.Answer, error) {
		title, _, _ := strings.Cut(q.Brief.Prompt, "\n")
		switch {
		case q.Purpose == model.Plan && title == "do it":
			return say(plan), nil
		case q.Purpose == model.Plan:
			return say(`{"title":"A part","steps":[{"title":"Do the part"}]}`), nil
		case q.Purpose == model.Judge:
			return say(`{"verdict":"SUCCESS","reason":"it is so"}`), nil
		}
		if title == "do it" {
			title = q.Brief.Step.Title
		}
		return work(title, q), nil
	}
}

// files is a tool that shows the workspace.
var files = newFn("files", core.Pure, func(_ context.Context, c tool.Call) (tool.Result, error) {
	entries, err := os.ReadDir(c.Workspace.Dir)
	var all []string
	for _, e := range entries {
		b, _ := os.ReadFile(filepath.Join(c.Workspace.Dir, e.Name()))
		all = append(all, e.Name()+"="+string(b))
	}
	return tool.Result{Output: strings.Join(all, " ")}, err
})

func writes(path, text string) model.Answer {
	args, _ := json.Marshal(map[string]string{"path": path, "text": text})
	return call("write", string(args))
}

func last(q model.Request) model.Message { return q.Messages[len(q.Messages)-1] }

// Steps that don't need each other are worked on at the same time, and what they have made is there
// for the step that needs both.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestStepsSideBySide(t *testing.T) {
	t.Parallel()
	var both sync.WaitGroup
	both.Add(2)
	r := newRig(t, graph(`{"title":"T","steps":[{"title":"First","after":[]},{"title":"Third","after":[1,3]},{"title":"Second","after":[]}]}`, func(title string, q model.Request) model.Answer {
		switch {
		case len(q.Messages) > 1 && title == "Third":
			return say("with " + last(q).Text)
		case len(q.Messages) > 1:
			return say(title + " is done")
		case title == "Third":
			return call("files", `{}`)
		}
		both.Done()
		both.Wait() // neither goes on before the other has begun
		return writes(strings.ToLower(title), title)
	}), append(platformTools(&effects{}), files)...)
	defer r.carry()()
	defer r.worker("w1", nil)()
	st := r.wait(r.create(core.KindTask, "m"), "over", over)
	if st.Status != core.StatusSucceeded || st.Finished.Answer.Text != "with first=First second=Second" || st.Subtasks != 2 {
		t.Errorf("%s with %d sub-tasks: %+v", st.Status, st.Subtasks, st.Finished)
	}
	if want := []string{"First", "Second", "Third"}; !slices.Equal(st.Done, want) {
		t.Errorf("done are %q", st.Done)
	}
	for _, f := range must(agent.Replay(must(r.store.ReadStream(t.Context(), scope.Org, st.Task.Stream(), 0, 500))(t)))(t) {
		if f.Diverges != "" {
			t.Errorf("%d %s: %s", f.Version, f.Type, f.Diverges)
		}
	}
}

// Of steps that change the same file the first counts; the other one is tried again by itself, and
// told so. One that fails is tried again, too; what succeeded isn't.
func TestStepsInEachOthersWay(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	tries := map[string]int{}
	var feedback []string
	r := newRig(t, graph(`{"title":"T","steps":[{"title":"First","after":[]},{"title":"Second","after":[]},{"title":"Third","after":[]}]}`, func(title string, q model.Request) model.Answer {
		if len(q.Messages) > 1 {
			return say(title + " is done")
		}
		mu.Lock()
		defer mu.Unlock()
		if tries[title]++; q.Brief.Feedback != "" {
			feedback = append(feedback, q.Brief.Feedback)
		}
		if title == "Third" && tries[title] == 1 {
			return model.Answer{} // with the refusal below
		}
		if title == "Third" {
			return writes("third", "3")
		}
		return writes("same", fmt.Sprint(title, tries[title]))
	}), platformTools(&effects{})...)
	was := r.model
	r.model = func(q model.Request) (model.Answer, error) {
		a, err := was(q)
		if err == nil && a.Text == "" && a.Calls == nil {
			err = core.E(core.Invalid, "model", "it won't")
		}
		return a, err
	}
	defer r.carry()()
	defer r.worker("w1", nil)()
	st := r.wait(r.create(core.KindTask, "m"), "over", over)
	if st.Status != core.StatusSucceeded || tries["First"] != 1 || tries["Second"] != 2 || tries["Third"] != 2 || len(st.Done) != 3 {
		t.Fatalf("%s after %v: %+v; %q", st.Status, tries, st.Finished, st.Done)
	}
	if len(feedback) != 2 || !strings.Contains(feedback[0], "same files at the same time: same") || !strings.Contains(feedback[1], "it won't") {
		t.Errorf("told %q", feedback)
	}
}

// A task that is canceled while its steps are worked on side by side has these canceled.
func TestStepsSideBySideAreCanceled(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 2)
	forever := newFn("forever", core.Pure, func(ctx context.Context, _ tool.Call) (tool.Result, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return tool.Result{}, ctx.Err()
	})
	r := newRig(t, graph(`{"title":"T","steps":[{"title":"First","after":[]},{"title":"Second","after":[]}]}`, func(string, model.Request) model.Answer {
		return call("forever", `{}`)
	}), forever)
	defer r.carry()()
	defer r.worker("w1", nil)()
	id := r.create(core.KindTask, "m")
	for range 2 {
		select {
		case <-begun:
		case <-time.After(time.Minute):
			t.Fatal("they aren't worked on at the same time")
		}
	}
	if _, err := r.tasks.Cancel(t.Context(), scope, id, "enough"); err != nil {
		t.Fatal(err)
	}
	st := r.wait(id, "over", over)
	if st.Status != core.StatusCanceled || len(st.Beside.Reports) != 2 {
		t.Errorf("%s: %+v", st.Status, st.Beside)
	}
	for _, rep := range st.Beside.Reports {
		if child := must(r.tasks.Get(t.Context(), scope, rep.Task))(t); child.Status != core.StatusCanceled {
			t.Errorf("%s is %s", child.Task, child.Status)
		}
	}
}
