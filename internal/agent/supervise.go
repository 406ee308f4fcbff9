package agent

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// needsJudge reports whether a model's judgement is wanted: where there is a
// model, where nothing was observed that settles it, and once an attempt.
func needsJudge(s State) bool {
	if s.Created.Kind != core.KindTask || s.Model == Blueprint || s.Judgment != nil || s.Plan.Steps[s.Step].Check != nil {
		return false
	}
	bad := firstBad(observed(s))
	return bad == nil || s.arguable(bad)
}

// arguable reports whether a model's judgement may outweigh what is bad: a call of its own
// that failed, when the step was tried as often as it may be. The failure may be the very
// answer that was asked for.
func (s State) arguable(bad *core.Evidence) bool {
	return bad.Kind == failedCall && s.Tried+1 >= s.Limits.Attempts
}

// supervise ends the attempt with a verdict: by what was observed (test
// results, exit codes, the app's answers), then by a model's judgement.
func supervise(s State) Effect {
	step := s.Plan.Steps[s.Step]
	v := core.VerdictGiven{Step: s.Step, Attempt: s.Attempt, Evidence: observed(s)}
	j, judged := s.judgment()
	if bad := firstBad(v.Evidence); bad != nil && !(judged && s.arguable(bad)) {
		if v.Reason = bad.Text; v.Reason == "" {
			v.Reason = "a call failed"
		}
		v.Feedback = v.Reason
		if bad.Detail != "" {
			v.Feedback += "\n" + bad.Detail
		}
		return record(s.reject(v, step.Call != nil))
	}
	if s.loops() >= maxLoops {
		v.Reason, v.Feedback = "the step went in circles", loopFeedback
		return record(s.reject(v, false))
	}
	if len(s.Turns) >= maxTurns && len(s.Queue) == 0 && len(s.Turns[len(s.Turns)-1].Answer.Calls) > 0 {
		v.Reason = fmt.Sprintf("the step wasn't done after %d turns", maxTurns)
		v.Feedback = v.Reason + "; work in fewer, larger moves"
		return record(s.reject(v, false))
	}
	if judged {
		return record(s.byModel(v, j))
	}
	v.Verdict, v.Reason = core.Success, "done"
	if n := len(v.Evidence); n > 0 {
		v.Reason = v.Evidence[n-1].Text
	}
	if s.Judgment != nil && s.Judgment.Error != nil {
		v.Reason += "; no model judged it: " + s.Judgment.Error.Msg
	}
	return record(v)
}

// failedCall is the kind of evidence that the last of the model's own calls failed.
const failedCall = "failed call"

// observed lists the attempt's evidence, oldest first. Of the model's own
// commands only the last one's exit code counts, and of a plain task's other calls that the
// last one was to look at something and failed: it may try things, but what it says then
// rests on nothing that was seen. A call that changes things doesn't count so, as another
// attempt might change them twice.
func observed(s State) []core.Evidence {
	var out []core.Evidence
	var exit *core.Evidence
	failed, done := 0, 0
	for _, t := range s.Turns {
		for _, r := range t.Results {
			if r.Failed || r.Error != nil {
				failed++
			} else {
				done++
			}
			if r.Evidence != nil {
				exit = r.Evidence
			}
		}
	}
	if s.Created.Kind == core.KindApp && s.Plan.Steps[s.Step].Call == nil {
		out = append(out, core.Evidence{Kind: "call", OK: done > 0 || failed == 0, Text: fmt.Sprintf("%d calls done, %d failed", done, failed)})
	}
	if exit != nil && s.Outcome == nil && s.Created.Kind != core.KindChat { // where it is for the answer to say
		out = append(out, *exit)
	}
	if s.Unseen != nil && s.Outcome == nil && s.Created.Kind == core.KindTask {
		out = append(out, whyFailed(*s.Unseen))
	}
	if o := s.Outcome; o != nil {
		out = append(out, outcomeEvidence(*o))
	}
	return out
}

// whyFailed is the evidence of a call that failed.
func whyFailed(r core.ToolSettled) core.Evidence {
	e := core.Evidence{Kind: failedCall, Text: "the last call failed: " + firstLine(r.Output.Text)}
	if r.Error != nil {
		e.Text, e.Detail = "the last call failed: "+core.Clip(r.Error.Msg, 200), r.Error.Hint
	}
	return e
}

