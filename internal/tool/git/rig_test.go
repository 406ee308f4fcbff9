package git_test

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/git"
	"github.com/isekai-run/isekai/internal/tool/gitdir/gitdirtest"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

// rig is the tools with real stores, a real host and what is outside of them.
type rig struct {
	t     testing.TB
	host  string // the folder of repositories
	url   string // of the one that there is
	ssh   gitdirtest.SSHHost
	cfg   git.Config
	tools map[string]tool.Tool
}

func newRig(t testing.TB, changes ...map[string]string) *rig {
	t.Helper()
	if len(changes) == 0 {
		changes = []map[string]string{{"a.txt": "one\n", "dir/b.txt": "b\n"}}
	}
	host := gitdirtest.Upstream(t, changes...)
	s := gitdirtest.HTTP(t, host)
	r := &rig{t: t, host: host, url: s.URL + "/team/project.git", ssh: gitdirtest.SSH(t, host)}
	records, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = records.Close() })
	blobs, err := local.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r.cfg = git.Config{
		Records: records, Blobs: blobs, Dir: t.TempDir(), Outside: outside{s.Client(), r.ssh},
		Dial: (&net.Dialer{}).DialContext, Now: func() time.Time { return time.Now().Truncate(time.Second) },
	}
	r.machine()
	return r
}

// machine makes the tools anew, as on a machine that hasn't seen the task.
func (r *rig) machine() {
	r.cfg.Dir = r.t.TempDir()
	r.tools = map[string]tool.Tool{}
	for _, tl := range git.Tools(r.cfg) {
		r.tools[tl.Spec().Name] = tl
	}
}

func (r *rig) bare() string { return filepath.Join(r.host, "team/project.git") }

// task is one with a workspace of its own.
type task struct {
	*rig
	id  core.TaskID
	dir string
	n   int
}

func (r *rig) task() *task {
	return &task{rig: r, id: core.TaskID(core.NewID("tsk")), dir: tooltest.Workspace(r.t, nil)}
}

func (k *task) next(args any) tool.Call {
	k.t.Helper()
	b, err := json.Marshal(args)
	if err != nil {
		k.t.Fatal(err)
	}
	c := tooltest.Call(k.dir, string(b))
	k.n++
	c.Task, c.ID = k.id, core.CallID("cal_"+strconv.Itoa(k.n))
	c.Workspace.Managed = true
	return c
}

type arguments map[string]any

// call makes a call that is to succeed.
func (k *task) call(name string, args arguments) tool.Result {
	k.t.Helper()
	r, err := k.tools[name].Call(k.t.Context(), k.next(args))
	if err != nil || r.Failed {
		k.t.Fatalf("%s %v: %v\n%s", name, args, err, r.Output)
	}
	return r
}

// refused makes one that isn't.
func (k *task) refused(name string, args arguments) string {
	k.t.Helper()
	r, err := k.tools[name].Call(k.t.Context(), k.next(args))
	if err == nil && !r.Failed {
		k.t.Fatalf("%s %v: %s", name, args, r.Output)
	}
	if err != nil {
		return string(core.CodeOf(err)) + " " + err.Error() + " " + core.HintOf(err)
	}
	return r.Output
}

func (k *task) clone() {
	k.t.Helper()
	k.call("git_clone", arguments{"url": k.url, "credential": "git"})
}

// apart gives each workspace a task of its own, as the suite's calls have one in common, and a
// repository to begin with, if there is one.
type apart struct {
	tool.Tool
	begin *core.Checkout
}

// Call implements tool.Tool.
func (a apart) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.Workspace.Dir))
	c.Task = core.TaskID("tsk_" + strconv.FormatUint(h.Sum64(), 36))
	c.Workspace.Managed = true
	c.Facts.Checkout = a.begin
	return a.Tool.Call(ctx, c)
}

// outside reaches loopback, and has two credentials.
type outside struct {
	client *http.Client
	ssh    gitdirtest.SSHHost
}

func (o outside) Client() *http.Client { return o.client }
func (o outside) Authorize(context.Context, tool.Call, string, string, *http.Request) error {
	return core.E(core.Unsupported, "outside", "git doesn't ask for this")
}

func (o outside) Credential(_ context.Context, _ tool.Call, _, name, place string) (tool.Credential, error) {
	switch name {
	case "git":
		return tool.Credential{Secret: gitdirtest.Password}, nil
	case "key":
		if place != o.ssh.Address {
			return tool.Credential{}, core.E(core.Denied, "outside", "the credential isn't for "+place)
		}
		return tool.Credential{Secret: string(o.ssh.Key)}, nil
	}
	return tool.Credential{}, core.E(core.NotFound, "outside", "the project has no credential "+name)
}
