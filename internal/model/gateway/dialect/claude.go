package dialect

import (
	"strconv"
	"strings"
)

// DefaultMaxTokens is what a request of Messages says as its max_tokens when the request that it
// was translated from doesn't say any: 32,000 for Claude 4 and later, which all of those models
// can write, 4,096 for the ones before, and 8,192 for a model whose name isn't of Claude, which
// servers of open models that speak Messages mostly can.
func DefaultMaxTokens(model string) int {
	switch v, ok := claude(model); {
	case !ok:
		return 8192
	case v < 400:
		return 4096
	}
	return 32_000
}

// adapts reports whether a model's thinking is steered by an effort and not by a budget: so it
// is since Claude 4.6, and the ones since 4.7 refuse a budget.
func adapts(model string) bool {
	v, ok := claude(model)
	return ok && v >= 406
}

// claude returns the version of a model by its name, 100 times the major one plus the minor
// one, and whether it is one of Claude. A name without a version is taken for a recent one:
// claude-sonnet-4-5-20250929 is 405, anthropic/claude-opus-4.6 is 406, claude-3-haiku is 300.
func claude(model string) (version int, ok bool) {
	i := strings.LastIndex(model, "claude")
	if i < 0 {
		return 0, false
	}
	parts := strings.FieldsFunc(model[i:], func(r rune) bool { return strings.ContainsRune("-.@:/_", r) })
	var found []int
	for _, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || len(p) > 2 { // a date isn't a version
			if len(found) > 0 {
				break
			}
			continue
		}
		if found = append(found, n); len(found) == 2 {
			break
		}
	}
	switch len(found) {
	case 0:
		return 1 << 20, true
	case 1:
		return found[0] * 100, true
	}
	return found[0]*100 + found[1], true
}

// think says how hard the model is to think.
//
// A model that adapts gets the effort as it is (minimal is low there) and thinks as it needs. One
// that doesn't gets a budget of tokens: minimal 1,024, low 2,048, medium 8,192, high 16,384, more
// 32,768, but at most half of max_tokens, so that something is left for the answer; where that
// is less than 1,024, the least there is, or where Anthropic takes no budget (unbudget), it
// doesn't think. Thinking counts as output in both APIs, so max_tokens stays what it is.
func (m *msgRequest) think(effort string) error {
	budget, ok := budgets()[effort]
	switch {
	case effort == "":
		return nil
	case effort == "none":
		m.Thinking = &msgThinking{Type: "disabled"}
		return nil
	case !ok:
		return wrong("reasoning_effort", "isn't one of none, minimal, low, medium, high, xhigh and max")
	case adapts(m.Model):
		if effort == "minimal" {
			effort = "low"
		}
		if m.OutputConfig == nil {
			m.OutputConfig = &msgOutputConfig{}
		}
		m.OutputConfig.Effort = effort
		m.Thinking = &msgThinking{Type: "adaptive"}
		return nil
	}
	if budget = min(budget, *m.MaxTokens/2); budget >= leastBudget {
		m.Thinking = &msgThinking{Type: "enabled", BudgetTokens: budget}
	}
	return nil
}

// unbudget has the model not think by a budget where Anthropic takes none: with a call that it has
// to make, and within a turn that began without thinking.
func (m *msgRequest) unbudget() {
	if m.Thinking != nil && m.Thinking.Type == "enabled" {
		m.Thinking = nil
	}
}

// unsample leaves out what Anthropic refuses of a model that is to think: a temperature, and a top_p
// that isn't from 0.95 to 1.
func (m *msgRequest) unsample() {
	if m.Thinking == nil || m.Thinking.Type == "disabled" {
		return
	}
	m.Temperature = nil
	if m.TopP != nil && *m.TopP < leastTopP {
		m.TopP = nil
	}
}

// leastTopP is the smallest top_p that Anthropic takes of a model that is to think.
const leastTopP = 0.95

// leastBudget is the smallest budget for thinking that Anthropic takes.
const leastBudget = 1024

// budgets returns the tokens that an effort may cost.
func budgets() map[string]int {
	return map[string]int{"minimal": leastBudget, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 32_768, "max": 32_768}
}

// effortOf returns the effort that a request's thinking means, or "" for the model's own choice.
// A budget is the least effort that has it, from low to high: not every model knows the others.
// Thinking that is off says nothing either, as no effort means that for every model.
func (m *msgRequest) effortOf() string {
	if m.OutputConfig != nil && m.OutputConfig.Effort != "" {
		return m.OutputConfig.Effort
	}
	if m.Thinking == nil || m.Thinking.Type != "enabled" {
		return ""
	}
	for _, effort := range []string{"low", "medium"} {
		if m.Thinking.BudgetTokens <= budgets()[effort] {
			return effort
		}
	}
	return "high"
}
