package e2e

import (
	"slices"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// changing is an app at version 1, made by the command line, that runs in a server.
type changing struct {
	*server
	t   *testing.T
	app client.AppDetail
	env []string
}

// make builds an app and runs it in a server of its own.
func makeApp(t *testing.T, prompt string) *changing {
	t.Helper()
	c := &changing{t: t, env: cleanEnv()}
	dir := t.TempDir()
	r := isekai(t, c.env, "run", "--exit", "--json", "--data-dir", dir, prompt)
	if r.code != 0 {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
	last, _ := timeline(t, r.out)
	c.server = serve(t, dir, c.env)
	a, err := c.StartApp(t.Context(), last.App.ID)
	if err != nil {
		t.Fatal(err)
	}
	c.app = a
	return c
}

// run runs a command about the app; args follow the app's name.
func (c *changing) run(command string, args ...string) result {
	c.t.Helper()
	return isekai(c.t, c.env, slices.Concat([]string{"app", command, "--data-dir", c.dir, c.app.Name}, args)...)
}

// does is run that must succeed.
func (c *changing) does(command string, args ...string) string {
	c.t.Helper()
	r := c.run(command, args...)
	if r.code != 0 {
		c.t.Fatalf("isekai app %s %q: exit code %d: %s%s", command, args, r.code, r.out, r.err)
	}
	return r.out
}

// change makes the next version and returns it running.
func (c *changing) change(prompt string) client.AppDetail {
	c.t.Helper()
	last, answered := timeline(c.t, c.does("change", "--json", prompt))
	if last.Task.Status != core.StatusSucceeded || !answered || last.Task.Tests.Passed == 0 {
		c.t.Fatalf("%q ended with %+v", prompt, last.Task)
	}
	return c.now()
}

// now reads the app.
func (c *changing) now() client.AppDetail {
	c.t.Helper()
	a, err := c.App(c.t.Context(), c.app.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// is fails the test unless the app runs at a version.
func (c *changing) is(version, versions int) {
	c.t.Helper()
	if a := c.now(); a.Version != version || a.Versions != versions || a.Status != "running" {
		c.t.Fatalf("the app is %s at version %d of %d, want running at %d of %d", a.Status, a.Version, a.Versions, version, versions)
	}
}
