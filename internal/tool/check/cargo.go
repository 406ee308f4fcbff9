package check

import (
	"regexp"
	"strings"
)

var (
	cargoLine   = regexp.MustCompile(`^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)`)
	cargoOutput = regexp.MustCompile(`^---- (.+?) std(?:out|err) ----$`)
)

// parseCargo reads what cargo test says: one block for each target.
func parseCargo(text string) Report {
	r := Report{Runner: "cargo test"}
	outputs, failed := map[string]*strings.Builder{}, []string(nil)
	of := ""
	for line := range strings.Lines(text) {
		trimmed := strings.TrimRight(line, "\r\n")
		if m := cargoOutput.FindStringSubmatch(trimmed); m != nil {
			of = m[1]
			continue
		}
		if trimmed == "failures:" || strings.HasPrefix(trimmed, "test result: ") {
			r.Parsed, of = true, ""
			continue
		}
		if of != "" {
			add(outputs, of, line)
			continue
		}
		switch m := cargoLine.FindStringSubmatch(trimmed); {
		case m == nil:
		case m[2] == "ok":
			r.Passed++
		case m[2] == "ignored":
			r.Skipped++
		default:
			failed = append(failed, m[1])
		}
	}
	for _, name := range failed {
		f := Failure{Name: name}
		if b := outputs[name]; b != nil {
			f.Output = b.String()
		}
		r.add(f)
	}
	return r
}
