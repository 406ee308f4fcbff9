package check

import (
	"regexp"
	"strings"
)

var (
	tapLine = regexp.MustCompile(`^( *)(not )?ok\b(?: +\d+)?(?: +- | +)?(.*)$`)
	tapTodo = regexp.MustCompile(`(?i)#\s*(skip|todo)\b`)
)

// parseTAP reads the Test Anything Protocol, nested as Node nests it: a test with subtests
// isn't counted itself.
func parseTAP(text string) Report {
	r := Report{Runner: "TAP"}
	var at *Failure // whose details are read
	deepest := -1   // the indentation of the results before, if they are subtests of the next
	flush := func() {
		if at != nil {
			r.add(*at)
			at = nil
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		m := tapLine.FindStringSubmatch(line)
		if m == nil {
			if strings.HasPrefix(line, "TAP version ") {
				r.Parsed = true
			}
			if at != nil && len(at.Output) < 4*maxFailure {
				at.Output += strings.TrimPrefix(line, "  ") + "\n"
			}
			continue
		}
		flush()
		r.Parsed = true
		depth := len(m[1])
		parent := depth < deepest
		deepest = depth
		name, _, _ := strings.Cut(m[3], " # ")
		switch {
		case parent:
		case tapTodo.MatchString(m[3]):
			r.Skipped++
		case m[2] == "":
			r.Passed++
		default:
			at = &Failure{Name: name}
		}
	}
	flush()
	return r
}