// outcomeEvidence is what the step's own call or check showed.
func outcomeEvidence(o core.ToolSettled) core.Evidence {
	switch {
	case o.Error != nil:
		return core.Evidence{Kind: "call", Text: o.Error.Msg, Detail: o.Error.Hint}
	case o.Evidence != nil:
		e := *o.Evidence
		e.OK = e.OK && !o.Failed
		return e
	}
	return core.Evidence{Kind: "call", OK: !o.Failed, Text: firstLine(o.Output.Text)}
}

func firstBad(evidence []core.Evidence) *core.Evidence {
	for i := range evidence {
		if !evidence[i].OK {
			return &evidence[i]
		}
	}
	return nil
}

// reject chooses between another attempt, another plan and giving up. A fixed
// call isn't tried again as it is: what it failed on has to change first.
func (s State) reject(v core.VerdictGiven, fixed bool) core.VerdictGiven {
	switch {
	case s.Created.Kind == core.KindChat: // the person sees it, and says how to go on
		v.Verdict = core.Abort
		if v.Error = (&core.Failure{Code: core.Unavailable, Msg: v.Reason, Hint: core.Clip(v.Feedback, core.MaxInline)}); s.Outcome != nil && s.Outcome.Error != nil {
			v.Error = s.Outcome.Error
		}
	case s.Outcome != nil && s.Outcome.Denied: // another plan isn't to get around that
		v.Verdict = core.Abort
		v.Error = &core.Failure{Code: core.Denied, Msg: v.Reason}
	case s.Outcome != nil && s.Outcome.Error != nil && s.Outcome.Error.Code == core.Conflict:
		v.Verdict = core.Abort
		v.Error = s.Outcome.Error
	case !fixed && s.Tried+1 < s.Limits.Attempts && s.Model != Blueprint:
		v.Verdict = core.Retry
	case s.Plans < s.Limits.Plans && s.Model != Blueprint:
		v.Verdict = core.Replan
	default:
		v.Verdict = core.Abort
		if s.Outcome != nil {
			v.Error = s.Outcome.Error
		}
		if v.Error == nil {
			v.Error = &core.Failure{Code: core.Unavailable, Msg: v.Reason, Hint: core.Clip(v.Feedback, core.MaxInline)}
		}
	}
	if v.Verdict == core.Replan && v.Feedback == "" {
		v.Feedback = v.Reason + " (no more is known)"
	}
	return v
}

// judgment is a model's answer to purposeJudge.
type judgment struct {
	Verdict  core.Verdict `json:"verdict"`
	Reason   string       `json:"reason"`
	Feedback string       `json:"feedback"`
}

// judgment is the model's, if there is one that can be read.
func (s State) judgment() (j judgment, ok bool) {
	if s.Judgment == nil || s.Judgment.Error != nil {
		return j, false
	}
	return readJudgment(s.Judgment.Text.Text)
}

func readJudgment(text string) (judgment, bool) {
	var j judgment
	i, k := strings.IndexByte(text, '{'), strings.LastIndexByte(text, '}')
	if i < 0 || k < i || json.Unmarshal([]byte(text[i:k+1]), &j) != nil {
		return j, false
	}
	switch j.Verdict {
	case core.Success, core.Retry, core.Replan, core.Abort:
		return j, true
	}
	return j, false
}

// byModel turns a model's judgement into a verdict within the limits.
func (s State) byModel(v core.VerdictGiven, j judgment) core.VerdictGiven {
	v.Reason, v.Feedback = core.Clip(j.Reason, 500), core.Clip(j.Feedback, core.MaxInline)
	if v.Reason == "" {
		v.Reason = "the supervisor says " + string(j.Verdict)
	}
	v.Evidence = append(v.Evidence, core.Evidence{Kind: "model", OK: j.Verdict == core.Success, Text: v.Reason})
	if v.Feedback == "" {
		v.Feedback = v.Reason
	}
	switch {
	case j.Verdict == core.Success:
		v.Verdict, v.Feedback = core.Success, ""
	case j.Verdict == core.Abort:
		v.Verdict = core.Abort
		v.Error = &core.Failure{Code: core.Unavailable, Msg: v.Reason}
	case j.Verdict == core.Replan && s.Plans < s.Limits.Plans:
		v.Verdict = core.Replan
	default:
		v = s.reject(v, false)
	}
	return v
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return core.Clip(line, 200)
}
