package mcp

import (
	"context"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/tool"
)

// FilesMount is where a program sees its files, read-only. It is also its folder.
const FilesMount = "/server"

// programLimits bound a program's box. Its CPU time is that of a process, which lives as long as
// its session.
var programLimits = sandbox.Limits{
	Memory: 512 << 20, CPU: 1, CPUTime: time.Hour, Wall: maxAge + MaxTimeout, Pids: 128, Output: -1,
	OpenFiles: 1024, FileSize: 64 << 20, Disk: 256 << 20, Inodes: 16384,
}

// program is a way to a server that is a program in a box of its own.
type program struct {
	transport mcp.Transport
	said      *tail // on stderr
	end       func()
	ended     chan struct{} // closed when nothing of it is left
	how       func() string // it ended, after ended is closed
}

// launch starts a server's program. The caller ends it.
func (s *Service) launch(ctx context.Context, srv Server, c tool.Call, m *meter) (*program, error) {
	env, err := s.environment(ctx, srv, c)
	if err != nil {
		return nil, err
	}
	spec := sandbox.Spec{Limits: programLimits}
	command := sandbox.Command{Argv: srv.Argv, Env: env}
	giveBack := func() {}
	if srv.Files.Archive != "" {
		var dir string
		if dir, giveBack, err = s.files.take(ctx, c.Scope.Org, srv.Files); err != nil {
			return nil, fmt.Errorf("mcp.start %s: %w", srv.Name, err)
		}
		spec.Mounts = []sandbox.Mount{{Host: dir, Target: FilesMount}}
		command.Dir = FilesMount
	}
	box, err := s.cfg.Boxes.Create(ctx, c.Scope, spec)
	if err != nil {
		giveBack()
		return nil, fmt.Errorf("mcp.start %s: %w", srv.Name, err)
	}
	return s.exec(box, command, giveBack, m), nil
}

// exec runs a command in a box until either ends.
func (s *Service) exec(box sandbox.Box, command sandbox.Command, giveBack func(), m *meter) *program {
	in, toProgram := io.Pipe()
	fromProgram, out := io.Pipe()
	said := &tail{}
	command.Stdin, command.Stdout, command.Stderr = in, out, said
	running, stop := context.WithCancel(context.Background())
	ended, how := make(chan struct{}), "it was stopped"
	end := func() {
		stop()
		_ = toProgram.Close()
		_ = fromProgram.Close()
	}
	s.running.Go(func() {
		defer close(ended)
		defer giveBack()
		exit, err := box.Exec(running, command)
		switch {
		case err != nil:
			how = err.Error()
		case running.Err() == nil:
			how = ending(exit)
		}
		_ = in.CloseWithError(io.ErrClosedPipe)
		_ = out.Close()
		if err := box.Kill(context.Background()); err != nil { // what it leaves, Sweep removes
			s.cfg.Log.Warn("a box of an MCP server wasn't removed", "err", err)
		}
	})
	return &program{
		transport: &mcp.IOTransport{Reader: metered{fromProgram, m}, Writer: toProgram, MaxLineLength: maxFrame},
		said:      said, end: end, ended: ended, how: func() string { return how },
	}
}

// ending says how a program ended, for a person.
func ending(e sandbox.Exit) string {
	switch e.Reason {
	case sandbox.Exited:
		return fmt.Sprintf("it ended with exit code %d", e.Code)
	case sandbox.Signaled:
		return fmt.Sprintf("it was ended by signal %d", e.Signal)
	case sandbox.OutOfMem:
		return "it used more than 512 MiB of memory"
	case sandbox.TimedOut:
		return "it ran too long"
	}
	return "it was ended: " + string(e.Reason)
}

// environment returns a program's variables, with the credentials that its record names. Each
// use is on record.
func (s *Service) environment(ctx context.Context, srv Server, c tool.Call) (map[string]string, error) {
	env := make(map[string]string, len(srv.Env)+len(srv.Secrets))
	maps.Copy(env, srv.Env)
	for name, of := range srv.Secrets {
		v, err := s.cfg.Outside.Credential(ctx, c, "mcp "+srv.Name, of, "")
		if err != nil {
			return nil, fmt.Errorf("mcp.start %s: the credential %s: %w", srv.Name, of, err)
		}
		if v.Secret == "" {
			return nil, core.E(core.Invalid, "mcp.start", "the credential "+of+" has no value for a variable")
		}
		env[name] = v.Secret
	}
	return env, nil
}
