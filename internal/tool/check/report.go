package check

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/tool"
)

// Report is how tests went.
type Report struct {
	Runner   string    `json:"runner"`
	Passed   int       `json:"passed"`
	Failed   int       `json:"failed"`
	Skipped  int       `json:"skipped,omitempty"`
	Failures []Failure `json:"failures,omitempty"` // the first of them
	Code     int       `json:"code"`               // the runner's exit code
	Reason   string    `json:"reason"`             // why it ended
	// Parsed is false where the runner's words aren't understood: then the exit code is all.
	Parsed bool `json:"parsed"`
}

// Failure is one test that failed, or what kept tests from running.
type Failure struct {
	Name    string `json:"name"`
	Package string `json:"package,omitempty"` // or suite, or class
	File    string `json:"file,omitempty"`    // relative to the folder that is checked, where that is known
	Line    int    `json:"line,omitempty"`
	Output  string `json:"output,omitempty"` // the first lines
}

const (
	maxFailures = 30
	maxLines    = 20      // of a failure's output
	maxFailure  = 2 << 10 // bytes of it
)

// add notes a failure, within the bounds, and finds its place in what it says.
func (r *Report) add(f Failure) {
	r.Failed++
	if len(r.Failures) == maxFailures {
		return
	}
	if f.File == "" {
		f.File, f.Line = locate(f.Output)
	}
	f.Name, f.Package, f.File = short(f.Name), short(f.Package), short(f.File)
	f.Output = first(f.Output)
	r.Failures = append(r.Failures, f)
}

// first returns the first lines of an output.
func first(s string) string {
	s = strings.Trim(s, "\r\n")
	end, lines := 0, 0
	for line := range strings.Lines(s) {
		if lines++; lines > maxLines || end+len(line) > maxFailure {
			break
		}
		end += len(line)
	}
	if end == 0 {
		end = min(len(s), maxFailure)
	}
	if end < len(s) {
		return strings.ToValidUTF8(strings.TrimRight(s[:end], "\r\n"), "") + "\n…"
	}
	return strings.ToValidUTF8(s, "?")
}

func short(s string) string {
	if len(s) > 300 {
		s = s[:300]
	}
	return strings.ToValidUTF8(strings.TrimSpace(s), "")
}

// places are how runners write where something is, the most telling first.
var places = []*regexp.Regexp{
	regexp.MustCompile(`(?m)^\s+([\w./-]+_test\.go):(\d+): `),             // Go: t.Error
	regexp.MustCompile(`(?m)^\s+` + tool.Mount + `/(\S+\.go):(\d+) \+0x`), // Go: a panic
	regexp.MustCompile(`(?m)^([\w./-]+\.go):(\d+):\d+: `),                 // Go: the compiler
	regexp.MustCompile(`(?m)^([\w./-]+\.py):(\d+): `),                     // pytest
	regexp.MustCompile(`(?m)File "` + tool.Mount + `/([^"\n]+)", line (\d+)`),
	regexp.MustCompile(`panicked at ([\w./-]+\.rs):(\d+):\d+`),
	regexp.MustCompile(`(?m)(?:file://)?` + tool.Mount + `/([^\s():'"]+):(\d+)`), // Node
}

// locate finds the first place in the workspace that an output names.
func locate(output string) (file string, line int) {
	for _, re := range places {
		for _, m := range re.FindAllStringSubmatch(output, 5) {
			if strings.HasPrefix(m[1], "/") || strings.Contains(m[1], "node_modules/") {
				continue
			}
			if n, err := strconv.Atoi(m[2]); err == nil {
				return m[1], n
			}
		}
	}
	return "", 0
}

// judge makes a result of a report and of how the runner ended.
func judge(r Report, s said, timeout time.Duration) tool.Result {
	r.Code, r.Reason = s.exit.Code, string(s.exit.Reason)
	e := core.Evidence{Kind: "tests", Passed: r.Passed, Failed: r.Failed}
	total := r.Passed + r.Failed
	switch {
	case s.exit.Reason == sandbox.TimedOut:
		e.Text = fmt.Sprintf("the tests took longer than %s", timeout)
	case s.exit.Reason != sandbox.Exited:
		e.Text = "the tests were killed: " + string(s.exit.Reason)
	case r.Failed > 0:
		e.Text = fmt.Sprintf("%d of %d tests failed", r.Failed, total)
	case s.exit.Code != 0:
		e.Text = fmt.Sprintf("the tests ended with exit code %d", s.exit.Code)
	case r.Parsed && s.cut:
		e.Text = "the tests said more than can be read: run fewer at once"
	case r.Parsed && r.Passed == 0:
		e.Text = "no test ran"
	case !r.Parsed:
		e.OK, e.Text = true, "the tests ended with exit code 0; how many there were isn't known"
	default:
		e.OK, e.Text = true, plural(r.Passed, "test")+" passed"
	}
	if r.Skipped > 0 {
		e.Text += fmt.Sprintf(", %d skipped", r.Skipped)
	}
	e.Text += " (" + r.Runner + ")"
	text := r.text()
	if !e.OK && len(r.Failures) == 0 || !r.Parsed {
		text = "\n" + tool.Tail(s.both, tool.MaxOutput-2048) + "\n"
	}
	if !e.OK {
		e.Detail = strings.TrimSpace(head(text, core.MaxInline))
	}
	data, _ := json.Marshal(r) // plain values
	return tool.Result{
		Output: fmt.Sprintf("%s\n%s[exit code %d after %s]", e.Text, text, r.Code, s.exit.Wall.Round(10*time.Millisecond)),
		Failed: !e.OK, Evidence: &e, Data: data,
	}
}

// text lists the failures.
func (r Report) text() string {
	var b strings.Builder
	for i, f := range r.Failures {
		var one strings.Builder
		one.WriteString("\nFAIL " + strings.TrimSpace(f.Package+" "+f.Name))
		if f.File != "" {
			fmt.Fprintf(&one, " (%s:%d)", f.File, f.Line)
		}
		one.WriteString("\n" + indent(f.Output))
		if b.Len()+one.Len() > tool.MaxOutput-1024 {
			fmt.Fprintf(&b, "\n[%d more failures aren't shown]\n", r.Failed-i)
			return b.String()
		}
		b.WriteString(one.String())
	}
	if more := r.Failed - len(r.Failures); more > 0 {
		fmt.Fprintf(&b, "\n[%d more failures aren't shown]\n", more)
	}
	return b.String()
}

func indent(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString("    " + strings.TrimRight(line, "\r\n") + "\n")
	}
	return b.String()
}

// head returns the beginning of s, at most n bytes, at a rune's border.
func head(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
