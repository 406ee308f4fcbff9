package coder

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

// Mount is where a program sees Agent.Dir, read-only.
const Mount = "/coder"

// taskHole is what the task takes the place of in an argument.
const taskHole = "{task}"

// Agent is a coding agent that is a program.
type Agent struct {
	Name        string            // lower case, as models say it
	Argv        []string          // with {task} as one whole argument; without, the task is its standard input
	Dir         string            // a folder of this machine that holds it, seen at Mount; "": a box has it anyway
	Env         map[string]string // settings; no secrets
	Credentials map[string]string // names of the project's credentials, by the variable that gets them
	Hosts       []string          // that it may reach, as sandbox.ParseDestination reads them

	reach []sandbox.Destination // set by Check
}

var (
	names     = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,40}$`)
	variables = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,100}$`)
)

// Check returns the agent with its hosts parsed. invalid: it can't be used, and why.
func (a Agent) Check() (Agent, error) {
	bad := func(why, hint string) (Agent, error) {
		return Agent{}, core.E(core.Invalid, name, "the coding agent "+a.Name+" "+why).WithHint(hint)
	}
	holes := 0
	for _, arg := range a.Argv {
		if strings.ContainsRune(arg, 0) {
			return bad("has a NUL in argv", "")
		}
		if arg == taskHole {
			holes++
		}
	}
	switch {
	case !names.MatchString(a.Name):
		return bad("has no name that can be used", "lower-case letters, digits, _ and -")
	case len(a.Argv) == 0 || a.Argv[0] == "" || a.Argv[0] == taskHole || holes > 1:
		return bad("has an argv that can't be used", `as in ["claude", "-p", "{task}"]; without {task} it gets the task as its standard input`)
	case a.Dir != "" && !filepath.IsAbs(a.Dir):
		return bad("has a dir that isn't absolute", "")
	case len(a.Credentials) > 0 && len(a.Hosts) == 0:
		return bad("has credentials and no hosts to use them at", "")
	}
	for _, m := range []map[string]string{a.Env, a.Credentials} {
		for v := range m {
			if !variables.MatchString(v) {
				return bad("has a variable that can't be one", "")
			}
		}
	}
	a.reach = nil
	for _, h := range a.Hosts {
		d, err := sandbox.ParseDestination(h)
		if err != nil {
			return Agent{}, err
		}
		if strings.HasPrefix(h, "*.") && len(a.Credentials) > 0 {
			return bad("has credentials and the host "+h, "name each host: a credential goes to hosts that it lists")
		}
		a.reach = append(a.reach, d)
	}
	return a, nil
}

// Installed reports whether the program is where boxes find it: below Dir, at its absolute path,
// or in one of the folders of boxes' PATH.
func (a Agent) Installed(folders []string) bool {
	program := a.Argv[0]
	places := []string{program}
	if rest, ok := strings.CutPrefix(path.Clean(program), Mount+"/"); ok && a.Dir != "" {
		places = []string{filepath.Join(a.Dir, rest)}
	} else if !strings.Contains(program, "/") {
		places = nil
		for _, dir := range folders {
			places = append(places, filepath.Join(dir, program))
		}
	}
	for _, p := range places {
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return true
		}
	}
	return false
}

// command is what is run for a task, and what it reads. There is no shell, and a task is no
// option: one that looks like one is invalid.
func (a Agent) command(task string) (argv []string, stdin string, err error) {
	if strings.ContainsRune(task, 0) {
		return nil, "", core.E(core.Invalid, name, "the task holds a NUL")
	}
	stdin = task
	for _, arg := range a.Argv {
		if arg == taskHole {
			arg, stdin = task, ""
			if strings.HasPrefix(task, "-") {
				return nil, "", core.E(core.Invalid, name, "the task begins with -, as an option does").WithHint("begin it with a word")
			}
		}
		argv = append(argv, arg)
	}
	return argv, stdin, nil
}

// place is a destination as credentials list it.
func place(d sandbox.Destination) string {
	s := d.String()
	if host, ok := strings.CutSuffix(s, ":443"); ok {
		return "https://" + host
	}
	if host, ok := strings.CutSuffix(s, ":80"); ok {
		return "http://" + host
	}
	return "https://" + s
}
