package sandboxtest

import (
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/sandbox"
)

func lingerTests() tests {
	return tests{
		"a double-forked daemon ends with its command": daemonEnds,
		"a daemon ends with its box":                   daemonKilled,
		"a command that ignores signals":               stubborn,
		"a command that stops itself":                  stopped,
		"a child that holds on to the output":          holdsOutput,
		"endless output":                               endless,
		"endless output that nobody takes":             blockedOutput,
	}
}

// daemonEnds starts a daemon, which outside outlives who started it.
func daemonEnds(t *testing.T, g rig) {
	beat := folder(t) + "/beat"
	wantDone(t, g.attackOutside(t, false, "daemon", beat, "700"))
	old := length(beat)
	eventually(t, "the daemon outside goes on", func() bool { return length(beat) > old })
	end(t, beat)
	box, dir := g.workspace(t, sandbox.Limits{})
	ok(t, run(t, box, program("daemon", "/data/beat", "60000")))
	wantStill(t, dir+"/beat")
}

// end ends who beats outside in a file.
func end(t *testing.T, beat string) {
	t.Helper()
	b, err := os.ReadFile(beat)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	if err == nil {
		err = unix.Kill(pid, unix.SIGKILL)
	}
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the daemon outside ends", func() bool { return unix.Kill(pid, 0) != nil || isZombie(pid) })
}

func daemonKilled(t *testing.T, g rig) {
	box, dir := g.workspace(t, sandbox.Limits{Wall: -1})
	background(t, box, sandbox.Command{Argv: []string{"sh", "-c", tool + " daemon /data/beat 60000; sleep 60"}})
	eventually(t, "the daemon beats", func() bool { return length(dir+"/beat") > 0 })
	wantKilled(t, box)
	wantStill(t, dir+"/beat")
}

// wantStill fails the test if a file grows, now that all who wrote it are dead.
func wantStill(t *testing.T, path string) {
	t.Helper()
	old := length(path)
	time.Sleep(100 * time.Millisecond) // twenty beats
	if now := length(path); now != old {
		t.Errorf("%s grows: somebody lives", path)
	}
}

func length(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// stubborn can be ended by SIGKILL alone, outside and inside.
func stubborn(t *testing.T, g rig) {
	pid, _ := g.startOutside(t, "stubborn")
	if err := unix.Kill(pid, unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond) // it would be dead by then
	if isZombie(pid) {
		t.Error("the control outside died of SIGTERM")
	}
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Wall: 300 * time.Millisecond}})
	o := run(t, box, program("stubborn"))
	if o.Reason != sandbox.TimedOut || o.Wall > soon {
		t.Errorf("%+v", o.Exit)
	}
}

// stopped stops, and so does nothing ever again by itself.
func stopped(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Wall: 300 * time.Millisecond}})
	o := run(t, box, sandbox.Command{Argv: []string{"sh", "-c", "kill -STOP $$"}})
	if o.Reason != sandbox.TimedOut || o.Wall > soon {
		t.Errorf("%+v", o.Exit)
	}
}

// holdsOutput leaves a child behind that has stdout and stderr open.
func holdsOutput(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	o := run(t, box, sandbox.Command{Argv: []string{"sh", "-c", "echo said; sleep 50 & setsid sleep 50 &"}})
	if got := ok(t, o); got != "said" || o.Wall > soon {
		t.Errorf("%q, %+v", got, o.Exit)
	}
}

// endless writes without end to a caller who keeps a ring, until time is up.
func endless(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Output: -1, Wall: 500 * time.Millisecond}})
	o := run(t, box, sandbox.Command{Argv: []string{tool, "yes"}, Stdout: io.Discard, Stderr: io.Discard})
	if o.Reason != sandbox.TimedOut || o.Wall > soon {
		t.Errorf("%+v", o.Exit)
	}
}

// blockedOutput has a caller whose writer is stuck while time is up: the command
// must be dead although Exec can't return before the writer does.
func blockedOutput(t *testing.T, g rig) {
	box, dir := g.workspace(t, sandbox.Limits{Output: -1, Wall: 2 * time.Second})
	r, w := io.Pipe()
	ended := background(t, box, sandbox.Command{Argv: []string{"sh", "-c", tool + " beat /data/beat 60000 & exec " + tool + " yes"}, Stdout: w})
	eventually(t, "it beats", func() bool { return length(dir+"/beat") > 0 })
	eventually(t, "it is dead", func() bool {
		old := length(dir + "/beat")
		time.Sleep(100 * time.Millisecond) // twenty beats
		return length(dir+"/beat") == old
	})
	_ = r.Close() // which frees the writer
	select {
	case <-ended:
	case <-time.After(soon):
		t.Fatal("Exec doesn't return")
	}
}

// blocked is a stdin that is open and says nothing until the test ends.
func blocked(t *testing.T) io.Reader {
	t.Helper()
	r, w := io.Pipe()
	t.Cleanup(func() { _ = w.Close() }) // a pipe in memory
	return r
}
