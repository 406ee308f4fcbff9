package agent

import (
	"slices"

	"github.com/isekai-run/isekai/internal/core"
)

const (
	// maxRepeats is how often the same call may give the same result, with nothing changed in
	// between, before it isn't made any more.
	maxRepeats = 3
	// maxLoops is how many calls of an attempt may be stopped for that. Then it has failed.
	maxLoops = 3
)

const loopFeedback = "It made the same calls again and again, and their results were the same. Go another way"

// looping settles a call that the model has made before in this attempt, as often as it may, with
// the same result each time and nothing changed since: it would be the same again.
func (s State) looping(c core.CallContent) *core.ToolSettled {
	if s.repeats(c) < maxRepeats {
		return nil
	}
	return &core.ToolSettled{Call: c.ID, Failed: true, Looped: true, Output: core.Content{
		Text: "This very call was made 3 times, its result was the same each time, and nothing has changed since; it isn't made again. Use what it said, or do something else.",
	}}
}

// repeats is how often the last calls that were the same as c had the same result, up to one that
// changed the workspace.
func (s State) repeats(c core.CallContent) (n int) {
	var last *core.ToolSettled
	for _, t := range slices.Backward(s.Turns) {
		for i, r := range slices.Backward(t.Results) {
			same := i < len(t.Answer.Calls) && t.Answer.Calls[i].Tool == c.Tool && t.Answer.Calls[i].Arguments == c.Arguments
			switch {
			case r.Looped || r.Denied:
			case !same && r.Tree != "":
				return n
			case !same:
			case last != nil && (r.Output != last.Output || r.Failed != last.Failed || r.Tree != ""):
				return n
			default:
				last = &t.Results[i]
				n++
			}
		}
	}
	return n
}

// loops is how many calls of the attempt were stopped.
func (s State) loops() (n int) {
	for _, t := range s.Turns {
		for _, r := range t.Results {
			if r.Looped {
				n++
			}
		}
	}
	return n
}
