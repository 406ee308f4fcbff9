package app

import (
	"context"
	"fmt"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

const (
	steady     = time.Minute // an app that ran so long has recovered from its crashes
	maxBackoff = 30 * time.Second
)

// supervise runs the app until ctx ends or it isn't worth restarting, and leaves
// nothing of it behind.
func (s *Service) supervise(ctx context.Context, p *preview) {
	p.reason = p.loop(ctx, s.cfg)
	p.transport.CloseIdleConnections()
	s.kill(p.box)
	s.vacate(p.ref.org)
	p.cancel()
	close(p.done)
	if p.reason != "" && p.answered.Load() {
		s.gaveUp(p)
	}
}

// loop runs the app, again when it crashed, and returns why it stopped doing so:
// "" when ctx ended.
func (p *preview) loop(ctx context.Context, cfg Config) string {
	for crashes, backoff := 1, cfg.Backoff; ; crashes++ {
		began := time.Now()
		why := p.exec(ctx)
		if ctx.Err() != nil {
			return ""
		}
		p.log.add(FromPlatform, "it ended: "+why)
		if time.Since(began) > steady {
			crashes, backoff = 1, cfg.Backoff
		}
		if !p.answered.Load() {
			return why
		}
		if crashes >= cfg.Crashes {
			return fmt.Sprintf("it crashed %d times: %s", crashes, why)
		}
		p.log.add(FromPlatform, "it starts again in "+backoff.String())
		select {
		case <-ctx.Done():
			return ""
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// exec runs the app once and says how it ended.
func (p *preview) exec(ctx context.Context) string {
	stdout, stderr := p.log.writer(FromOut), p.log.writer(FromErr)
	exit, err := p.box.Exec(ctx, sandbox.Command{
		Argv: p.start, Dir: treeMount, Stdout: stdout, Stderr: stderr,
		Env: map[string]string{
			"PORT": port, "HOST": "127.0.0.1", "DATA_DIR": dataMount,
			"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "NODE_ENV": "production",
		},
	})
	stdout.flush()
	stderr.flush()
	switch {
	case err != nil:
		return err.Error()
	case exit.Reason == sandbox.Exited:
		return fmt.Sprintf("exit code %d", exit.Code)
	case exit.Reason == sandbox.Signaled:
		return fmt.Sprintf("signal %d", exit.Signal)
	}
	return "stopped for its limit: " + string(exit.Reason)
}

// kill ends a box, whatever it takes: a box that can't be ended is the driver's
// to sweep, and is logged.
func (s *Service) kill(box sandbox.Box) {
	ctx, cancel := context.WithTimeout(context.Background(), undoing)
	defer cancel()
	var err error
	for range 3 {
		if err = box.Kill(ctx); err == nil {
			return
		}
	}
	s.cfg.Logger.ErrorContext(ctx, "a box could not be ended", "error", err)
}

// gaveUp records that an app crashes too often to be kept running.
func (s *Service) gaveUp(p *preview) {
	sl, err := s.hold(s.ctx, p.ref.app)
	if err != nil {
		return // shutting down: it is tried again after the next start
	}
	defer s.release(sl)
	if !sl.running.CompareAndSwap(p, nil) {
		return // somebody has started or stopped it in the meantime
	}
	_, err = s.change(s.ctx, p.ref.scope(), p.ref.app, 0, func(st State) ([]core.Payload, error) {
		if st.Started != p.number {
			return nil, nil
		}
		return st.stop(p.reason), nil
	})
	if err != nil && s.ctx.Err() == nil {
		s.cfg.Logger.ErrorContext(s.ctx, "a crash could not be recorded", "app", p.ref.app, "error", err)
	}
}
