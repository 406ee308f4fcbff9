package sandboxtest

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

func createTests() tests {
	return tests{
		"an invalid spec is refused":           invalidSpecs,
		"a call without a tenant is refused":   noTenant,
		"a box outlives the call that made it": outlivesCreate,
		"a canceled create makes nothing":      canceledCreate,
		"the probe names what it checked":      probeNames,
	}
}

func invalidSpecs(t *testing.T, g rig) {
	dir := folder(t)
	file := filepath.Join(dir, "file")
	put(t, file, "x")
	if err := os.Symlink(dir, dir+"/link"); err != nil {
		t.Fatal(err)
	}
	at := func(target string) sandbox.Spec {
		return sandbox.Spec{Mounts: []sandbox.Mount{{Host: dir, Target: target}}}
	}
	for name, spec := range map[string]sandbox.Spec{
		"a relative host folder":         {Mounts: []sandbox.Mount{{Host: "folder", Target: "/data"}}},
		"a host folder that isn't there": {Mounts: []sandbox.Mount{{Host: dir + "/none", Target: "/data"}}},
		"a link to a host folder":        {Mounts: []sandbox.Mount{{Host: dir + "/link", Target: "/data"}}},
		"a link with a slash":            {Mounts: []sandbox.Mount{{Host: dir + "/link/", Target: "/data"}}},
		"a host file":                    {Mounts: []sandbox.Mount{{Host: file, Target: "/data"}}},
		"no host folder":                 {Mounts: []sandbox.Mount{{Target: "/data"}}},
		"no target":                      at(""),
		"a relative target":              at("data"),
		"the root as target":             at("/"),
		"a target that climbs":           at("/data/../etc"),
		"a system folder":                at("/usr"),
		"a folder in a system folder":    at("/etc/app"),
		"/proc":                          at("/proc"),
		"/dev/shm":                       at("/dev/shm"),
		"two mounts at one target": {Mounts: []sandbox.Mount{
			{Host: dir, Target: "/data"}, {Host: dir, Target: "/data"}}},
		"negative memory":  {Limits: sandbox.Limits{Memory: -1}},
		"negative pids":    {Limits: sandbox.Limits{Pids: -1}},
		"negative CPU":     {Limits: sandbox.Limits{CPU: -1}},
		"negative disk":    {Limits: sandbox.Limits{Disk: -1}},
		"negative inodes":  {Limits: sandbox.Limits{Inodes: -1}},
		"negative files":   {Limits: sandbox.Limits{OpenFiles: -1}},
		"negative size":    {Limits: sandbox.Limits{FileSize: -1}},
		"negative CPUTime": {Limits: sandbox.Limits{CPUTime: -1}},
	} {
		box, err := g.driver.Create(t.Context(), scope(), spec)
		if err == nil {
			wantKilled(t, box)
		}
		wantCode(t, name, err, core.Invalid, core.NotFound)
	}
}

func noTenant(t *testing.T, g rig) {
	box, err := g.driver.Create(t.Context(), core.Scope{}, sandbox.Spec{})
	if err == nil {
		wantKilled(t, box)
	}
	wantCode(t, "create", err, core.Internal)
}

func outlivesCreate(t *testing.T, g rig) {
	ctx, cancel := context.WithCancel(t.Context())
	box, err := g.driver.Create(ctx, scope(), sandbox.Spec{})
	cancel()
	if err != nil {
		t.Fatal(err)
	}
	defer wantKilled(t, box)
	ok(t, run(t, box, sandbox.Command{Argv: []string{"true"}}))
}

func canceledCreate(t *testing.T, g rig) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	box, err := g.driver.Create(ctx, scope(), sandbox.Spec{})
	if err == nil {
		wantKilled(t, box)
	}
	wantCode(t, "create", err, core.Canceled)
}

func probeNames(t *testing.T, g rig) {
	report := g.driver.Probe(t.Context())
	if len(report.Checks) == 0 {
		t.Error("the probe checked nothing")
	}
	for _, c := range report.Checks {
		if c.Name == "" || c.Detail == "" {
			t.Errorf("a check without a name or a detail: %+v", c)
		}
	}
}

func wantKilled(t *testing.T, box sandbox.Box) {
	t.Helper()
	if err := box.Kill(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("kill: %v", err)
	}
}
