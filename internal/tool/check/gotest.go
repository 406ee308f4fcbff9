package check

import (
	"encoding/json"
	"path"
	"strings"
)

// goEvent is a line of go test -json (go doc test2json, go help buildjson).
type goEvent struct {
	Action, Package, Test, Output string
	ImportPath                    string // of build-output and build-fail
	FailedBuild                   string // of a package that fails for it
}

// goTests are the tests of one package.
type goTests struct {
	output  map[string]*strings.Builder // by test; "" is the package's
	ended   map[string]string           // by test: pass, fail, skip
	order   []string
	parents map[string]bool
}

// parseGo reads go test -json. module is the path in go.mod, by which a package's folder is
// known. A test with subtests counts only where it fails and none of those does.
func parseGo(text, module string) Report {
	r := Report{Runner: "go test"}
	packages, order := map[string]*goTests{}, []string(nil)
	builds := map[string]*strings.Builder{}
	for line := range strings.Lines(text) {
		var e goEvent
		if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
			continue
		}
		r.Parsed = true
		if e.ImportPath != "" {
			add(builds, e.ImportPath, e.Output)
			continue
		}
		p := packages[e.Package]
		if p == nil {
			p = &goTests{output: map[string]*strings.Builder{}, ended: map[string]string{}, parents: map[string]bool{}}
			packages[e.Package] = p
			order = append(order, e.Package)
		}
		if e.FailedBuild != "" && builds[e.FailedBuild] != nil {
			add(p.output, "", builds[e.FailedBuild].String())
		}
		p.take(e)
	}
	for _, name := range order {
		packages[name].sum(&r, name, folder(name, module))
	}
	return r
}

// folder returns a package's folder in its module, with a slash at its end, or "".
func folder(name, module string) string {
	if rest, ok := strings.CutPrefix(name, module+"/"); ok && module != "" {
		return rest + "/"
	}
	return ""
}

func add(to map[string]*strings.Builder, name, text string) {
	b := to[name]
	if b == nil {
		b = &strings.Builder{}
		to[name] = b
	}
	if b.Len() < 4*maxFailure {
		b.WriteString(text)
	}
}

func (p *goTests) take(e goEvent) {
	switch e.Action {
	case "run":
		for parent := path.Dir(e.Test); parent != "."; parent = path.Dir(parent) {
			p.parents[parent] = true
		}
	case "output":
		if !frame(e.Output) {
			add(p.output, e.Test, e.Output)
		}
	case "pass", "fail", "skip":
		if _, twice := p.ended[e.Test]; !twice {
			p.order = append(p.order, e.Test)
		}
		p.ended[e.Test] = e.Action
	}
}

// frame reports whether a line only says what the event says.
func frame(s string) bool {
	s = strings.TrimLeft(s, " ")
	for _, p := range []string{"=== ", "--- PASS", "--- FAIL", "--- SKIP", "PASS\n", "FAIL\n", "exit status "} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// sum adds the package to the report.
func (p *goTests) sum(r *Report, name, dir string) {
	failed := map[string]bool{} // also those whose subtest failed
	for _, t := range p.order {
		switch how := p.ended[t]; {
		case t == "":
		case how == "fail" && failed[t]:
		case how == "fail":
			for parent := path.Dir(t); parent != "."; parent = path.Dir(parent) {
				failed[parent] = true
			}
			failed[t] = true
			p.fail(r, t, name, dir)
		case p.parents[t]:
		case how == "skip":
			r.Skipped++
		default:
			r.Passed++
		}
	}
	if p.ended[""] == "fail" && len(failed) == 0 {
		p.fail(r, "", name, dir)
	}
}

func (p *goTests) fail(r *Report, test, name, dir string) {
	f := Failure{Name: test, Package: name}
	if b := p.output[test]; b != nil {
		f.Output = b.String()
	}
	if f.File, f.Line = locate(f.Output); f.File != "" && !strings.Contains(f.File, "/") {
		f.File = dir + f.File
	}
	r.add(f)
}
