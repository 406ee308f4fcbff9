package ns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns/boot"
)

const opExec = "sandbox.exec"

// Exec runs a command. See sandbox.Box.
func (b *box) Exec(ctx context.Context, c sandbox.Command) (sandbox.Exit, error) {
	x, err := b.command(c)
	if err != nil {
		return sandbox.Exit{}, err
	}
	if err := ctx.Err(); err != nil {
		return sandbox.Exit{}, core.E(core.CodeOf(err), opExec, "gave up").Because(err)
	}
	if b.isKilled() {
		return sandbox.Exit{}, gone(opExec)
	}
	p, err := b.openPipes(c)
	if err != nil {
		return sandbox.Exit{}, core.E(core.Unavailable, opExec, "no pipes").Because(err)
	}
	defer p.close()
	ooms, begin := b.d.groups.ooms(b.name), time.Now()
	e := request(boot.OpExec, 0)
	x.Encode(e)
	err = b.control.send(e, p.theirs()...)
	p.closeTheirs()
	switch {
	case errors.Is(err, errTooLong):
		return sandbox.Exit{}, core.E(core.Invalid, opExec, "arguments and environment are too long").
			WithHint(fmt.Sprintf("keep them below %d bytes together, and pass more in a file", boot.MaxMessage))
	case err != nil:
		return sandbox.Exit{}, b.failed(ctx, opExec, err)
	}
	r := &run{b: b, id: x.ID, pipes: p, ooms: ooms}
	exit, err := r.wait(ctx)
	exit.Wall = time.Since(begin)
	return exit, err
}

// command says in the first process's words what c says.
func (b *box) command(c sandbox.Command) (*boot.Exec, error) {
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return nil, core.E(core.Invalid, opExec, "no command")
	}
	env := map[string]string{"PATH": b.image.path, "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8"}
	if b.proxy != nil {
		maps.Copy(env, sandbox.ProxyEnv())
	}
	for name, value := range c.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return nil, core.E(core.Invalid, opExec, fmt.Sprintf("%q can't be a variable's name", name))
		}
		env[name] = value
	}
	x := &boot.Exec{ID: b.execs.Add(1), Argv: c.Argv, Dir: c.Dir, EmptyStdin: c.Stdin == nil}
	if x.Dir == "" {
		x.Dir = "/"
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		x.Env = append(x.Env, name+"="+env[name])
	}
	for _, s := range append(append([]string{x.Dir}, x.Argv...), x.Env...) {
		if strings.ContainsRune(s, 0) {
			return nil, core.E(core.Invalid, opExec, "arguments, folder and environment can't hold a zero byte")
		}
	}
	if strings.ContainsRune(c.Argv[0], '/') {
		x.Paths = []string{c.Argv[0]}
		return x, nil
	}
	for _, dir := range strings.Split(env["PATH"], ":") {
		if path.IsAbs(dir) {
			x.Paths = append(x.Paths, path.Join(dir, c.Argv[0]))
		}
	}
	return x, nil
}

// run is an Exec on its way.
type run struct {
	b     *box
	id    uint64
	pipes *pipes
	ooms  int64

	mu  sync.Mutex
	why sandbox.Reason // "" unless we ended it
	err error          // of a caller's writer
}

// stop ends the command for a reason; the first one counts.
func (r *run) stop(why sandbox.Reason, err error) {
	r.mu.Lock()
	first := r.why == ""
	if first {
		r.why, r.err = why, err
	}
	r.mu.Unlock()
	if first {
		e := request(boot.OpKill, 0)
		e.Uint(r.id)
		_ = r.b.control.send(e) // it fails if the box has ended, and so the command
	}
}

// wait returns when the command has ended and its output is written.
func (r *run) wait(ctx context.Context) (sandbox.Exit, error) {
	stopCtx := context.AfterFunc(ctx, func() { r.stop(sandbox.KilledOff, nil) })
	defer stopCtx()
	if wall := r.b.limits.Wall; wall > 0 {
		timer := time.AfterFunc(wall, func() { r.stop(sandbox.TimedOut, nil) })
		defer timer.Stop()
	}
	copied := r.pipes.copy(r.b.limits.Output, r.stop)
	res, err := r.result()
	copied.Wait()
	r.mu.Lock()
	why, werr := r.why, r.err
	r.mu.Unlock()
	switch {
	case werr != nil:
		return sandbox.Exit{}, fmt.Errorf("%s: write output: %w", opExec, werr)
	case err != nil && r.b.isKilled():
		return sandbox.Exit{Code: 128 + int(syscall.SIGKILL), Signal: int(syscall.SIGKILL), Reason: sandbox.KilledOff}, nil
	case err != nil:
		return sandbox.Exit{}, core.E(core.Unavailable, opExec, "the box has died").Because(err)
	}
	return r.exit(res, why)
}

// result waits for the first process's word.
func (r *run) result() (res boot.Result, err error) {
	data, err := io.ReadAll(io.LimitReader(r.pipes.result, 256))
	d := &boot.Decoder{B: data}
	res.Decode(d)
	if err == nil && d.Bad {
		err = errGone
	}
	return res, err
}

// exit says in the port's words how it ended.
func (r *run) exit(res boot.Result, why sandbox.Reason) (sandbox.Exit, error) {
	switch errno := syscall.Errno(res.Errno); {
	case res.Why == boot.NoProgram:
		return sandbox.Exit{}, core.E(core.NotFound, opExec, "can't execute the program").Because(errno).
			WithHint("name a program that the box has")
	case res.Why == boot.NoStart && res.Stage == boot.StageDir:
		return sandbox.Exit{}, core.E(core.NotFound, opExec, "can't enter the working folder").Because(errno)
	case res.Why == boot.NoStart:
		return sandbox.Exit{}, core.E(core.Unavailable, opExec, "can't start the command: "+boot.Stages[res.Stage%uint64(len(boot.Stages))]).Because(errno)
	}
	ws := syscall.WaitStatus(res.Status)
	exit := sandbox.Exit{Code: ws.ExitStatus(), Reason: sandbox.Exited, CPU: time.Duration(res.CPU) * time.Microsecond}
	if ws.Signaled() {
		exit.Signal, exit.Reason = int(ws.Signal()), sandbox.Signaled
		exit.Code = 128 + exit.Signal
	}
	exit.Reason = r.reason(res, exit, why)
	return exit, nil
}

func (r *run) reason(res boot.Result, exit sandbox.Exit, why sandbox.Reason) sandbox.Reason {
	l := r.b.limits
	switch {
	case why == sandbox.TooMuch, res.Why == boot.Killed && why != "":
		return why
	case res.Why == boot.OverMem:
		return sandbox.OutOfMem
	case res.Why == boot.OverDisk:
		return sandbox.DiskFull
	case exit.Code != 0 && r.b.d.groups.ooms(r.b.name) > r.ooms:
		return sandbox.OutOfMem
	case exit.Signal == int(syscall.SIGKILL) && exit.CPU.Seconds() >= 0.6*float64(cpuSeconds(l)): // the kernel counts in ticks: of a second that is off by a tenth, often
		return sandbox.TimedOut
	}
	return exit.Reason
}
