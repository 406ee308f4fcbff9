package check

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

var testSpec = tool.Spec{
	Name: "run_tests", Version: "1", Effect: core.Idempotent, Contained: true, Timeout: MaxTimeout + time.Minute,
	Description: "Runs the tests of the workspace in a sandbox without a network, and says which failed, where and why. It knows go test, pytest, unittest, node --test, npm test and cargo test; another runner is given by argv.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"dir":{"type":"string","description":"the folder of the project, relative to the workspace"},
		"runner":{"type":"string","enum":["go","pytest","unittest","node","npm","cargo"],"description":"if the files don't say which"},
		"targets":{"type":"array","items":{"type":"string","minLength":1,"maxLength":1000},"maxItems":100,"description":"packages or files, as the runner takes them; all if not given"},
		"argv":{"type":"array","items":{"type":"string","maxLength":100000},"minItems":1,"maxItems":200,"description":"another runner and its arguments: its exit code decides"},
		"timeout_seconds":{"type":"integer","minimum":1,"maximum":1800,"description":"300 if not given"}
	},"additionalProperties":false}`),
}

type testArgs struct {
	common
	Runner        string
	Targets, Argv []string
}

// runner is a way to run tests.
type runner struct {
	name string
	here func(context.Context, *box) bool
	run  func(context.Context, *box, []string) (said, Report, error)
}

// runners are in the order in which they are looked for.
var runners = []runner{
	{"go", func(_ context.Context, b *box) bool { return b.has("go.mod") }, runGo},
	{"cargo", func(_ context.Context, b *box) bool { return b.has("Cargo.toml") }, runCargo},
	{"npm", func(_ context.Context, b *box) bool { return hasTestScript(b.text("package.json")) }, runNPM},
	{"node", func(ctx context.Context, b *box) bool { return b.some(ctx, "*.test.{js,mjs,cjs}") }, runNode},
	{"pytest", func(ctx context.Context, b *box) bool {
		return b.has("pytest.ini") || b.has("conftest.py") || b.some(ctx, "{test_*,*_test}.py")
	}, runPytest},
	{"unittest", func(context.Context, *box) bool { return false }, runUnittest},
}

func test(ctx context.Context, b *box, a testArgs) (tool.Result, error) {
	if err := a.check(); err != nil {
		return tool.Result{}, err
	}
	if len(a.Argv) > 0 {
		s, missing, err := b.exec(ctx, nil, a.Argv...)
		if missing {
			err = absent(a.Argv[0])
		}
		if err != nil {
			return tool.Result{}, err
		}
		return judge(anyReport(s.out, a.Argv[0]), s, b.timeout), nil
	}
	for _, r := range runners {
		if r.name != a.Runner && (a.Runner != "" || !r.here(ctx, b)) {
			continue
		}
		s, report, err := r.run(ctx, b, a.Targets)
		if err != nil {
			return tool.Result{}, err
		}
		return judge(report, s, b.timeout), nil
	}
	return tool.Result{}, core.E(core.NotFound, testSpec.Name, "there are no tests that are known as such in "+b.dir).
		WithHint("give the project's folder as dir, or the runner as argv")
}

// check refuses what would be taken for an option of the runner: those are given by argv.
func (a testArgs) check() error {
	for _, t := range append(a.Targets, a.Argv...) {
		if strings.ContainsRune(t, 0) {
			return core.E(core.Invalid, testSpec.Name, "an argument holds a NUL")
		}
	}
	for _, t := range a.Targets {
		if strings.HasPrefix(t, "-") {
			return core.E(core.Invalid, testSpec.Name, t+" isn't a package or a file").WithHint("give options by argv, with the runner")
		}
	}
	return nil
}

func absent(program string) error {
	return core.E(core.NotFound, "check", "there is no program "+program+" in the sandbox").
		WithHint("boxes have the Go, Python and Node of the machine, and what is in /usr")
}

func hasTestScript(manifest string) bool {
	var p struct{ Scripts map[string]string }
	return json.Unmarshal([]byte(manifest), &p) == nil && p.Scripts["test"] != "" && !strings.Contains(p.Scripts["test"], "no test specified")
}

// anyReport reads what an unknown runner wrote, if it is in a known form.
func anyReport(text, name string) Report {
	for _, r := range []Report{parseTAP(text), parseGo(text, ""), parseCargo(text)} {
		if r.Parsed && r.Passed+r.Failed > 0 {
			return r
		}
	}
	return Report{Runner: name}
}

func runGo(ctx context.Context, b *box, targets []string) (said, Report, error) {
	if len(targets) == 0 {
		targets = []string{"./..."}
	}
	// What vet sees is run_linter's: without it, a first run takes half as long.
	s, missing, err := b.exec(ctx, nil, append([]string{"go", "test", "-json", "-vet=off"}, targets...)...)
	if missing {
		err = absent("go")
	}
	r := parseGo(s.out, moduleOf(b.text("go.mod")))
	if strings.Contains(s.both, "GOPROXY=off") {
		s.both += "\nThere is no network in the sandbox: put the modules that are needed into the workspace (go mod vendor)."
	}
	return s, r, err
}

// moduleOf returns the module path in a go.mod, or "".
func moduleOf(text string) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			name, _, _ := strings.Cut(rest, "//")
			return strings.Trim(strings.TrimSpace(name), `"`)
		}
	}
	return ""
}

