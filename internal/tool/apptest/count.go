package apptest

import (
	"regexp"
	"strconv"
	"strings"
)

// summaryLines is how many of the last lines are looked at.
const summaryLines = 60

var (
	colors   = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	passes   = regexp.MustCompile(`\b(\d{1,6}) (?:tests? )?pass(?:ed|ing)\b`)                    // ours, pytest, jest, mocha
	fails    = regexp.MustCompile(`\b(\d{1,6}) (?:tests? )?(?:fail(?:ed|ing|ures?)?|errors?)\b`) //
	ran      = regexp.MustCompile(`^Ran (\d{1,6}) tests? in `)                                   // unittest
	verdict  = regexp.MustCompile(`^(?:OK|FAILED)(?: \((.*)\))?$`)                               // unittest, after ran
	verdicts = regexp.MustCompile(`(failures|errors|skipped|unexpected successes)=(\d{1,6})`)    //
	nodeLine = regexp.MustCompile(`^(?:#|ℹ) (pass|fail|cancelled) (\d{1,6})$`)                   // node --test
	goTest   = regexp.MustCompile(`^--- (PASS|FAIL): `)                                          // go test -v
	goOK     = regexp.MustCompile(`^ok\s+\S+\s`)                                                 // go test
	goFail   = regexp.MustCompile(`^FAIL\s+\S+`)                                                 //
)

// count reads from the end of a test run's output how many tests passed and
// failed: "N passed, N failed", or what unittest, pytest, node --test, go test,
// jest and mocha print. Nothing known is 0 and 0.
func count(output string) (passed, failed int) {
	lines := strings.Split(strings.TrimSpace(colors.ReplaceAllString(output, "")), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \r")
	}
	tail := lines[max(0, len(lines)-summaryLines):]
	if p, f, ok := plain(tail[len(tail)-1:]); ok {
		return p, f
	}
	for _, read := range []func([]string) (int, int, bool){unittest, node, plain} {
		if p, f, ok := read(tail); ok {
			return p, f
		}
	}
	return golang(lines)
}

// plain finds the last line that says how many passed or failed. Mocha says so
// on two lines.
func plain(lines []string) (passed, failed int, ok bool) {
	for i := len(lines) - 1; i >= 0; i-- {
		p, f := passes.FindStringSubmatch(lines[i]), fails.FindAllStringSubmatch(lines[i], -1)
		if p == nil && f == nil {
			if ok {
				break
			}
			continue
		}
		if p != nil {
			if passed > 0 {
				break
			}
			passed = number(p[1])
		}
		for _, m := range f {
			failed += number(m[1])
		}
		ok = true
		if p != nil && f != nil {
			break
		}
	}
	return passed, failed, ok
}

func unittest(lines []string) (passed, failed int, ok bool) {
	for i := len(lines) - 1; i >= 0; i-- {
		m := ran.FindStringSubmatch(lines[i])
		if m == nil {
			continue
		}
		passed = number(m[1])
		for _, line := range lines[i+1:] {
			v := verdict.FindStringSubmatch(line)
			if v == nil {
				continue
			}
			for _, part := range verdicts.FindAllStringSubmatch(v[1], -1) {
				passed -= number(part[2])
				if part[1] != "skipped" {
					failed += number(part[2])
				}
			}
			return max(0, passed), failed, true
		}
		return 0, 0, false
	}
	return 0, 0, false
}

func node(lines []string) (passed, failed int, ok bool) {
	for _, line := range lines {
		m := nodeLine.FindStringSubmatch(line)
		switch {
		case m == nil:
			continue
		case m[1] == "pass":
			passed, ok = number(m[2]), true
		case m[1] == "fail":
			failed = number(m[2])
		default:
			failed += number(m[2])
		}
	}
	return passed, failed, ok
}

// golang counts tests, or packages where the tests aren't listed.
func golang(lines []string) (passed, failed int) {
	packages, broken := 0, 0
	for _, line := range lines {
		switch m := goTest.FindStringSubmatch(line); {
		case m != nil && m[1] == "PASS":
			passed++
		case m != nil:
			failed++
		case goOK.MatchString(line):
			packages++
		case goFail.MatchString(line):
			broken++
		}
	}
	if passed+failed == 0 {
		return packages, broken
	}
	return passed, failed
}

func number(s string) int {
	n, _ := strconv.Atoi(s) // at most six digits
	return n
}
