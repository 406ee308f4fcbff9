package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// ending is what must be the same however often a task was interrupted.
type ending struct {
	Status  core.TaskStatus
	Version int
	Tests   core.TestReport
	Calls   []string // what was called and settled, in order
	Apps    int
	Files   int
}

// finish starts the server again, answers what it asks, and returns the end of
// the only task.
func finish(t *testing.T, dir string, env []string, answer func() core.Answer) ending {
	t.Helper()
	s := serve(t, dir, env)
	defer s.stop(t)
	ctx := t.Context()
	tasks, err := s.Tasks(ctx, client.ListOptions{})
	if err != nil || len(tasks.Items) > 1 {
		t.Fatalf("%d tasks: %v", len(tasks.Items), err)
	}
	if len(tasks.Items) == 0 {
		return ending{} // the crash came before the acceptance
	}
	id := tasks.Items[0].ID
	for deadline := time.Now().Add(time.Minute); ; {
		d, err := s.Task(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if d.Status == core.StatusWaiting {
			if _, err := s.ResumeTask(ctx, id, client.Reply{As: answer()}); err != nil {
				t.Fatal(err)
			}
		}
		if d.Status.Terminal() {
			return s.ending(t, d)
		}
		if time.Now().After(deadline) {
			t.Fatalf("the task is stuck: %+v", d)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *server) ending(t *testing.T, d client.TaskDetail) ending {
	t.Helper()
	e := ending{Status: d.Status, Version: d.Version, Tests: d.Tests}
	requested, settled := map[core.CallID]string{}, map[core.CallID]int{}
	for ev, err := range s.TaskEvents(t.Context(), d.ID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		p, err := ev.Payload()
		if err != nil {
			t.Fatal(err)
		}
		switch p := p.(type) {
		case core.ToolRequested:
			requested[p.Call.ID] = p.Call.Tool
		case core.ToolSettled:
			settled[p.Call]++
			if settled[p.Call] == 1 {
				e.Calls = append(e.Calls, requested[p.Call])
			}
		}
	}
	for id, n := range settled {
		if n != 1 {
			t.Errorf("%s (%s) was settled %d times", id, requested[id], n)
		}
	}
	if len(requested) != len(settled) {
		t.Errorf("%d calls were requested, %d settled", len(requested), len(settled))
	}
	apps, err := s.Apps(t.Context(), client.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.Apps = len(apps.Items)
	if e.Apps == 1 {
		a := apps.Items[0]
		files, err := s.Files(t.Context(), a.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		e.Files = len(files)
		if a.Versions != 1 {
			t.Errorf("%d versions", a.Versions)
		}
	}
	return e
}

// crashes runs the same command again and again, killed at one append after the
// other, before and after it took place, and compares the ends after a restart
// with that of a run that wasn't interrupted. Of the appends it takes one in every.
func crashes(t *testing.T, atLeast, every int, one func(t *testing.T, at int, when string) (killed bool, e ending)) {
	_, want := one(t, 0, "after")
	if want.Status != core.StatusSucceeded {
		t.Fatalf("without a crash: %+v", want)
	}
	for i, when := range []string{"before", "after"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			last := 0
			t.Run("append", func(t *testing.T) {
				for at := 1 + i*(every/2); ; at += every {
					killed, got := one(t, at, when)
					if !killed {
						mu.Lock()
						last = at - every
						mu.Unlock()
						break
					}
					if got.Status == "" && at <= 1 {
						continue // killed before the task was accepted
					}
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Fatalf("killed %s append %d:\n got %+v\nwant %+v", when, at, got, want)
					}
				}
			})
			t.Logf("killed %s appends up to the %dth, one in %d", when, last, every)
			if last < atLeast && !t.Failed() {
				t.Errorf("only %d appends: the test looks at the wrong place", last)
			}
		})
	}
}

func TestKilledAtEveryEventOfAnAppBuild(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes minutes")
	}
	crashes(t, 20, scale(4, 1), func(t *testing.T, at int, when string) (bool, ending) {
		dir := t.TempDir()
		env := cleanEnv()
		r := program(t, "crash", cleanEnv("CRASH_AT="+strconv.Itoa(at), "CRASH_WHEN="+when), "run", "--exit", "--json", "--data-dir", dir, "two player tic tac toe")
		if at == 0 && r.code != 0 {
			t.Fatalf("%d: %s%s", r.code, r.out, r.err)
		}
		return r.killed, finish(t, dir, env, func() core.Answer {
			t.Error("an app build asked a person")
			return core.AnswerFailed
		})
	})
}

// appender scripts a model that appends a line to a file by a command, once, and
// writes a file; the commands' traces tell how often they really ran.
func appender(_ int, r modeltest.Request) modeltest.Answer {
	last := r.Messages[len(r.Messages)-1]
	turns := 0
	for _, m := range r.Messages {
		if len(m.Calls) > 0 {
			turns++
		}
	}
	switch {
	case strings.Contains(string(r.Schema), "verdict"):
		return modeltest.Answer{Text: `{"verdict":"SUCCESS","reason":"done","feedback":""}`}
	case r.Schema != nil:
		return modeltest.Answer{Text: `{"title":"Append","summary":"s","steps":[{"title":"Append a line","goal":"g"}],"notes":[]}`}
	case turns == 0 || strings.Contains(last.Text, "taken as not done"):
		return modeltest.Answer{Calls: []modeltest.Call{{ID: "a", Name: "run_command", Arguments: `{"argv":["python3","-c","open('log.txt','a').write('x\\n')"]}`}}}
	case turns == 1 || !slices.ContainsFunc(r.Messages, wrote):
		return modeltest.Answer{Calls: []modeltest.Call{{ID: "b", Name: "write_file", Arguments: `{"path":"done.txt","content":"done"}`}}}
	}
	return modeltest.Answer{Text: "One line was appended."}
}

func TestKilledAtEveryEventOfAToolTask(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes minutes")
	}
	up := modeltest.NewServer(appender)
	t.Cleanup(up.Close)
	crashes(t, 5, 1, func(t *testing.T, at int, when string) (bool, ending) {
		dir, ws := t.TempDir(), t.TempDir()
		env := cleanEnv("OPENAI_BASE_URL="+up.BaseURL(), "OPENAI_API_KEY=k")
		r := program(t, "crash", append(env, "CRASH_AT="+strconv.Itoa(at), "CRASH_WHEN="+when),
			"task", "run", "--json", "--data-dir", dir, "--workspace", ws, "append one line to log.txt")
		if at == 0 && r.code != 0 {
			t.Fatalf("%d: %s%s", r.code, r.out, r.err)
		}
		ran := func() int {
			b, err := os.ReadFile(filepath.Join(ws, "log.txt"))
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			return strings.Count(string(b), "x")
		}
		e := finish(t, dir, env, func() core.Answer {
			// The person looks, and tells.
			if ran() > 0 {
				return core.AnswerDone
			}
			return core.AnswerRepeat
		})
		if e.Status != "" && ran() != 1 {
			t.Errorf("killed %s append %d: the command ran %d times", when, at, ran())
		}
		return r.killed, e
	})
}

// wrote reports whether a message tells of the written file.
func wrote(m model.Message) bool {
	for _, c := range m.Calls {
		if c.Tool == "write_file" {
			return true
		}
	}
	return false
}
