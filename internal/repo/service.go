package repo

import (
	"context"
	"net"
	"regexp"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

// Config is what a Service stands on.
type Config struct {
	Records store.Records // sealed
	Blobs   blob.Store
	Dir     string // a folder on this machine for what is fetched; it may be emptied between calls
	Outside tool.Outside
	Dial    func(ctx context.Context, network, address string) (net.Conn, error) // for SSH
	Limits  gitdir.Limits                                                        // the zero value is gitdir.DefaultLimits
	Now     func() time.Time
}

// Service keeps repositories. Safe for concurrent use.
type Service struct {
	cfg  Config
	busy chan struct{} // bounds the fetches at once
}

const (
	maxBusy         = 4
	maxRepositories = 200 // of a project
	idle            = 7 * 24 * time.Hour
)

// New returns a Service.
func New(cfg Config) *Service {
	if cfg.Limits == (gitdir.Limits{}) {
		cfg.Limits = gitdir.DefaultLimits
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Service{cfg: cfg, busy: make(chan struct{}, maxBusy)}
}

// Wish is a repository that is to be added.
type Wish struct {
	Name       string // of the project, lower case: "shop"
	URL        string // see gitdir.ParseURL
	Branch     string // that tasks begin at; "" is the repository's own
	Credential string // the name of a credential of the project's; "" if it is public
	HostKey    string // for SSH: the host's public key
}

// Repository is one that is kept.
type Repository struct {
	Name, URL, Branch, Credential, HostKey string

	Added  time.Time
	Synced time.Time // when it was last seen
	Commit string    // that the branch was at then
	State  core.Digest
}

var repositories = store.Kind[Repository]("repository")

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

func id(scope core.Scope, name string) string { return string(scope.Project) + "/" + name }

func (w Wish) check() (gitdir.URL, error) {
	const op = "repository.add"
	if !nameForm.MatchString(w.Name) {
		return gitdir.URL{}, core.E(core.Invalid, op, "the name isn't one").WithHint("use 1 to 63 lower case letters, digits, dots and dashes, as in shop")
	}
	u, err := gitdir.ParseURL(w.URL)
	switch {
	case err != nil:
		return u, err
	case u.Scheme == "ssh" && w.Credential == "":
		return u, core.E(core.Invalid, op, "SSH needs a credential that is a private key").WithHint("isekai secret set, then name it")
	case u.Scheme != "ssh" && w.HostKey != "":
		return u, core.E(core.Invalid, op, "only a host that is reached by SSH has a key of this sort")
	case w.HostKey != "":
		if err := gitdir.CheckHostKey(w.HostKey); err != nil {
			return u, err
		}
	}
	if w.Branch != "" {
		return u, gitdir.CheckBranch(w.Branch)
	}
	return u, nil
}

// Add keeps a repository once it could be fetched. invalid, conflict if the name is taken, and
// what gitdir's Fetch says.
func (s *Service) Add(ctx context.Context, scope core.Scope, w Wish) (Repository, error) {
	u, err := w.check()
	if err != nil {
		return Repository{}, err
	}
	all, err := repositories.List(ctx, s.cfg.Records, scope.Org, id(scope, ""), "", maxRepositories)
	if err != nil {
		return Repository{}, err
	}
	if len(all) == maxRepositories {
		return Repository{}, core.E(core.Exhausted, "repository.add", "the project has as many repositories as it may").WithHint("remove one that isn't needed")
	}
	for _, d := range all {
		if d.Data.Name == w.Name {
			return Repository{}, core.E(core.Conflict, "repository.add", "the project has a repository "+w.Name).WithHint("give another name, or remove that one")
		}
	}
	r := Repository{Name: w.Name, URL: u.String(), Branch: w.Branch, Credential: w.Credential, HostKey: w.HostKey, Added: s.cfg.Now().UTC()}
	if r, _, err = s.fetch(ctx, scope, r, w.Branch, nil); err != nil {
		return Repository{}, err
	}
	return r, s.put(ctx, scope, store.Doc[Repository]{ID: id(scope, w.Name), Data: r})
}

func (s *Service) put(ctx context.Context, scope core.Scope, d store.Doc[Repository]) error {
	return s.cfg.Records.Write(ctx, scope.Org, repositories.Put(d))
}

// Get returns a repository of the project, or not_found.
func (s *Service) Get(ctx context.Context, scope core.Scope, name string) (Repository, error) {
	d, err := s.doc(ctx, scope, name)
	return d.Data, err
}

func (s *Service) doc(ctx context.Context, scope core.Scope, name string) (store.Doc[Repository], error) {
	d, err := repositories.Get(ctx, s.cfg.Records, scope.Org, id(scope, name))
	if core.CodeOf(err) == core.NotFound {
		return d, core.E(core.NotFound, "repository", "the project has no repository "+name).WithHint("isekai repo list shows them")
	}
	return d, err
}

// List returns the project's repositories, by name.
func (s *Service) List(ctx context.Context, scope core.Scope) ([]Repository, error) {
	docs, err := repositories.List(ctx, s.cfg.Records, scope.Org, id(scope, ""), "", maxRepositories)
	all := make([]Repository, len(docs))
	for i, d := range docs {
		all[i] = d.Data
	}
	return all, err
}

// Remove forgets a repository; tasks that began with it go on. not_found.
func (s *Service) Remove(ctx context.Context, scope core.Scope, name string) error {
	return store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		d, err := s.doc(ctx, scope, name)
		return []store.Change{repositories.Drop(d)}, err
	})
}

