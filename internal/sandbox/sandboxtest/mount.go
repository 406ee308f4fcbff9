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
		"a folder in a writable mount is kept":        keptFolder,
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

// keptFolder is how a command may work in a repository without changing what git runs.
func keptFolder(t *testing.T, g rig) {
	dir := folder(t)
	for _, name := range []string{"/kept", "/kept/sub"} {
		if err := os.Mkdir(dir+name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, dir+"/kept/file", "kept")
	put(t, dir+"/file", "mine")
	whole := sandbox.Mount{Host: dir, Target: "/data", Writable: true}
	kept := sandbox.Mount{Host: dir + "/kept", Target: "/data/kept"}
	box := g.box(t, sandbox.Spec{Mounts: []sandbox.Mount{whole, kept}})
	if got := sh(t, box, "cat /data/kept/file && echo new > /data/file && mkdir /data/sub && mv /data/file /data/sub/"); got != "kept" {
		t.Errorf("read %q", got)
	}
	for _, script := range []string{"echo x > kept/file", "echo x > kept/new", "echo x > kept/sub/new", "rm kept/file", "chmod 777 kept/file", "chmod 777 kept", "touch kept/file",
		"mv kept other", "rmdir kept/sub", "mkdir other && mv -T other kept", "mv kept sub/", "ln kept/file link && echo x > link", "rm -rf kept", "mv -T sub/file kept/file", "ln -sfT sub kept"} {
		if o := run(t, box, sandbox.Command{Argv: []string{"sh", "-c", script}, Dir: "/data"}); o.OK() {
			t.Errorf("%s: it worked", script)
		}
	}
	var copied stringWriter
	if _, err := box.Copy(t.Context(), "/data/kept/file", &copied, 10); err != nil || copied.String() != "kept" {
		t.Errorf("copied %q, %v", copied.String(), err)
	}
	wantKilled(t, box)
	if b, err := os.ReadFile(dir + "/kept/file"); err != nil || string(b) != "kept" {
		t.Errorf("on the host: %q, %v", b, err)
	}
	if entries, err := os.ReadDir(dir + "/kept"); err != nil || len(entries) != 2 {
		t.Errorf("on the host: %v, %v", entries, err)
	}
	for name, mounts := range map[string][]sandbox.Mount{
		"the inner one first":      {kept, whole},
		"twice":                    {whole, kept, kept},
		"writable":                 {whole, {Host: kept.Host, Target: kept.Target, Writable: true}},
		"another folder":           {whole, {Host: folder(t), Target: kept.Target}},
		"by another name":          {whole, {Host: kept.Host, Target: "/data/other"}},
		"deeper":                   {whole, {Host: dir + "/kept/sub", Target: "/data/kept/sub"}},
		"in a read-only one":       {{Host: dir, Target: "/data"}, kept},
		"not there":                {whole, {Host: dir + "/none", Target: "/data/none"}},
		"a name with another's in": {whole, {Host: dir + "/kept/../kept", Target: kept.Target}},
	} {
		box, err := g.driver.Create(t.Context(), scope(), sandbox.Spec{Mounts: mounts})
		if err == nil {
			wantKilled(t, box)
		}
		wantCode(t, name, err, core.Invalid)
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
