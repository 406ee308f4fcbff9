package apptest

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

func TestCount(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, output   string
		passed, failed int
	}{
		{"ours", "ok create\nok update\n14 passed, 0 failed\n", 14, 0},
		{"ours, failing", "not ok\n12 passed, 2 failed", 12, 2},
		{"ours, after another's", "Ran 3 tests in 0.1s\n\nOK\n14 passed, 0 failed\n", 14, 0},
		{"unittest", "2 errors in the log\n....\n-----\nRan 14 tests in 0.123s\n\nOK\n", 14, 0},
		{"unittest, one", "Ran 1 test in 0.001s\n\nOK", 1, 0},
		{"unittest, failing", "Ran 14 tests in 0.1s\n\nFAILED (failures=1, errors=2, skipped=3)\n", 8, 3},
		{"unittest, skipped", "Ran 14 tests in 0.1s\n\nOK (skipped=14)\n", 0, 0},
		{"unittest, cut", "Ran 14 tests in 0.1s\n", 0, 0},
		{"pytest", "..........\n============= 10 passed, 1 skipped in 0.12s =============\n", 10, 0},
		{"pytest, failing", "==== 3 failed, 12 passed, 1 warning, 2 errors in 1.2s ====", 12, 5},
		{"pytest in colour", "\x1b[32m====== \x1b[1m\x1b[32m2 passed\x1b[0m in 0.01s\x1b[0m =====", 2, 0},
		{"node", "✔ creates (3ms)\nℹ tests 3\nℹ suites 0\nℹ pass 2\nℹ fail 1\nℹ cancelled 0\nℹ skipped 0\n", 2, 1},
		{"node as TAP", "1..2\n# tests 2\n# pass 2\n# fail 0\n# cancelled 0\n# duration_ms 7\n", 2, 0},
		{"node, cancelled", "# pass 2\n# fail 0\n# cancelled 1\n", 2, 1},
		{"go, verbose", "=== RUN   TestA\n--- PASS: TestA (0.00s)\n    --- PASS: TestA/x (0.00s)\n--- FAIL: TestB (0.00s)\nFAIL\nFAIL\tx/y\t0.1s\n", 1, 1},
		{"go", "ok  \tx/a\t0.01s\nok  \tx/b\t(cached)\n?   \tx/c\t[no test files]\n", 2, 0},
		{"go, failing", "ok  \tx/a\t0.01s\n--- FAIL: TestB (0.00s)\nFAIL\nFAIL\tx/b\t0.1s\n", 0, 1},
		{"jest", "Test Suites: 1 failed, 1 passed, 2 total\nTests:       1 failed, 13 passed, 14 total\nSnapshots:   0 total\nTime: 1 s\n", 13, 1},
		{"mocha", "\n  13 passing (20ms)\n  1 failing\n\n  1) it works:\n     AssertionError\n", 13, 1},
		{"nothing", "hello\n", 0, 0},
		{"silence", "", 0, 0},
		{"a number too long", "99999999999999999999 passed, 0 failed", 0, 0},
	} {
		if p, f := count(tt.output); p != tt.passed || f != tt.failed {
			t.Errorf("%s: %d passed, %d failed; want %d, %d", tt.name, p, f, tt.passed, tt.failed)
		}
	}
}

func FuzzCount(f *testing.F) {
	f.Add("Ran 14 tests in 0.1s\n\nFAILED (failures=1)\n")
	f.Add("1 passed, 0 failed")
	f.Fuzz(func(t *testing.T, s string) {
		if p, f := count(s); p < 0 || f < 0 {
			t.Fatalf("%d, %d", p, f)
		}
	})
}

// Only an exit of 0, a test that passed and none that failed is a success.
func TestJudge(t *testing.T) {
	t.Parallel()
	zero := sandbox.Exit{Reason: sandbox.Exited}
	for _, tt := range []struct {
		exit   sandbox.Exit
		output string
		ok     bool
		text   string
	}{
		{zero, "14 passed, 0 failed", true, "14 tests passed"},
		{zero, "1 passed, 0 failed", true, "1 test passed"},
		{zero, "0 passed, 0 failed", false, "no test ran"},
		{zero, "all fine", false, "no test ran"},
		{zero, "3 passed, 1 failed", false, "1 of 4 tests failed"},
		{sandbox.Exit{Reason: sandbox.Exited, Code: 1}, "14 passed, 0 failed", false, "exit code 1"},
		{sandbox.Exit{Reason: sandbox.TimedOut, Code: 137}, "14 passed, 0 failed", false, "longer than 2m0s"},
		{sandbox.Exit{Reason: sandbox.OutOfMem, Code: 137}, "14 passed, 0 failed", false, "killed: memory"},
		{sandbox.Exit{Reason: sandbox.Signaled, Signal: 11, Code: 139}, strings.Repeat("trace\n", 9999), false, "killed: signaled"},
	} {
		r := judge(tt.exit, tt.output)
		e := r.Evidence
		if e.OK != tt.ok || r.Failed == tt.ok || e.Kind != "tests" || !strings.Contains(e.Text, tt.text) || (e.Detail == "") != tt.ok || len(e.Detail) > core.MaxInline {
			t.Errorf("%+v, %.30q: %+v", tt.exit, tt.output, e)
		}
	}
}
