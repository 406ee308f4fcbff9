//go:build linux

package ns

import (
	"math"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	host := t.TempDir()
	mounts := func(targets ...string) (s sandbox.Spec) {
		for _, target := range targets {
			s.Mounts = append(s.Mounts, sandbox.Mount{Host: host, Target: target})
		}
		s.Limits = sandbox.DefaultLimits
		return s
	}
	limits := func(change func(*sandbox.Limits)) sandbox.Spec {
		l := sandbox.DefaultLimits
		change(&l)
		return sandbox.Spec{Limits: l}
	}
	for name, c := range map[string]struct {
		spec sandbox.Spec
		ok   bool
	}{
		"none":                {mounts(), true},
		"two":                 {mounts("/app", "/data"), true},
		"deep":                {mounts("/home/me/app"), true},
		"a common beginning":  {mounts("/app", "/app-data"), true},
		"root":                {mounts("/"), false},
		"relative":            {mounts("app"), false},
		"not clean":           {mounts("/app/../etc"), false},
		"a slash at the end":  {mounts("/app/"), false},
		"empty":               {mounts(""), false},
		"zero byte":           {mounts("/a\x00b"), false},
		"twice":               {mounts("/app", "/app"), false},
		"one in the other":    {mounts("/app", "/app/data"), false},
		"system folder":       {mounts("/usr"), false},
		"below one":           {mounts("/etc/app"), false},
		"proc":                {mounts("/proc/1"), false},
		"tmp":                 {mounts("/tmp/x"), false},
		"no such host folder": {sandbox.Spec{Mounts: []sandbox.Mount{{Host: host + "/none", Target: "/app"}}, Limits: sandbox.DefaultLimits}, false},
		"relative host":       {sandbox.Spec{Mounts: []sandbox.Mount{{Host: ".", Target: "/app"}}, Limits: sandbox.DefaultLimits}, false},
		"host file":           {sandbox.Spec{Mounts: []sandbox.Mount{{Host: "/proc/self/exe", Target: "/app"}}, Limits: sandbox.DefaultLimits}, false},
		"no wall limit":       {limits(func(l *sandbox.Limits) { l.Wall = -1 }), true},
		"no output limit":     {limits(func(l *sandbox.Limits) { l.Output = -1 }), true},
		"no memory limit":     {limits(func(l *sandbox.Limits) { l.Memory = -1 }), false},
		"no core":             {limits(func(l *sandbox.Limits) { l.CPU = 0.001 }), false},
		"not a number":        {limits(func(l *sandbox.Limits) { l.CPU = math.NaN() }), false},
		"negative pids":       {limits(func(l *sandbox.Limits) { l.Pids = -1 }), false},
		"negative disk":       {limits(func(l *sandbox.Limits) { l.Disk = -1 }), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			switch err := check(c.spec); {
			case c.ok && err != nil:
				t.Error(err)
			case !c.ok && core.CodeOf(err) != core.Invalid:
				t.Errorf("got %v, want it invalid", err)
			}
		})
	}
}

func TestRelativeCgroup(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, root, want string }{
		{"/", "/", "/"},
		{"/user.slice/a", "/", "/user.slice/a"},
		{"/docker/abc", "/docker/abc", ""},
		{"/docker/abc/inner", "/docker/abc", "/inner"},
		{"/elsewhere", "/docker/abc", "/"},
		{"/docker/abcdef", "/docker/abc", "/"},
	} {
		if got := relative(c.path, c.root); got != c.want {
			t.Errorf("%s seen from %s is %q, want %q", c.path, c.root, got, c.want)
		}
	}
}
