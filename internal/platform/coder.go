package platform

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/coder"
)

// Coder is a coding agent that is a program: see coder.Agent. Those that aren't installed are
// left out, and without any there is no run_coder.
type Coder struct {
	Name        string            `koanf:"name" json:"name"`
	Argv        []string          `koanf:"argv" json:"argv"`
	Dir         string            `koanf:"dir" json:"dir,omitempty"`
	Env         map[string]string `koanf:"env" json:"env,omitempty"`
	Credentials map[string]string `koanf:"credentials" json:"credentials,omitempty"`
	Hosts       []string          `koanf:"hosts" json:"hosts,omitempty"`
}

// coderSettings are the keys of a Coder.
var coderSettings = []string{"name", "argv", "dir", "env", "credentials", "hosts"}

// checkCoderKeys refuses what a list of coders has that isn't a setting of one.
func checkCoderKeys(list any) error {
	all, _ := list.([]any)
	for _, item := range all {
		one, ok := item.(map[string]any)
		if !ok {
			return core.E(core.Invalid, "config", "coders has something that isn't a coding agent").WithHint("give each a name and an argv")
		}
		for key := range one {
			if !slices.Contains(coderSettings, key) {
				return core.E(core.Invalid, "config", "unknown setting "+key+" of a coding agent in coders").WithHint("its settings are: " + strings.Join(coderSettings, ", "))
			}
		}
	}
	return nil
}

// coderAgents returns the agents that are configured.
func (c Config) coderAgents() (all []coder.Agent, err error) {
	seen := map[string]bool{}
	for _, one := range c.Coders {
		a, err := coder.Agent{Name: one.Name, Argv: one.Argv, Dir: one.Dir, Env: one.Env, Credentials: one.Credentials, Hosts: one.Hosts}.Check()
		if err != nil {
			return nil, err
		}
		if seen[a.Name] {
			return nil, core.E(core.Invalid, "config", "coders has the name "+a.Name+" twice").WithHint(configHint)
		}
		seen[a.Name] = true
		all = append(all, a)
	}
	return all, nil
}

func (c Config) checkCoders() error {
	_, err := c.coderAgents()
	return err
}

// boxFolders are those in which boxes look for programs.
func boxFolders(ctx context.Context) []string {
	all := []string{"/usr/local/bin", "/usr/bin", "/bin"}
	for _, t := range ns.Toolchains(ctx) {
		if t.Found() {
			all = append(all, filepath.Dir(t.Path))
		}
	}
	return all
}

// coderTools is run_coder with the agents that are installed; none without any.
func (n *node) coderTools(ctx context.Context) ([]tool.Tool, error) {
	all, err := n.cfg.coderAgents()
	if err != nil || len(all) == 0 {
		return nil, err
	}
	folders := boxFolders(ctx)
	all = slices.DeleteFunc(all, func(a coder.Agent) bool { return !a.Installed(folders) })
	if len(all) == 0 {
		return nil, nil
	}
	return []tool.Tool{coder.New(coder.Config{
		Boxes: n.sandbox, Outside: outside{n.outside, n.secrets}, Agents: all, Reached: way{n.reachable, n.audit.Record, n.log}.Reached,
	})}, nil
}

// coderChecks say which coding agents tasks have.
func (c Config) coderChecks(ctx context.Context) []client.HealthCheck {
	agents, err := c.coderAgents()
	switch {
	case err != nil:
		return []client.HealthCheck{check("coding agents", "", err)}
	case len(agents) == 0:
		return []client.HealthCheck{check("coding agents", "none is configured, so there is no run_coder; see coders in docs/tools-development.md", nil)}
	}
	folders := boxFolders(ctx)
	var all []client.HealthCheck
	for _, a := range agents {
		one := client.HealthCheck{Name: "coding agent " + a.Name, OK: a.Installed(folders), Detail: a.Argv[0]}
		if !one.OK {
			one.Detail += " isn't where sandboxes find it, so it isn't offered"
			one.Hint = "install it in " + strings.Join(folders, ", ") + ", or name its folder as its dir, and the program below " + coder.Mount
		}
		all = append(all, one)
	}
	return all
}
