package sandboxtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

func mountTests() tests {
	return tests{
		"a mount is read-only unless asked":           readOnlyMount,
		"the host reads and removes what was written": writableMount,
		"a mount shows later changes of the host":     liveMount,
		"mounts in each other are right or refused":   nestedMounts,
		"what was mounted stays on the host":          mountSurvives,
		"a folder may be mounted in two boxes":        sharedMount,
		"a mount's host folder may be private":        privateParent,
	}
}

func readOnlyMount(t *testing.T, g rig) {
	dir := folder(t)
	put(t, dir+"/file", "from the host")
	if err := os.Mkdir(dir+"/sub", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir+"/sub", 0o777); err != nil { // whoever the workload is, only the mount forbids it
		t.Fatal(err)
	}
	box := g.box(t, sandbox.Spec{Mounts: []sandbox.Mount{{Host: dir, Target: "/app"}}})
	if got := sh(t, box, "cat /app/file"); got != "from the host" {
		t.Errorf("read %q", got)
	}
	for _, script := range []string{"echo x > /app/new", "echo x > /app/file", "rm /app/file", "echo x > /app/sub/new", "mkdir /app/d",
		"mv /app/file /app/sub/file", "chmod 777 /app/file", "touch /app/file", "ln -s x /app/link"} {
		if o := run(t, box, sandbox.Command{Argv: []string{"sh", "-c", script}}); o.OK() {
			t.Errorf("%s: it worked", script)
		}
	}
}

func writableMount(t *testing.T, g rig) {
	box, dir := g.workspace(t, sandbox.Limits{})
	sh(t, box, "umask 077; mkdir -p /data/a/b && echo text > /data/a/b/file && chmod 400 /data/a/b/file && chmod 500 /data/a && echo x > /data/x && mv /data/x /data/y && rm /data/y")
	b, err := os.ReadFile(dir + "/a/b/file")
	if err != nil || string(b) != "text\n" {
		t.Errorf("read %q, %v", b, err)
	}
	wantKilled(t, box)
	// An ordinary user can't remove from a folder without the permission to write,
	// be it his own: he gives it to himself, as a user of the platform would.
	if err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(p, 0o700)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
}

func liveMount(t *testing.T, g rig) {
	box, dir := g.workspace(t, sandbox.Limits{})
	put(t, dir+"/later", "later")
	if got := sh(t, box, "cat /data/later"); got != "later" {
		t.Errorf("read %q", got)
	}
}

func nestedMounts(t *testing.T, g rig) {
	outer, inner := folder(t), folder(t)
	put(t, outer+"/file", "outer")
	if err := os.Mkdir(outer+"/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, inner+"/file", "inner")
	box, err := g.driver.Create(t.Context(), scope(), sandbox.Spec{Mounts: []sandbox.Mount{
		{Host: outer, Target: "/app"}, {Host: inner, Target: "/app/sub", Writable: true}}})
	if err != nil {
		wantCode(t, "create", err, core.Invalid)
		return
	}
	defer wantKilled(t, box)
	if got := sh(t, box, "cat /app/file /app/sub/file && echo x > /app/sub/new"); got != "outerinner" {
		t.Errorf("read %q", got)
	}
	if o := run(t, box, sandbox.Command{Argv: []string{"touch", "/app/new"}}); o.OK() {
		t.Error("the outer mount is writable")
	}
}

func mountSurvives(t *testing.T, g rig) {
	box, dir := g.workspace(t, sandbox.Limits{})
	put(t, dir+"/mine", "mine")
	sh(t, box, "echo theirs > /data/theirs")
	wantKilled(t, box)
	for name, want := range map[string]string{"mine": "mine", "theirs": "theirs\n"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

// sharedMount is how versions of an app see its one data folder in turn.
func sharedMount(t *testing.T, g rig) {
	dir := folder(t)
	spec := sandbox.Spec{Mounts: []sandbox.Mount{{Host: dir, Target: "/data", Writable: true}}}
	one, two := g.box(t, spec), g.box(t, sandbox.Spec{Mounts: []sandbox.Mount{{Host: dir, Target: "/data", Writable: true}}})
	sh(t, one, "echo one > /data/file")
	if got := sh(t, two, "cat /data/file && echo two >> /data/file"); got != "one" {
		t.Errorf("the second box read %q", got)
	}
	wantKilled(t, one)
	if got := sh(t, two, "cat /data/file"); got != "one\ntwo" {
		t.Errorf("the second box read %q", got)
	}
}

// privateParent has a host folder whose parent nobody else may enter, as data
// directories have.
func privateParent(t *testing.T, g rig) {
	parent := t.TempDir()
	if err := os.Mkdir(parent+"/app", 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, parent+"/app/file", "x")
	put(t, parent+"/secret", "secret")
	if err := os.Chmod(parent, 0o700); err != nil {
		t.Fatal(err)
	}
	box := g.box(t, sandbox.Spec{Mounts: []sandbox.Mount{{Host: parent + "/app", Target: "/app"}}})
	if got := sh(t, box, "cat /app/file"); got != "x" {
		t.Errorf("read %q", got)
	}
	for _, path := range []string{"/app/../secret", parent + "/secret"} {
		if _, err := box.Copy(t.Context(), path, &stringWriter{}, 10); err == nil {
			t.Errorf("copied %s", path)
		} else {
			wantCode(t, path, err, core.Invalid, core.NotFound)
		}
	}
}
