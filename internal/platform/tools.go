package platform

import (
	"context"
	"fmt"
	"sync"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/model/blueprint"
	"github.com/isekai-run/isekai/internal/redact"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
	"github.com/isekai-run/isekai/internal/skill"
	"github.com/isekai-run/isekai/internal/tool"
	apptool "github.com/isekai-run/isekai/internal/tool/app"
	"github.com/isekai-run/isekai/internal/tool/apptest"
	"github.com/isekai-run/isekai/internal/tool/command"
	"github.com/isekai-run/isekai/internal/tool/files"
	memorytool "github.com/isekai-run/isekai/internal/tool/memory"
	"github.com/isekai-run/isekai/internal/tool/search"
	skilltool "github.com/isekai-run/isekai/internal/tool/skill"
)

// newTools lists the tools, whose calls are counted, and checks that those are among them that
// plans of apps name.
func newTools(counted *toolMetrics, box sandbox.Driver, apps *app.Service, skills *skill.Service, guard *redact.Service, more ...tool.Tool) (*tool.Registry, error) {
	var all []tool.Tool
	all = append(all, files.Tools()...)
	all = append(all, search.New(), command.NewWithSkills(box, skills))
	all = append(all, skilltool.Tools(shelf{skills})...)
	all = append(all, apptest.New(box), apptest.NewOffered(box))
	all = append(all, apptool.Tools(apps)...)
	all = append(all, more...)
	// isekai scaffold tool adds a line above this one.
	r, err := tool.NewObservedRegistry(counted.observer(all), guarded(guard, all)...)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{agent.ToolTest, agent.ToolPublish, agent.ToolPreview} {
		t, ok := r.Get(name)
		if !ok || t.Spec().Effect == core.Once {
			return nil, core.E(core.Internal, "platform", name+" must be there, and repeatable after a crash")
		}
	}
	return r, nil
}

// appFiles is agent.WorkerConfig's AppFiles.
func (n *node) appFiles(ctx context.Context, scope core.Scope, id core.AppID) (int, core.Digest, error) {
	v, err := n.apps.Version(ctx, scope, id, 0)
	return v.Number, v.Tree, err
}

// moreTools are those that reach what isn't the workspace.
func (n *node) moreTools() []tool.Tool {
	return append(append(n.webTools(), memorytool.Tools(memoryOf{n.memory})...), command.NewOnline(n.sandbox, way{n.reachable, n.audit.Record, n.log}))
}

// openSandbox makes the sandbox driver. A host that can't isolate still serves
// everything else: what needs a sandbox fails with the reason.
func (n *node) openSandbox(context.Context) error {
	driver, err := ns.New(ns.Config{RunDir: n.dir.Join("sandbox"), Outlet: outletOf(func() *egress.Guard { return n.outside })})
	if err != nil {
		n.log.Warn("no sandbox", "err", err)
		n.sandbox = noSandbox{err}
		return nil
	}
	n.sandbox = driver
	if n.mode != cli.Direct { // which makes no boxes
		driver.Prepare()
	}
	n.stages.add("sandbox", func(context.Context) error { return driver.Close() })
	return nil
}

// noSandbox is the driver of a host that can't isolate code.
type noSandbox struct{ why error }

func (s noSandbox) Create(context.Context, core.Scope, sandbox.Spec) (sandbox.Box, error) {
	return nil, fmt.Errorf("no sandbox on this host: %w", s.why)
}

func (s noSandbox) Sweep(context.Context) (int, error) { return 0, nil }

func (s noSandbox) Probe(context.Context) sandbox.Report {
	return sandbox.Report{Checks: []sandbox.Check{{Name: "sandbox", Detail: s.why.Error(), Hint: core.HintOf(s.why)}}}
}

// newPlanner returns the built-in planner, which writes apps for what this host
// can run.
func newPlanner() *blueprint.Planner {
	return blueprint.New(blueprint.Config{Runtime: appRuntime})
}

// appRuntime names the runtime of new apps: Python, else Node. It looks once.
var appRuntime = sync.OnceValues(func() (string, error) {
	have := map[string]bool{}
	for _, t := range ns.Toolchains(context.Background()) {
		have[t.Name] = t.Found()
	}
	switch {
	case have["python3"]:
		return "python", nil
	case have["node"]:
		return "node", nil
	}
	return "", core.E(core.Unsupported, "runtime", "there is neither Python 3 nor Node on this machine to run an app with").
		WithHint("install one of them, as in: apt-get install python3")
})
