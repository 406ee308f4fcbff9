package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
)

// maxBeside bounds the steps that are worked on at the same time.
const maxBeside = 4

// Beside are steps that are worked on side by side, each by a sub-task that begins with the files
// as they are now.
type Beside struct {
	core.StepsParted
	Reports map[core.CallID]core.SubtaskFinished
	// Joined is set when all are over, and their files are one tree again.
	Joined *core.StepsJoined
}

// levels says of each step how many have to be finished one after the other before it.
func levels(steps []core.Step) []int {
	all := make([]int, len(steps))
	for i, s := range steps {
		if s.After == nil && i > 0 {
			all[i] = all[i-1] + 1
		}
		for _, k := range s.After {
			if k >= 0 && k < i {
				all[i] = max(all[i], all[k]+1)
			}
		}
	}
	return all
}

// inOrder are the steps with those first that need the fewest others, and what each needs named
// anew; a step of the model's can only need one that it named before.
func inOrder(steps []core.Step) []core.Step {
	level := levels(steps)
	order := make([]int, len(steps))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return level[a] - level[b] })
	place := make([]int, len(steps))
	for to, from := range order {
		place[from] = to
	}
	sorted := make([]core.Step, len(steps))
	for to, from := range order {
		s := steps[from]
		if s.After == nil && from > 0 {
			s.After = []int{from - 1}
		}
		after := []int{}
		for _, k := range s.After {
			if k >= 0 && k < from && !slices.Contains(after, place[k]) {
				after = append(after, place[k])
			}
		}
		slices.Sort(after)
		s.After = after
		sorted[to] = s
	}
	return sorted
}

// apart are the steps that can be worked on side by side now: those of the same level that
// nobody has tried, if there are several.
func (s State) apart() (steps []int) {
	if s.Created.Kind != core.KindTask || s.Created.Workspace != "" || s.Created.Checkout != nil || s.Model == Blueprint || s.depth() >= maxDepth {
		return nil
	}
	level := levels(s.Plan.Steps)
	for i := s.Step; i < len(s.Plan.Steps) && level[i] == level[s.Step]; i++ {
		_, tried := s.Behind[i]
		if s.Passed[i] || tried || s.Plan.Steps[i].Call != nil || s.Plan.Steps[i].Check != nil {
			continue
		}
		if steps = append(steps, i); len(steps) == maxBeside {
			break
		}
	}
	n := len(steps)
	enough := s.Subtasks+n <= maxSubtasks && s.Steps+n <= s.Limits.Steps && s.Calls+8*n <= s.Limits.Calls
	if n < 2 || !enough || s.Tried > 0 || s.charged() && (s.Held-s.Spent)/core.Credits(n) <= 0 {
		return nil
	}
	return steps
}

// part begins steps side by side.
func (s State) part(steps []int) Effect {
	p := core.StepsParted{Tree: s.Tree}
	if s.charged() {
		p.Allowance = (s.Held - s.Spent) / core.Credits(len(steps))
	}
	var all []core.Payload
	for _, i := range steps {
		p.Steps = append(p.Steps, core.PartedStep{Step: i, Call: core.CallID(fmt.Sprintf("%ss%dp%d", s.callID(s.Calls), i+1, s.Plans))})
		all = append(all, core.StepStarted{Step: i, Attempt: 1, Title: s.Plan.Steps[i].Title, Beside: true})
	}
	return record(append(all, p)...)
}

// decideBeside waits for the sub-tasks, has their files joined, and judges each step by how its
// sub-task ended. One that didn't succeed, or that changed what another one has changed, too, is
// tried again by itself, with what was wrong.
func decideBeside(s State) Effect {
	b := s.Beside
	var open []core.CallContent
	for _, p := range b.Steps {
		if _, over := b.Reports[p.Call]; !over {
			open = append(open, s.besideCall(p))
		}
	}
	switch {
	case len(open) > 0:
		return Effect{Subtasks: open}
	case b.Joined == nil:
		return Effect{Join: b}
	}
	var all []core.Payload
	for _, p := range b.Steps {
		r := b.Reports[p.Call]
		v := core.VerdictGiven{Step: p.Step, Attempt: 1, Verdict: core.Success, Reason: "its sub-task succeeded"}
		if i := slices.IndexFunc(b.Joined.Conflicts, func(c core.StepConflict) bool { return c.Step == p.Step }); i >= 0 {
			v.Verdict = core.Retry
			v.Reason = "another step changed the same files at the same time: " + core.Clip(strings.Join(b.Joined.Conflicts[i].Paths, ", "), 300)
			v.Feedback = v.Reason + ". The files are as that step left them; what this step did elsewhere is there."
		}
		if r.Status != core.StatusSucceeded {
			v.Verdict, v.Reason = core.Retry, "its sub-task "+string(r.Status)
			if r.Error != nil {
				v.Reason += ": " + core.Clip(r.Error.Msg, 500)
			}
			v.Feedback = v.Reason + ". None of its changes are there."
		}
		all = append(all, v)
	}
	return record(all...)
}

