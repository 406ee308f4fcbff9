package sandboxtest

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

func endTests() tests {
	return tests{
		"the wall limit ends a command":            wallLimit,
		"the caller's context ends a command":      contextEnds,
		"a context that is over runs nothing":      contextOver,
		"the output limit ends a command":          outputLimit,
		"output of exactly the limit is allowed":   outputExact,
		"a negative output limit is none":          outputUnbounded,
		"the CPU time limit ends a command":        cpuTimeLimit,
		"kill ends what runs":                      killEnds,
		"kill may be called by everyone and again": killAgain,
		"after kill everything is unavailable":     afterKill,
	}
}

func wallLimit(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Wall: time.Second}})
	o := run(t, box, program("sleep", "60000"))
	if o.Reason != sandbox.TimedOut || o.OK() || o.Wall < 900*time.Millisecond || o.Wall > soon {
		t.Errorf("%+v", o.Exit)
	}
	ok(t, run(t, box, program("exit", "0"))) // the limit is of one Exec
}

func contextEnds(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	o, err := tryRun(ctx, box, program("sleep", "60000"))
	if err == nil && o.Reason != sandbox.KilledOff {
		t.Errorf("%+v", o.Exit)
	}
	if d := time.Since(start); d > soon {
		t.Errorf("it took %v", d)
	}
	ok(t, run(t, box, program("exit", "0")))
}

func contextOver(t *testing.T, g rig) {
	box, dir := g.workspace(t, sandbox.Limits{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o, err := tryRun(ctx, box, sandbox.Command{Argv: []string{"touch", "/data/ran"}})
	if err == nil && o.Reason != sandbox.KilledOff {
		t.Errorf("%+v", o.Exit)
	}
	if exists(dir + "/ran") {
		t.Error("it ran")
	}
}

func outputLimit(t *testing.T, g rig) {
	const limit = 64 << 10
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Output: limit}})
	o := run(t, box, program("yes"))
	if o.Reason != sandbox.TooMuch {
		t.Errorf("%+v", o.Exit)
	}
	if n := len(o.out) + len(o.err); n == 0 || n > limit {
		t.Errorf("%d bytes came out, the limit is %d", n, limit)
	}
}

func outputExact(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Output: 1000}})
	if o := run(t, box, sandbox.Command{Argv: []string{"sh", "-c", "printf %01000d 0"}}); !o.OK() || len(o.out) != 1000 {
		t.Errorf("1000 bytes: %+v, %d came out", o.Exit, len(o.out))
	}
	if o := run(t, box, sandbox.Command{Argv: []string{"sh", "-c", "printf %01001d 0; sleep 20"}}); o.Reason != sandbox.TooMuch {
		t.Errorf("1001 bytes: %+v", o.Exit)
	}
}

func outputUnbounded(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Output: -1}})
	o := run(t, box, sandbox.Command{Argv: []string{"head", "-c", "3000000", "/dev/zero"}})
	if !o.OK() || len(o.out) != 3_000_000 {
		t.Errorf("%+v, %d bytes came out", o.Exit, len(o.out))
	}
}

func cpuTimeLimit(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{CPUTime: time.Second, CPU: 2}})
	o := run(t, box, program("spin", "30000"))
	if o.Reason != sandbox.TimedOut {
		t.Errorf("%+v", o.Exit)
	}
}

func killEnds(t *testing.T, g rig) {
	box, dir := g.workspace(t, sandbox.Limits{})
	ended := background(t, box, program("beat", "/data/beat", "60000"))
	eventually(t, "the command runs", func() bool { return exists(dir + "/beat") })
	wantKilled(t, box)
	select {
	case o := <-ended:
		if o.OK() || (o.err == "" && o.Reason != sandbox.KilledOff) {
			t.Errorf("%+v %s", o.Exit, o.err)
		}
	case <-time.After(soon):
		t.Fatal("the command goes on")
	}
	wantStill(t, dir+"/beat")
}

func killAgain(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { wantKilled(t, box) })
	}
	wg.Wait()
	wantKilled(t, box)
}

func afterKill(t *testing.T, g rig) {
	box, _ := g.workspace(t, sandbox.Limits{})
	wantKilled(t, box)
	_, err := box.Exec(t.Context(), sandbox.Command{Argv: []string{"true"}})
	wantCode(t, "exec", err, core.Unavailable)
	c, err := box.Dial(t.Context(), "tcp", "127.0.0.1:80")
	if err == nil {
		_ = c.Close() // it shouldn't be there
	}
	wantCode(t, "dial", err, core.Unavailable)
	_, err = box.Copy(t.Context(), "/data/x", io.Discard, 10)
	wantCode(t, "copy", err, core.Unavailable)
	_, err = box.Stats(t.Context())
	wantCode(t, "stats", err, core.Unavailable)
}
