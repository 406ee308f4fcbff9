package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func recorded(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestParsers reads what the runners really wrote, with a failure of each sort.
func TestParsers(t *testing.T) {
	t.Parallel()
	fail := func(pkg, name, file string, line int) Failure {
		return Failure{Package: pkg, Name: name, File: file, Line: line}
	}
	const m = "example.org/rec"
	for _, tt := range []struct {
		file, says string // says is in the first failure's output
		parse      func(string) Report
		want       Report
	}{
		{"gotest.json", "Add(1, 2) = -1, want 3", func(s string) Report { return parseGo(s, m) }, Report{
			Runner: "go test", Passed: 3, Failed: 3, Skipped: 1, Failures: []Failure{
				fail(m, "TestAdd/one_and_two", "a_test.go", 9), fail(m+"/broken", "", "broken/b_test.go", 5), fail(m+"/sub", "TestPanics", "sub/p_test.go", 6),
			},
		}},
		{"junit-pytest.xml", "assert 2 == 3", func(s string) Report { return parseJUnit(s, "pytest") }, Report{
			Runner: "pytest", Passed: 2, Failed: 3, Skipped: 2, Failures: []Failure{
				fail("test_shop", "test_total", "test_shop.py", 8), fail("test_shop", "test_error", "test_shop.py", 16), fail("test_shop.TestBasket", "test_n[2]", "test_shop.py", 25),
			},
		}},
		{"junit-node.xml", "2 !== 3", func(s string) Report { return parseJUnit(s, "node --test") }, Report{
			Runner: "node --test", Passed: 2, Failed: 3, Skipped: 2, Failures: []Failure{
				fail("", "adds", "a.test.js", 2), fail("", "throws", "a.test.js", 6), fail("", "/workspace/b.test.js", "", 0),
			},
		}},
		{"tap-node.txt", "2 !== 3", parseTAP, Report{
			Runner: "TAP", Passed: 2, Failed: 3, Skipped: 2, Failures: []Failure{
				fail("", "adds", "a.test.js", 2), fail("", "throws", "a.test.js", 6), fail("", "/workspace/b.test.js", "b.test.js", 1),
			},
		}},
		{"unittest.txt", "KeyError: 'x'", parseUnittest, Report{
			Runner: "unittest", Passed: 1, Failed: 4, Skipped: 1, Failures: []Failure{
				fail("test_u.TestU", "test_err", "test_u.py", 7), fail("unittest.loader._FailedTest", "test_x", "test_x.py", 1),
				fail("test_u.TestU", "test_bad", "test_u.py", 6), fail("test_u.TestU", "test_sub", "test_u.py", 12),
			},
		}},
		{"cargo.txt", "did not panic as expected", parseCargo, Report{
			Runner: "cargo test", Passed: 3, Failed: 2, Skipped: 1, Failures: []Failure{
				fail("", "tests::panics", "", 0), fail("", "tests::adds", "src/lib.rs", 10),
			},
		}},
	} {
		got := tt.parse(recorded(t, tt.file))
		tt.want.Parsed = true
		if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(Failure{}, "Output")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.file, diff)
		}
		if len(got.Failures) == 0 || !strings.Contains(got.Failures[0].Output, tt.says) {
			t.Errorf("%s doesn't say %q: %+v", tt.file, tt.says, got.Failures)
		}
	}
}

func TestOtherWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		got  Report
		want Report
	}{
		{"nothing", parseGo("", ""), Report{Runner: "go test"}},
		{"no tests", parseUnittest("Ran 0 tests in 0.000s\n\nOK\n"), Report{Runner: "unittest", Parsed: true}},
		{"half a report", parseJUnit(`<testsuites><testsuite><testcase name="a"/><testca`, "x"), Report{Runner: "x", Passed: 1}},
		{"no report", parseJUnit("", "x"), Report{Runner: "x"}},
		{"a package that can't begin", parseGo(`{"Action":"output","Package":"p","Output":"panic: in TestMain\n"}`+"\n"+`{"Action":"fail","Package":"p"}`, ""), Report{
			Runner: "go test", Parsed: true, Failed: 1, Failures: []Failure{{Package: "p", Output: "panic: in TestMain"}},
		}},
		{"a parent that fails by itself", parseGo(`{"Action":"run","Package":"p","Test":"T"}`+"\n"+`{"Action":"run","Package":"p","Test":"T/a"}`+"\n"+
			`{"Action":"pass","Package":"p","Test":"T/a"}`+"\n"+`{"Action":"fail","Package":"p","Test":"T"}`, ""), Report{
			Runner: "go test", Parsed: true, Passed: 1, Failed: 1, Failures: []Failure{{Package: "p", Name: "T"}},
		}},
		{"a flat TAP", parseTAP("1..3\nok 1 - a\nnot ok 2 b\n# why\nok 3 # SKIP later\n"), Report{
			Runner: "TAP", Parsed: true, Passed: 1, Failed: 1, Skipped: 1, Failures: []Failure{{Name: "b", Output: "# why"}},
		}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestAReportIsBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for range 1_000 {
		b.WriteString("not ok 1 - " + strings.Repeat("n", 1000) + "\n" + strings.Repeat(strings.Repeat("é", 300)+"\n", 30))
	}
	r := parseTAP(b.String())
	if r.Failed != 1_000 || len(r.Failures) != maxFailures {
		t.Fatalf("%d failed, %d are kept", r.Failed, len(r.Failures))
	}
	if f := r.Failures[0]; len(f.Name) > 300 || len(f.Output) > maxFailure+10 {
		t.Errorf("a name of %d and an output of %d bytes", len(f.Name), len(f.Output))
	}
	if text := r.text(); len(text) > 32<<10 || !strings.Contains(text, "more failures aren't shown") {
		t.Errorf("%d bytes", len(text))
	}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		got  []Finding
		want []Finding
	}{
		{"go vet", parseLines(recorded(t, "vet.txt")), []Finding{
			{File: "broken/b_test.go", Line: 5, Column: 28, Message: "undefined: undefined"},
			{File: "v.go", Line: 5, Column: 24, Message: `fmt.Printf format %d has arg "x" of wrong type string`}, {File: "v.go", Line: 5, Column: 43, Message: "unreachable code"},
		}},
		{"staticcheck", parseLines("main.go:12:2: this value of x is never used (SA4006)\n"), []Finding{{File: "main.go", Line: 12, Column: 2, Message: "this value of x is never used (SA4006)"}}},
		{"ruff", parseLines("a/b.py:1:8: F401 [*] `os` imported but unused\nFound 1 error.\n[*] 1 fixable with the `--fix` option.\n"), []Finding{{File: "a/b.py", Line: 1, Column: 8, Message: "F401 [*] `os` imported but unused"}}},
		{"flake8", parseLines("./b.py:3:1: E302 expected 2 blank lines, found 1\n"), []Finding{{File: "b.py", Line: 3, Column: 1, Message: "E302 expected 2 blank lines, found 1"}}},
		{"gofmt", parseNames("a.go\nb/c.go:3:1: expected declaration, found x\n"), []Finding{{File: "a.go", Message: "it isn't formatted as gofmt does"}, {File: "b/c.go", Line: 3, Column: 1, Message: "expected declaration, found x"}}},
		{"eslint", parseESLint(`[{"filePath":"/workspace/a.js","messages":[{"ruleId":"no-undef","severity":2,"message":"'x' is not defined.","line":1,"column":5}]},{"filePath":"/workspace/b.js","messages":[]}]`), []Finding{{File: "a.js", Line: 1, Column: 5, Message: "'x' is not defined. [no-undef]"}}},
		{"eslint, not JSON", parseESLint("Oops! Something went wrong"), nil},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// FuzzParsers: whatever a program writes, reports stay within their bounds.
func FuzzParsers(f *testing.F) {
	for _, name := range []string{"gotest.json", "junit-pytest.xml", "junit-node.xml", "tap-node.txt", "unittest.txt", "cargo.txt", "vet.txt"} {
		f.Add(recorded(f, name))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range []Report{parseGo(text, "m"), parseJUnit(text, "x"), parseTAP(text), parseUnittest(text), parseCargo(text)} {
			if r.Passed < 0 || r.Failed < 0 || r.Skipped < 0 || len(r.Failures) > min(r.Failed, maxFailures) {
				t.Fatalf("%+v", r)
			}
			for _, one := range r.Failures {
				if len(one.Output) > maxFailure+10 || strings.HasPrefix(one.File, "/") && one.File == "" || one.Line < 0 {
					t.Fatalf("%+v", one)
				}
			}
			_ = r.text()
		}
		for _, all := range [][]Finding{parseLines(text), parseNames(text), parseESLint(text)} {
			for _, one := range all {
				if one.File == "" {
					t.Fatalf("%+v", one)
				}
			}
		}
	})
}
