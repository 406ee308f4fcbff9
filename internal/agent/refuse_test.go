package agent_test

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// TestARefusedRequestEndsTheTask, whatever it was for, and no other model is asked.
func TestARefusedRequestEndsTheTask(t *testing.T) {
	t.Parallel()
	for _, kind := range []core.TaskKind{core.KindApp, core.KindTask} {
		for _, purpose := range []model.Purpose{model.Plan, model.Work, model.Judge} {
			if kind == core.KindApp && purpose == model.Judge { // which an app's steps don't have
				continue
			}
			t.Run(string(kind)+" "+string(purpose), func(t *testing.T) {
				t.Parallel()
				asked := 0
				r := newRig(t, func(q model.Request) (model.Answer, error) {
					if q.Purpose == purpose {
						asked++
						return model.Answer{}, core.E(core.Denied, "redact", "there is a secret in it: canary").WithHint("take it out").Because(model.ErrRefused)
					}
					return builder(q)
				}, platformTools(&effects{})...)
				defer r.worker("w1", nil)()
				st := r.wait(r.create(kind, "m"), "over", over)
				f := st.Finished.Error
				if st.Status != core.StatusFailed || f == nil || f.Code != core.Denied || !strings.Contains(f.Msg, "canary") || f.Hint != "take it out" {
					t.Errorf("%s: %+v", st.Status, f)
				}
				if st.Model != "m" || asked != 1 {
					t.Errorf("asked %d times, at last %s", asked, st.Model)
				}
			})
		}
	}
}
