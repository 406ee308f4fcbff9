package check

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/tool"
)

const (
	cacheMount = "/cache"
	maxReport  = 16 << 20       // bytes that are parsed of what a runner says
	cacheLife  = 24 * time.Hour // of a task's cache that nobody uses
)

// box is a sandbox with the workspace and the task's cache, for the programs of one call.
type box struct {
	sandbox.Box
	root    *os.Root // the folder that is checked, on this machine
	dir     string   // the same, in the box
	timeout time.Duration
	report  string // a name of this call's own, in cacheMount
}

// open makes the box. The caller closes it.
func open(ctx context.Context, cfg Config, c tool.Call, a place) (*box, error) {
	dir, err := tool.CleanPath(a.where())
	if err != nil {
		return nil, err
	}
	workspace, err := c.Workspace.Open()
	if err != nil {
		return nil, err
	}
	defer workspace.Close()
	root, err := workspace.OpenRoot(dir)
	if err != nil {
		return nil, tool.FileError(dir, err)
	}
	cache, err := cacheFolder(cfg.Cache, c)
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	timeout := a.timeout()
	created, err := cfg.Boxes.Create(ctx, c.Scope, sandbox.Spec{
		Mounts: append(mounts(c.Workspace), sandbox.Mount{Host: cache, Target: cacheMount, Writable: true, Counted: true}),
		Limits: sandbox.Limits{
			Memory: 2 << 30, CPU: 2, CPUTime: timeout, Wall: timeout, Pids: 512, Output: -1,
			OpenFiles: 2048, FileSize: 256 << 20, Disk: 2 << 30, Inodes: 200_000,
		},
	})
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	return &box{Box: created, root: root, dir: path.Join(tool.Mount, dir), timeout: timeout, report: cacheMount + "/" + core.NewID("rep")}, nil
}

func (b *box) close(ctx context.Context) {
	_ = b.root.Close()
	_ = b.Kill(context.WithoutCancel(ctx)) // what it leaves, Sweep removes
}

// mounts returns what the programs see of a workspace: all, writable, but for the .git of a
// folder of the operator's, as of run_command.
func mounts(w tool.Workspace) []sandbox.Mount {
	all := []sandbox.Mount{{Host: filepath.Clean(w.Dir), Target: tool.Mount, Writable: true, Counted: w.Managed}}
	if name, ok := w.Kept(); ok {
		all = append(all, sandbox.Mount{Host: filepath.Join(all[0].Host, name), Target: path.Join(tool.Mount, name)})
	}
	return all
}

// cacheFolder returns the task's cache, and removes those that nobody has used for a day.
func cacheFolder(base string, c tool.Call) (string, error) {
	own := filepath.Join(base, string(c.Scope.Org), string(c.Task))
	others := filepath.Dir(own)
	if err := os.MkdirAll(own, 0o700); err != nil {
		return "", core.E(core.Unavailable, "check", "the cache of compilers can't be made").Because(err)
	}
	now := time.Now()
	_ = os.Chtimes(own, now, now) // else it is made again, a day after it was
	entries, _ := os.ReadDir(others)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > cacheLife {
			_ = os.RemoveAll(filepath.Join(others, e.Name()))
		}
	}
	return own, nil
}

// said is what a program wrote, and how it ended.
type said struct {
	argv     []string
	exit     sandbox.Exit
	out, err string
	both     string // what of the two a person would see last
	cut      bool   // there is more of out than maxReport
}

// exec runs one program in the folder that is checked. missing: there is no such program.
func (b *box) exec(ctx context.Context, env map[string]string, argv ...string) (s said, missing bool, err error) {
	var out, errOut capture
	var both tool.Transcript
	s.argv = argv
	s.exit, err = b.Exec(ctx, sandbox.Command{
		Argv: argv, Dir: b.dir, Env: environment(env),
		Stdout: tee{&out, &both}, Stderr: tee{&errOut, &both},
	})
	if core.CodeOf(err) == core.NotFound {
		return s, true, nil
	}
	s.out, s.err, s.both, s.cut = out.String(), errOut.String(), both.String(), out.cut
	return s, false, err
}

// environment is what compilers and runners need where the home folder isn't kept, and there
// is no network.
func environment(more map[string]string) map[string]string {
	env := map[string]string{
		"CI": "true", "TERM": "dumb", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1",
		"XDG_CACHE_HOME": cacheMount, "CARGO_TARGET_DIR": cacheMount + "/target", "CARGO_HOME": cacheMount + "/cargo", "CARGO_NET_OFFLINE": "true", "CARGO_TERM_COLOR": "never",
		"GOCACHE": cacheMount + "/go-build", "GOPATH": cacheMount + "/go", "GOFLAGS": "-buildvcs=false", "GOPROXY": "off", "GOTOOLCHAIN": "local",
		"GOTELEMETRY": "off", "CGO_ENABLED": "0", "STATICCHECK_CACHE": cacheMount + "/staticcheck", "RUFF_NO_CACHE": "true",
	}
	for name, value := range more {
		env[name] = value
	}
	return env
}

// read returns a report that a program has left in the cache; nothing if there is none that
// can be read.
func (b *box) read(ctx context.Context) string {
	var text bytes.Buffer
	if _, err := b.Copy(ctx, b.report, &text, maxReport); err != nil {
		return ""
	}
	return text.String()
}

// has reports whether a file is there.
func (b *box) has(name string) bool {
	info, err := b.root.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// text returns the beginning of a file of the folder; "" if there is none.
func (b *box) text(name string) string {
	const most = 1 << 20
	if !b.has(name) {
		return ""
	}
	f, err := b.root.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	buf := make([]byte, most)
	n, _ := f.Read(buf)
	return string(buf[:n])
}

// some reports whether a file that matches is anywhere below the folder.
func (b *box) some(ctx context.Context, glob string) bool {
	found := false
	_, err := tool.Walk{Glob: glob}.Files(ctx, b.root, func(string, fs.DirEntry) bool {
		found = true
		return false
	})
	return err == nil && found
}

// capture keeps the first maxReport bytes.
type capture struct {
	strings.Builder
	cut bool
}

func (c *capture) Write(p []byte) (int, error) {
	n := len(p)
	if left := maxReport - c.Len(); len(p) > left {
		p, c.cut = p[:left], true
	}
	c.Builder.Write(p)
	return n, nil
}

// tee writes to both. Neither fails.
type tee [2]interface{ Write([]byte) (int, error) }

func (t tee) Write(p []byte) (int, error) {
	_, one := t[0].Write(p)
	_, two := t[1].Write(p)
	return len(p), errors.Join(one, two)
}