// besideCall is what a step's sub-task is asked for, as if it were delegated.
func (s State) besideCall(p core.PartedStep) core.CallContent {
	w := wish{Prompt: core.Clip(besidePrompt(s, p.Step), core.MaxPrompt)}
	args, err := json.Marshal(w)
	if err != nil { // it is texts and numbers
		args = []byte(`{}`)
	}
	return core.CallContent{ID: p.Call, Tool: Delegate, Arguments: core.Content{Text: string(args)}}
}

func besidePrompt(s State, i int) string {
	step := s.Plan.Steps[i]
	var others []string
	for _, p := range s.Beside.Steps {
		if p.Step != i {
			others = append(others, s.Plan.Steps[p.Step].Title)
		}
	}
	return fmt.Sprintf("%s\n%s\n\nThis is a part of a larger job, and all of it that is to be done here. Others work on its other parts at the same time, with files of their own, "+
		"so change only what this part needs. Theirs are: %s.\n\nThe whole job, for you to know:\n%s", step.Title, step.Goal, strings.Join(others, "; "), s.Created.Prompt)
}

// awaits reports whether a sub-task of a call is yet to report.
func (b *Beside) awaits(c core.CallID) bool {
	_, over := b.Reports[c]
	return !over && slices.ContainsFunc(b.Steps, func(p core.PartedStep) bool { return p.Call == c })
}

// with is b with a report.
func (b *Beside) with(r core.SubtaskFinished) *Beside {
	out := *b
	if out.Reports = maps.Clone(b.Reports); out.Reports == nil {
		out.Reports = map[core.CallID]core.SubtaskFinished{}
	}
	out.Reports[r.Call] = r
	return &out
}

// besideOver reports whether all that were parted have reported.
func (s State) besideOver() bool { return len(s.Beside.Reports) == len(s.Beside.Steps) }

// join makes one tree of what the steps have left, in their order, and one text of their answers.
func (d *drive) join(ctx context.Context, b Beside) error {
	out := core.StepsJoined{Tree: b.Tree}
	var said strings.Builder
	for _, p := range b.Steps {
		r := b.Reports[p.Call]
		if r.Status != core.StatusSucceeded {
			continue
		}
		tree, conflicts, err := blob.Merge(ctx, d.Blobs, d.lease.Org, b.Tree, out.Tree, r.Tree)
		if err != nil {
			return fmt.Errorf("join steps: %w", err)
		}
		if out.Tree = tree; len(conflicts) > 0 {
			out.Conflicts = append(out.Conflicts, core.StepConflict{Step: p.Step, Paths: conflicts[:min(20, len(conflicts))]})
		}
		text, err := d.text(ctx, r.Answer)
		if err != nil {
			return err
		}
		fmt.Fprintf(&said, "## %s\n\n%s\n\n", d.state.Plan.Steps[p.Step].Title, strings.TrimSpace(text))
	}
	var err error
	if out.Answer, err = d.content(ctx, strings.TrimSpace(said.String())); err != nil {
		return err
	}
	d.opened = d.opened && out.Tree == d.state.Tree
	d.note(out)
	return nil
}

// joined goes on with the one tree.
func (s State) joined(p core.StepsJoined) State {
	if s.Beside == nil {
		return s
	}
	b := *s.Beside
	b.Joined = &p
	s.Beside, s.Tree = &b, p.Tree
	if p.Answer != (core.Content{}) {
		s.Answer = p.Answer
	}
	return s
}

// judgedBeside notes how one of the steps ended; after the last one the task goes on.
func (s State) judgedBeside(v core.VerdictGiven) State {
	if v.Verdict == core.Success {
		if s.Passed = maps.Clone(s.Passed); s.Passed == nil {
			s.Passed = map[int]bool{}
		}
		s.Passed[v.Step] = true
		s.Done = append(s.Done[:len(s.Done):len(s.Done)], s.Plan.Steps[v.Step].Title)
	} else {
		if s.Behind = maps.Clone(s.Behind); s.Behind == nil {
			s.Behind = map[int]string{}
		}
		s.Behind[v.Step] = v.Feedback
	}
	if last := s.Beside.Steps[len(s.Beside.Steps)-1]; last.Step != v.Step {
		return s
	}
	s.Beside = nil
	return s.onward()
}

// onward goes to the next step that hasn't succeeded. One that was tried side by side has had an
// attempt by then, if it may have several.
func (s State) onward() State {
	for s.Passed[s.Step] {
		s.Step++
	}
	s.Tried, s.Feedback = 0, ""
	if feedback, tried := s.Behind[s.Step]; tried {
		s.Tried, s.Feedback = min(1, s.Limits.Attempts-1), feedback
	}
	return s
}
