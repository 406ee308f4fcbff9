package sandboxtest

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/sandbox"
)

func neighbourTests() tests {
	return tests{
		"abstract sockets between boxes":    abstractSockets,
		"IPC objects between boxes":         ipcObjects,
		"loopback ports between boxes":      loopbackPorts,
		"files and processes between boxes": filesAndProcesses,
	}
}

func abstractSockets(t *testing.T, g rig) {
	name := "@isekai-attack-" + strconv.Itoa(os.Getpid())
	g.startOutside(t, "listen-abstract", name)
	wantDone(t, g.attackOutside(t, false, "dial", "unix", name))
	one, two := g.box(t, sandbox.Spec{}), g.box(t, sandbox.Spec{})
	listen := program("listen-abstract", name)
	listen.Stdin = blocked(t)
	announced(t, one, listen)
	wantRefused(t, attackIn(t, two, "dial", "unix", name))
}

func ipcObjects(t *testing.T, g rig) {
	key := strconv.Itoa(1<<30 | os.Getpid())
	g.attackOutside(t, false, "ipc-plant", key)
	t.Cleanup(func() { g.attackOutside(t, false, "ipc-clear", key) })
	wantDone(t, g.attackOutside(t, false, "ipc-look", key))
	one, two := g.box(t, sandbox.Spec{}), g.box(t, sandbox.Spec{})
	wantRefused(t, attackIn(t, one, "ipc-look", key)) // those of the host
	t.Log(attackIn(t, one, "ipc-plant", key))         // which it may
	wantRefused(t, attackIn(t, two, "ipc-look", key))
}

func loopbackPorts(t *testing.T, g rig) {
	one, two := g.box(t, sandbox.Spec{}), g.box(t, sandbox.Spec{})
	address := server(t, one, "127.0.0.1:0")
	wantDone(t, attackIn(t, one, "dial", "tcp", address))
	wantRefused(t, attackIn(t, two, "dial", "tcp", address))
	if got := server(t, two, address); got != address { // it is free there
		t.Errorf("listens on %s instead of %s", got, address)
	}
}

func filesAndProcesses(t *testing.T, g rig) {
	one, _ := g.workspace(t, sandbox.Limits{})
	two, _ := g.workspace(t, sandbox.Limits{})
	sh(t, one, "echo mark > /tmp/mark; echo mark > /data/mark; test ! -d /dev/shm || echo mark > /dev/shm/mark || true")
	background(t, one, sandbox.Command{Argv: []string{"sh", "-c", tool + " sleep 59999; true"}})
	look := "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
	if got := sh(t, one, tool+" sleep 50001 >/dev/null & "+look); !strings.Contains(got, "sleep 50001") {
		t.Errorf("the first box doesn't show a command its own processes: %q", got)
	}
	if got := sh(t, two, look); strings.Contains(got, "sleep 59999") {
		t.Errorf("the second box shows %q", got)
	}
	for _, path := range []string{"/tmp/mark", "/data/mark", "/dev/shm/mark"} {
		wantRefused(t, attackIn(t, two, "read", path))
	}
}
