package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
	"github.com/isekai-run/isekai/internal/store"
)

// BuildVersion is the release; the linker sets it.
var BuildVersion = "0.1.0-dev"

// Platform is the cli.Platform of this build.
type Platform struct {
	// Store, if set, stands between the modules and the store. The crash tests end
	// the process there, at a place that they choose.
	Store func(store.Store) store.Store
}

// New returns the platform.
func New() Platform { return Platform{} }

// Load implements cli.Platform.
func (p Platform) Load(path string, overrides map[string]any) (cli.Instance, error) {
	if path == "" {
		path = os.Getenv("ISEKAI_CONFIG")
	}
	c, err := LoadConfig(path, overrides)
	if err != nil {
		return nil, err
	}
	return instance{cfg: c, wrap: p.Store}, nil
}

// Version implements cli.Platform.
func (Platform) Version() cli.Version {
	v := cli.Version{Version: BuildVersion, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value
			}
		}
	}
	return v
}

// instance is a configured installation.
type instance struct {
	cfg  Config
	wrap func(store.Store) store.Store
}

// Config implements cli.Instance; Secret hides itself.
func (i instance) Config() any { return i.cfg }

// Connect implements cli.Instance.
func (i instance) Connect(ctx context.Context, mode cli.Mode) (*cli.Conn, error) {
	if mode == cli.Serving { // before the data directory's lock: a wrong setting is wrong whoever holds that
		if err := i.cfg.checkAddress(); err != nil {
			return nil, err
		}
	}
	// The process that holds the data directory may be starting, or ending; of one that was
	// killed a child may be left for a moment.
	patience := 2 * i.cfg.Worker.Grace
	if mode == cli.Serving {
		patience = min(patience, servePatience)
	}
	for deadline := time.Now().Add(patience); ; {
		dir, err := OpenDataDir(i.cfg.DataDir)
		if err == nil {
			return i.embed(ctx, dir, mode)
		}
		if !Busy(err) {
			return nil, err
		}
		if conn, cerr := remote(ctx, i.cfg.DataDir); cerr == nil {
			if mode == cli.Serving {
				return nil, errors.Join(err, conn.Close())
			}
			conn.Again = func(ctx context.Context) (*cli.Conn, error) { return i.Connect(ctx, mode) }
			return conn, nil
		}
		if time.Now().After(deadline) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// servePatience is how long a server waits at its start for a data directory that is held by
// who doesn't serve.
const servePatience = 3 * time.Second

// healthTime bounds how long a server may take to say how it is.
const healthTime = 10 * time.Second

// remote reaches the server that announces itself in the data directory.
func remote(ctx context.Context, dataDir string) (*cli.Conn, error) {
	s, ok := FindServer(dataDir)
	if !ok {
		return nil, core.E(core.Unavailable, "connect", "no server announces itself in "+dataDir)
	}
	c := client.New(s.URL, s.Token, nil)
	ctx, done := context.WithTimeout(ctx, healthTime)
	defer done()
	h, err := c.Health(ctx)
	if err != nil {
		return nil, err
	}
	return &cli.Conn{Client: c, URL: s.URL, Model: h.Model, Notice: h.Notice, Close: func() error { return nil }}, nil
}

// embed opens the data directory within this process.
func (i instance) embed(ctx context.Context, dir *DataDir, mode cli.Mode) (*cli.Conn, error) {
	n, err := i.open(ctx, dir, mode)
	if err != nil {
		return nil, err
	}
	address := n.url
	if mode == cli.Serving {
		address = n.publicURL()
	}
	model, notice := n.usual(ctx, core.DefaultOrg)
	return &cli.Conn{
		Client: client.New("http://localhost", n.token, n.local.transport()), URL: address, Embedded: true,
		Model: model, Notice: notice, Setup: n.setup, SetupFile: n.setupFile, Failed: n.failed, Close: n.close,
	}, nil
}

// Sandbox implements cli.Instance.
func (i instance) Sandbox(ctx context.Context, c cli.SandboxCommand) (int, error) {
	if c.Dir != "" {
		data, err := filepath.Abs(i.cfg.DataDir)
		if err == nil {
			c.Dir, err = realFolder(data, c.Dir)
		}
		if err != nil {
			return 0, err
		}
	}
	run, err := os.MkdirTemp("", "isekai-sandbox-*")
	if err != nil {
		return 0, diskError("sandbox", os.TempDir(), err)
	}
	defer os.RemoveAll(run)
	guard, err := i.cfg.Egress.guard()
	if err != nil {
		return 0, err
	}
	defer guard.Close()
	driver, err := ns.New(ns.Config{RunDir: run, Outlet: outletOf(func() *egress.Guard { return guard })})
	if err != nil {
		return 0, err
	}
	defer driver.Close()
	var lost failures
	spec := sandbox.Spec{}
	if spec.Egress, err = egressOf(c.Egress, &lost); err != nil {
		return 0, err
	}
	defer func() { _, _ = io.WriteString(c.Stderr, lost.String()) }() // when the box is gone, and all is told
	cmd := sandbox.Command{Argv: c.Argv, Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr}
	if c.Dir != "" {
		spec.Mounts, cmd.Dir = []sandbox.Mount{{Host: c.Dir, Target: "/workspace", Writable: true}}, "/workspace"
	}
	box, err := driver.Create(ctx, localScope, spec)
	if err != nil {
		return 0, err
	}
	defer box.Kill(context.WithoutCancel(ctx))
	exit, err := box.Exec(ctx, cmd)
	if err != nil {
		return 0, err
	}
	if exit.Reason != sandbox.Exited && exit.Reason != sandbox.Signaled {
		fmt.Fprintln(c.Stderr, "isekai: stopped at a limit: "+string(exit.Reason))
	}
	return exit.Code, nil
}

// localScope is who uses an embedded installation: whoever can read the data
// directory.
var localScope = identity.Local().Scope
