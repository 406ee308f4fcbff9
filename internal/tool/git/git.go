// Package git holds the tools for repositories: git_clone, git_branch, git_commit, git_diff,
// git_log, git_pull and git_push.
//
// platform lists them. They stand on package gitdir: git in process, which runs nothing of
// what a repository says. A task has one repository. Its files are in the workspace; its
// objects and references are beside it, where no program of the task writes: on this machine
// while the task works here, and as a tree of blobs with every change, so that the task goes
// on anywhere. Hosts are reached by tool.Outside alone, with the project's credentials by
// name. Nothing is ever forced.
package git

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"net"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

// Config is what the tools stand on.
type Config struct {
	Records store.Records
	Blobs   blob.Store
	Dir     string // a folder on this machine, for the repositories of tasks that work here; it may be emptied between calls
	Outside tool.Outside
	// Dial connects for SSH, as Outside's client does for HTTPS. nil: SSH is unsupported.
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	Limits gitdir.Limits // the zero value is gitdir.DefaultLimits
	Name   string        // of who commits; "Isekai"
	Email  string        // "isekai@localhost"
	Now    func() time.Time
}

// Tools returns the seven tools.
func Tools(cfg Config) []tool.Tool {
	if cfg.Limits == (gitdir.Limits{}) {
		cfg.Limits = gitdir.DefaultLimits
	}
	if cfg.Name == "" {
		cfg.Name, cfg.Email = "Isekai", "isekai@localhost"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &shared{Config: cfg}
	for i := range s.locks {
		s.locks[i] = make(chan struct{}, 1)
	}
	return []tool.Tool{
		git[cloneArgs]{cloneSpec, s, clone}, git[branchArgs]{branchSpec, s, branch}, git[commitArgs]{commitSpec, s, commit},
		git[diffArgs]{diffSpec, s, diff}, git[logArgs]{logSpec, s, log}, git[pullArgs]{pullSpec, s, pull}, git[pushArgs]{pushSpec, s, push},
	}
}

// shared is what calls have in common: a lock for each task's repository, of which several may
// share one.
type shared struct {
	Config
	locks [64]chan struct{}
}

// git is a tool with its arguments decoded and the task's repository open.
type git[A any] struct {
	spec tool.Spec
	s    *shared
	run  func(context.Context, *work, A) (tool.Result, error)
}

func (t git[A]) Spec() tool.Spec { return t.spec }

func (t git[A]) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	var a A
	if err := json.Unmarshal(c.Arguments, &a); err != nil {
		return tool.Result{}, core.E(core.Invalid, t.spec.Name, "the arguments don't decode").Because(err)
	}
	if err := ctx.Err(); err != nil {
		return tool.Result{}, err
	}
	w, err := t.s.open(ctx, t.spec.Name, c)
	if err != nil {
		return tool.Refused(ctx, err)
	}
	defer w.close()
	r, err := t.run(ctx, w, a)
	if err != nil {
		return tool.Refused(ctx, err)
	}
	return r, nil
}

// lock waits for the task's lock, or for the end of ctx.
func (s *shared) lock(ctx context.Context, c tool.Call) (unlock func(), err error) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(string(c.Scope.Org) + "/" + string(c.Task)))
	l := s.locks[h.Sum32()%uint32(len(s.locks))]
	select {
	case l <- struct{}{}:
		return func() { <-l }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// remote returns the way to a repository, with the credential of the name for its host.
func (w *work) remote(ctx context.Context, name string, at core.Checkout) (gitdir.Remote, error) {
	u, err := gitdir.ParseURL(at.URL)
	if err != nil {
		return gitdir.Remote{}, err
	}
	r := gitdir.Remote{URL: u, Client: w.s.Outside.Client(), Dial: w.s.Dial, HostKey: at.HostKey}
	if at.Credential == "" {
		return r, nil
	}
	v, err := w.s.Outside.Credential(ctx, w.call, name, at.Credential, u.Place())
	if err != nil {
		return gitdir.Remote{}, err
	}
	return r.With(v.User, v.Secret, v.Passphrase)
}

// idle is how long a task's repository stays on a machine where nobody uses it.
const idle = 24 * time.Hour
