//go:build linux

package ns

import (
	"bytes"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

func TestFirst(t *testing.T) {
	d, err := New(Config{RunDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	dir := t.TempDir()
	b, err := d.Create(t.Context(), core.Scope{}, sandbox.Spec{Mounts: []sandbox.Mount{{Host: dir, Target: "/workspace", Writable: true}}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Kill(t.Context())
	for _, c := range []string{"id; pwd; ls -la / /dev /tmp /proc /workspace; cat /proc/self/status /proc/self/mountinfo; echo x > /workspace/f; ls -la /workspace; ps aux; env; cat /proc/self/cgroup; ls -la /proc/self/fd; ulimit -a", "python3 -c 'import sys,os,ssl,sqlite3;print(sys.version,sys.executable,os.cpu_count())'", "node -e 'console.log(process.version,os.cpus().length,os.totalmem())'"} {
		var out bytes.Buffer
		exit, err := b.Exec(t.Context(), sandbox.Command{Argv: []string{"sh", "-c", c}, Stdout: &out, Stderr: &out})
		t.Log(exit, err, out.String())
	}
	s, err := b.Stats(t.Context())
	t.Log(s, err)
	for _, c := range d.Probe(t.Context()).Checks {
		t.Logf("%+v", c)
	}
}