func runCargo(ctx context.Context, b *box, targets []string) (said, Report, error) {
	s, missing, err := b.exec(ctx, nil, append([]string{"cargo", "test", "--no-fail-fast", "--"}, targets...)...)
	if missing {
		err = absent("cargo")
	}
	return s, parseCargo(s.out), err
}

func runPytest(ctx context.Context, b *box, targets []string) (said, Report, error) {
	argv := append([]string{"python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=" + b.report, "--"}, targets...)
	s, missing, err := b.exec(ctx, nil, argv...)
	switch {
	case missing:
		err = absent("python3")
	case err == nil && s.exit.Code == 1 && strings.Contains(s.err, "No module named pytest"):
		return runUnittest(ctx, b, nil)
	}
	if err != nil {
		return s, Report{}, err
	}
	return s, parseJUnit(b.read(ctx), "pytest"), nil
}

func runUnittest(ctx context.Context, b *box, targets []string) (said, Report, error) {
	s, missing, err := b.exec(ctx, nil, append([]string{"python3", "-m", "unittest", "-v"}, targets...)...)
	if missing {
		err = absent("python3")
	}
	return s, parseUnittest(s.err), err
}

func runNode(ctx context.Context, b *box, targets []string) (said, Report, error) {
	argv := []string{"node", "--test", "--test-reporter=junit", "--test-reporter-destination=" + b.report, "--test-reporter=spec", "--test-reporter-destination=stdout"}
	s, missing, err := b.exec(ctx, nil, append(argv, targets...)...)
	if missing {
		err = absent("node")
	}
	if err != nil {
		return s, Report{}, err
	}
	return s, parseJUnit(b.read(ctx), "node --test"), nil
}

// runNPM runs the script of the project's own. A runner of Node's own reports as it is told by
// the environment; of another, its words in TAP are read, or its exit code is all.
func runNPM(ctx context.Context, b *box, targets []string) (said, Report, error) {
	argv := []string{"npm", "test"}
	if len(targets) > 0 {
		argv = append(append(argv, "--"), targets...)
	}
	env := map[string]string{
		"NODE_OPTIONS":               "--test-reporter=junit --test-reporter-destination=" + b.report,
		"npm_config_cache":           cacheMount + "/npm",
		"npm_config_update_notifier": "false",
	}
	s, missing, err := b.exec(ctx, env, argv...)
	if missing {
		err = absent("npm")
	}
	if err != nil {
		return s, Report{}, err
	}
	if r := parseJUnit(b.read(ctx), "npm test"); r.Parsed && r.Passed+r.Failed+r.Skipped > 0 {
		return s, r, nil
	}
	return s, anyReport(s.out, "npm test"), nil
}
