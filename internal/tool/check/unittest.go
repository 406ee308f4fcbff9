package check

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	unittestRan     = regexp.MustCompile(`(?m)^Ran (\d+) tests? in `)
	unittestSkipped = regexp.MustCompile(`(?m)^(?:OK|FAILED) \(.*?skipped=(\d+)`)
	unittestFailure = regexp.MustCompile(`^(?:FAIL|ERROR): (\S+)(?: \(([^)]*)\))?`)
)

const unittestRule = "======================================================================\n"

// parseUnittest reads what Python's unittest says.
func parseUnittest(text string) Report {
	r := Report{Runner: "unittest"}
	ran := unittestRan.FindStringSubmatch(text)
	if ran == nil {
		return r
	}
	r.Parsed = true
	total, _ := strconv.Atoi(ran[1])
	if m := unittestSkipped.FindStringSubmatch(text); m != nil {
		r.Skipped, _ = strconv.Atoi(m[1])
	}
	tests := map[string]bool{} // one may fail in several of its parts
	for _, block := range strings.Split(text, unittestRule)[1:] {
		m := unittestFailure.FindStringSubmatch(block)
		if m == nil {
			continue
		}
		block, _, _ = strings.Cut(block, "\nRan ")
		_, output, _ := strings.Cut(block, "-----\n")
		class := strings.TrimSuffix(m[2], "."+m[1])
		tests[class+"."+m[1]] = true
		r.add(Failure{Name: m[1], Package: class, Output: strings.TrimRight(strings.TrimSpace(output), "-\n")})
	}
	r.Passed = max(0, total-len(tests)-r.Skipped)
	return r
}
