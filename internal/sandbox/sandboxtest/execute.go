package sandboxtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

func execTests() tests {
	return tests{
		"an exit code is told":              exitCodes,
		"a signal is told":                  signals,
		"no shell stands between":           noShell,
		"the environment is what was given": environment,
		"a command starts in its folder":    workingFolder,
		"a command that isn't there fails":  noSuchCommand,
		"a wrong command is refused":        wrongCommand,
		"commands run at the same time":     manyCommands,
		"PATH finds the command":            path,
		"the run's time is told":            times,
	}
}

func exitCodes(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	for _, code := range []int{0, 1, 3, 127, 255} {
		o := run(t, box, program("exit", fmt.Sprint(code)))
		if o.Code != code || o.Reason != sandbox.Exited || o.Signal != 0 || o.OK() != (code == 0) {
			t.Errorf("exit %d: got %+v", code, o.Exit)
		}
	}
}

func signals(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	for _, sig := range []int{9, 15, 1} {
		o := run(t, box, program("die", fmt.Sprint(sig)))
		if o.Signal != sig || o.Code != 128+sig || o.Reason != sandbox.Signaled {
			t.Errorf("signal %d: got %+v", sig, o.Exit)
		}
	}
}

func noShell(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	args := []string{"", " ", "a b", "$HOME", "`id`", "$(id)", ";", "|", "*", "~", "'", `"`, `\`, "-n", "--", "a\nb", "é😀", "\xff", strings.Repeat("x", 100_000)}
	got := ok(t, run(t, box, program(append([]string{"argv"}, args...)...)))
	var want []string
	for _, a := range args {
		want = append(want, fmt.Sprintf("%q", a))
	}
	if got != strings.Join(want, "\n") {
		t.Errorf("got %s", clip(got))
	}
}

func environment(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	given := map[string]string{"A": "1", "EMPTY": "", "WEIRD": "a=b $HOME 'é'", "GODEBUG_LIKE": "x"}
	c := program("env")
	c.Env = given
	got := map[string]string{}
	for line := range strings.Lines(ok(t, run(t, box, c)) + "\n") {
		k, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		got[k] = v
	}
	for k, v := range given {
		if got[k] != v {
			t.Errorf("%s: got %q, want %q", k, got[k], v)
		}
		delete(got, k)
	}
	always := []string{"HOME", "LANG", "PATH", "TMPDIR"}
	if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, always) {
		t.Errorf("besides what was given there is %q, want %q", keys, always)
	}
	sh(t, box, `test -d "$HOME" && test -d "$TMPDIR" && echo x > "$TMPDIR/x" && test -n "$LANG"`)
}

func workingFolder(t *testing.T, g rig) {
	box, _ := g.workspace(t, sandbox.Limits{})
	for dir, want := range map[string]string{"": "/", "/data": "/data", "/tmp": "/tmp"} {
		if got := ok(t, run(t, box, sandbox.Command{Argv: []string{"pwd"}, Dir: dir})); got != want {
			t.Errorf("folder %q: started in %q", dir, got)
		}
	}
	o, err := tryRun(t.Context(), box, sandbox.Command{Argv: []string{"pwd"}, Dir: "/nonexistent"})
	if err == nil && o.OK() {
		t.Errorf("started in a folder that isn't there: %q", o.out)
	}
}

func noSuchCommand(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	for _, name := range []string{"no-such-command", "/no/such/command", "/etc", "/proc/self/status"} {
		o, err := tryRun(t.Context(), box, sandbox.Command{Argv: []string{name}})
		if err == nil && o.Code != 126 && o.Code != 127 {
			t.Errorf("%s: got %+v", name, o.Exit)
		}
		if err != nil {
			wantCode(t, name, err, core.NotFound, core.Invalid)
		}
	}
	ok(t, run(t, box, sandbox.Command{Argv: []string{"true"}})) // and the box is none the worse
}

func wrongCommand(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	for what, c := range map[string]sandbox.Command{
		"no argv":               {},
		"NUL in argv":           {Argv: []string{"echo", "a\x00b"}},
		"NUL in a value":        {Argv: []string{"true"}, Env: map[string]string{"A": "a\x00b"}},
		"an equals sign in key": {Argv: []string{"true"}, Env: map[string]string{"A=B": "c"}},
		"an empty key":          {Argv: []string{"true"}, Env: map[string]string{"": "c"}},
		"a relative folder":     {Argv: []string{"true"}, Dir: "data"},
	} {
		_, err := box.Exec(t.Context(), c)
		wantCode(t, what, err, core.Invalid, core.NotFound)
	}
}

func manyCommands(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			text := fmt.Sprint("command ", i)
			o, err := tryRun(t.Context(), box, sandbox.Command{Argv: []string{"cat"}, Stdin: strings.NewReader(text)})
			if err != nil || !o.OK() || o.out != text {
				t.Errorf("%s: %+v %v %q %q", text, o.Exit, err, o.out, o.err)
			}
		})
	}
	wg.Wait()
}

func path(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	for _, name := range []string{"sh", "cat", "ls", "env", "python3", "node"} {
		if got := sh(t, box, "command -v "+name); !strings.HasPrefix(got, "/") {
			t.Errorf("%s: found %q", name, got)
		}
	}
}

func times(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{CPU: 1}})
	o := run(t, box, program("spin", "300"))
	if o.Wall <= 0 || o.CPU <= 0 || o.Wall > soon || o.CPU > 2*o.Wall {
		t.Errorf("wall %v, CPU %v", o.Wall, o.CPU)
	}
}
