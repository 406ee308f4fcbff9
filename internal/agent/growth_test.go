package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/tool"
)

// A hundred calls with long results, in a task of four steps: what is stored, events and blobs,
// grows with what is new alone. Were each request kept as it was sent, the last quarter would
// take seven times the first.
func TestAHundredCallsAreStoredLinearly(t *testing.T) {
	t.Parallel()
	const steps, each = 4, 25
	var r *rig
	var n atomic.Int64
	var text atomic.Int64 // bytes of results
	var marks [steps + 1]stored
	long := newFn("long", core.Pure, func(context.Context, tool.Call) (tool.Result, error) {
		k := int(n.Add(1))
		out := strings.Repeat(fmt.Sprintf("line of result %d\n", k), 1500)
		text.Add(int64(len(out)))
		return tool.Result{Output: out}, nil
	})
	r = newRig(t, func(q model.Request) (model.Answer, error) {
		switch q.Purpose {
		case model.Plan:
			return model.Answer{Text: `{"title":"T","steps":[{"title":"1"},{"title":"2"},{"title":"3"},{"title":"4"}]}`}, nil
		case model.Judge: // a step is over, and all of it is stored
			k := n.Load()
			marks[k/each] = r.stored()
			return model.Answer{Text: `{"verdict":"SUCCESS","reason":"read"}`}, nil
		}
		turns := 0
		for _, m := range q.Messages {
			if m.Role == model.Assistant {
				turns++
			}
		}
		if turns == each {
			return model.Answer{Text: "read"}, nil
		}
		return model.Answer{Calls: []core.Call{{ID: "1", Tool: "long", Arguments: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n.Load()))}}}, nil
	}, long)
	defer r.worker("w1", nil)()
	st, err := r.tasks.Create(t.Context(), scope, agent.NewTask{Kind: core.KindTask, Prompt: "do it", Model: "m", Limits: core.Limits{Calls: 1000, Tokens: 100_000_000}})
	if err != nil {
		t.Fatal(err)
	}
	if st = r.wait(st.Task, "over", over); st.Status != core.StatusSucceeded || n.Load() != steps*each {
		t.Fatalf("%s after %d calls: %+v", st.Status, n.Load(), st.Finished.Error)
	}
	for i := 1; i <= steps; i++ {
		t.Logf("%3d calls: %4d events of %6d bytes, %4d blobs of %8d bytes", i*each, marks[i].events, marks[i].data, marks[i].blobs, marks[i].kept)
		first, grew := marks[1].bytes(), marks[i].bytes()-marks[i-1].bytes()
		if grew <= 0 || grew > first*5/4 {
			t.Errorf("calls %d to %d take %d bytes, the first %d took %d", (i-1)*each+1, i*each, grew, each, first)
		}
	}
	if all := marks[steps].bytes(); all > int(text.Load())*5/4 {
		t.Errorf("%d bytes of results take %d", text.Load(), all)
	}
}

// stored is what an installation has stored.
type stored struct{ events, data, blobs, kept int }

func (s stored) bytes() int { return s.data + s.kept }

func (r *rig) stored() (s stored) {
	for after := int64(0); ; {
		events, err := r.store.ReadOrg(context.Background(), scope.Org, after, 1000)
		if err != nil {
			r.t.Error(err)
			return s
		}
		for _, e := range events {
			s.events, s.data, after = s.events+1, s.data+len(e.Data), e.Position
		}
		if len(events) == 0 {
			break
		}
	}
	err := filepath.WalkDir(filepath.Join(r.dir, "blobs"), func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			s.blobs, s.kept = s.blobs+1, s.kept+int(info.Size())
		}
		return err
	})
	if err != nil {
		r.t.Error(err)
	}
	return s
}
