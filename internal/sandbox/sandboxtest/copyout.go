package sandboxtest

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

func copyTests() tests {
	return tests{
		"copy reads a regular file":           copyFile,
		"copy stops at its limit":             copyLimit,
		"copy tells why it doesn't":           copyRefuses,
		"copy reads while a command runs":     copyDuring,
		"copy reads what nobody else may":     copyPrivate,
		"copy passes a failing writer on":     copyBrokenWriter,
		"copy ends with the caller's context": copyCanceled,
	}
}

type stringWriter = strings.Builder

// copied reads a file back by Copy, and fails the test if that hangs, as it does
// where somebody opens a FIFO.
func copied(t *testing.T, box sandbox.Box, path string) (string, error) {
	t.Helper()
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		var w stringWriter
		_, err := box.Copy(t.Context(), path, &w, 1000)
		done <- result{w.String(), err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-time.After(soon):
		t.Fatalf("%s: copy hangs", clip(path))
		return "", nil
	}
}

func copyFile(t *testing.T, g rig) {
	app := folder(t)
	put(t, app+"/main.py", "print()")
	data := folder(t)
	box := g.box(t, sandbox.Spec{Mounts: []sandbox.Mount{{Host: app, Target: "/app"}, {Host: data, Target: "/data", Writable: true}}})
	sh(t, box, "mkdir -p /data/a/b; printf result > /data/a/b/file; : > /data/empty; printf odd > '/data/a  b*'")
	for path, want := range map[string]string{"/app/main.py": "print()", "/data/a/b/file": "result", "/data/empty": "", "/data/a  b*": "odd"} {
		var w stringWriter
		n, err := box.Copy(t.Context(), path, &w, 1000)
		if err != nil || w.String() != want || n != int64(len(want)) {
			t.Errorf("%s: %q, %d, %v", path, w.String(), n, err)
		}
	}
}

func copyLimit(t *testing.T, g rig) {
	box, dir := g.workspace(t, sandbox.Limits{})
	put(t, dir+"/file", strings.Repeat("x", 1000))
	var w stringWriter
	if n, err := box.Copy(t.Context(), "/data/file", &w, 1000); err != nil || n != 1000 {
		t.Errorf("a file of exactly the limit: %d, %v", n, err)
	}
	w.Reset()
	_, err := box.Copy(t.Context(), "/data/file", &w, 999)
	wantCode(t, "a longer file", err, core.Exhausted)
	if w.Len() > 999 {
		t.Errorf("it wrote %d bytes", w.Len())
	}
}

func copyRefuses(t *testing.T, g rig) {
	box, _ := g.workspace(t, sandbox.Limits{})
	ok(t, run(t, box, program("plant", "/data", "/etc/passwd")))
	missing := []core.Code{core.NotFound}
	not := []core.Code{core.Invalid, core.NotFound}
	for path, codes := range map[string][]core.Code{
		"/data/none": missing, "/data/none/none": missing, "/data/file/below": not,
		"/data": {core.Invalid}, "/data/folder": {core.Invalid}, "/data/fifo": {core.Invalid}, "/data/socket": {core.Invalid},
		"/data/link": not, "/data/proclink": not, "/data/uplink": not, "/data/loop": not, "/data/folderlink/etc/passwd": not,
		"": not, "/": not, "data/file": not, "/data/../etc/passwd": not, "/etc/passwd": not, "/proc/self/environ": not,
		"/database/file": not, "/data/a\x00b": not, "/proc/1/root/data/file": not, "/data/folder/../../etc/passwd": not,
		"/data/" + strings.Repeat("x", 5000): not,
	} {
		text, err := copied(t, box, path)
		wantCode(t, clip(path), err, codes...)
		if text != "" {
			t.Errorf("%s: it wrote %q", path, text)
		}
	}
}

func copyDuring(t *testing.T, g rig) {
	box, _ := g.workspace(t, sandbox.Limits{})
	background(t, box, sandbox.Command{Argv: []string{"sh", "-c", "printf x > /data/new && mv /data/new /data/file && sleep 60"}})
	eventually(t, "the file can be copied", func() bool {
		var w stringWriter
		_, err := box.Copy(t.Context(), "/data/file", &w, 10)
		if err != nil {
			wantCode(t, "copy", err, core.NotFound)
		}
		return err == nil && w.String() == "x"
	})
}

func copyPrivate(t *testing.T, g rig) {
	box, _ := g.workspace(t, sandbox.Limits{})
	sh(t, box, "umask 077; mkdir /data/d; printf x > /data/d/file")
	var w stringWriter
	if _, err := box.Copy(t.Context(), "/data/d/file", &w, 10); err != nil || w.String() != "x" {
		t.Errorf("%q, %v", w.String(), err)
	}
}

func copyBrokenWriter(t *testing.T, g rig) {
	box, dir := g.workspace(t, sandbox.Limits{})
	put(t, dir+"/file", "content")
	if _, err := box.Copy(t.Context(), "/data/file", brokenWriter{}, 10); err == nil {
		t.Error("the writer failed and copy didn't")
	}
}

func copyCanceled(t *testing.T, g rig) {
	box, dir := g.workspace(t, sandbox.Limits{})
	if err := os.WriteFile(dir+"/file", make([]byte, 8<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	_, err := box.Copy(ctx, "/data/file", &stringWriter{}, 16<<20)
	wantCode(t, "copy", err, core.Canceled)
	if time.Since(start) > soon {
		t.Error("it took too long")
	}
}

// exists reports whether there is something at a path of the host.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}