// Sync gets what is new in a repository.
func (s *Service) Sync(ctx context.Context, scope core.Scope, name string) (Repository, error) {
	r, _, err := s.sync(ctx, scope, name, "", nil)
	return r, err
}

// Begin returns what a task begins with: the newest commit of a branch, or of the repository's
// own if none is named, and its files as a tree of blobs. It always asks the host: a task never
// begins with what is old without anybody knowing.
func (s *Service) Begin(ctx context.Context, scope core.Scope, name, branch string) (core.Checkout, core.Digest, error) {
	if branch != "" {
		if err := gitdir.CheckBranch(branch); err != nil {
			return core.Checkout{}, "", err
		}
	}
	var tree core.Digest
	r, got, err := s.sync(ctx, scope, name, branch, func(d *gitdir.Dir, commit string) (err error) {
		tree, err = s.tree(ctx, scope.Org, d, commit)
		return err
	})
	return core.Checkout{
		Repository: name, URL: r.URL, Credential: r.Credential, HostKey: r.HostKey, From: got.Branch, Base: got.Commit, State: r.State,
	}, tree, err
}

// sync fetches, has use look at what came, and keeps the state, unless somebody was quicker to
// keep theirs.
func (s *Service) sync(ctx context.Context, scope core.Scope, name, branch string, use func(*gitdir.Dir, string) error) (Repository, gitdir.Fetched, error) {
	d, err := s.doc(ctx, scope, name)
	if err != nil {
		return Repository{}, gitdir.Fetched{}, err
	}
	if branch == "" {
		branch = d.Data.Branch
	}
	r, got, err := s.fetch(ctx, scope, d.Data, branch, use)
	if err != nil {
		return r, got, err
	}
	d.Data = r
	if err = s.put(ctx, scope, d); core.CodeOf(err) == core.Conflict {
		err = nil
	}
	return r, got, err
}

// fetch gets a branch, on top of what was fetched before, and returns the repository as it is then.
func (s *Service) fetch(ctx context.Context, scope core.Scope, r Repository, branch string, use func(*gitdir.Dir, string) error) (_ Repository, got gitdir.Fetched, err error) {
	err = s.opened(ctx, scope, r, s.cfg.Limits, func(d *gitdir.Dir, remote gitdir.Remote, f blob.Folder) error {
		if got, err = d.Fetch(ctx, remote, branch); err != nil {
			return err
		}
		if _, err := d.Tree(ctx, got.Commit); err != nil { // a repository that is made to do harm isn't kept
			return err
		}
		if use != nil {
			if err := use(d, got.Commit); err != nil {
				return err
			}
		}
		if r.Branch == "" {
			r.Branch = got.Branch
		}
		if got.Branch == r.Branch {
			r.Commit = got.Commit
		}
		r.Synced = s.cfg.Now().UTC()
		r.State, err = f.Keep(ctx, s.cfg.Blobs, scope.Org, blob.Limits{Files: 4 * s.cfg.Limits.Files, Bytes: 2 * s.cfg.Limits.Pack})
		return err
	})
	return r, got, err
}

// remote returns the way to a repository, checked anew each time.
func (s *Service) remote(ctx context.Context, scope core.Scope, r Repository) (gitdir.Remote, error) {
	u, err := gitdir.ParseURL(r.URL)
	if err != nil {
		return gitdir.Remote{}, err
	}
	remote := gitdir.Remote{URL: u, Client: s.cfg.Outside.Client(), Dial: s.cfg.Dial, HostKey: r.HostKey}
	if r.Credential == "" {
		return remote, nil
	}
	v, err := s.cfg.Outside.Credential(ctx, tool.Call{Scope: scope}, "repository", r.Credential, u.Place())
	if err != nil {
		return gitdir.Remote{}, err
	}
	return remote.With(v.User, v.Secret, v.Passphrase)
}
