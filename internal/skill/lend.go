package skill

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

// Mount is the folder in a sandbox where the folders of skills are.
const Mount = "/skills"

var mentioned = regexp.MustCompile(Mount + `/([a-z0-9-]{1,64})`)

// maxMounts bounds the skills that one command gets.
const maxMounts = 16

// Mounts returns the folders of the skills that a command of a task names, as in
// /skills/csv/scripts/chart.py, for its sandbox to mount: read-only, so that a script is what
// its author wrote. A name that is no skill's, or of one that is off, is passed over: the
// command won't find it. release has to be called when the sandbox is gone.
func (s *Service) Mounts(ctx context.Context, scope core.Scope, task core.TaskID, argv []string) (mounts []sandbox.Mount, release func(), err error) {
	var releases []func()
	release = func() {
		for _, r := range releases {
			r()
		}
	}
	seen := map[string]bool{}
	for _, m := range mentioned.FindAllStringSubmatch(strings.Join(argv, "\n"), -1) {
		name := m[1]
		if seen[name] || len(mounts) == maxMounts {
			continue
		}
		seen[name] = true
		k, err := s.Use(ctx, scope, task, name)
		if code := core.CodeOf(err); code == core.NotFound || code == core.Denied {
			continue
		}
		var dir string
		if err == nil {
			var end func()
			if dir, end, err = s.lent.lend(ctx, scope.Org, k); err == nil {
				releases = append(releases, end)
			}
		}
		if err != nil {
			release()
			return nil, nil, err
		}
		mounts = append(mounts, sandbox.Mount{Host: dir, Target: Mount + "/" + name})
	}
	return mounts, release, nil
}

// maxLent bounds the folders that a node keeps for sandboxes, besides those that are in use.
const maxLent = 32

// library has folders of skills, as files, for sandboxes of this process.
type library struct {
	dir   string
	blobs blob.Store
	clean sync.Once

	mu    sync.Mutex
	turn  int64
	books map[string]*book
}

// book is a folder that is there, or is being made.
type book struct {
	making sync.Mutex
	ready  bool
	users  int
	turn   int64 // when it was asked for last
}

func newLibrary(dir string, blobs blob.Store) *library {
	return &library{dir: dir, blobs: blobs, books: map[string]*book{}}
}

func (l *library) path(name string) string { return filepath.Join(l.dir, name) }

// lend returns the folder of a version, until end is called.
func (l *library) lend(ctx context.Context, org core.OrgID, k Skill) (dir string, end func(), err error) {
	l.clean.Do(func() { _ = os.RemoveAll(l.path("lent")) }) // of a process before; what stays is made as it should be
	key := string(org) + "-" + strings.TrimPrefix(string(k.Digest), "sha256:")
	b := l.take(key)
	end = sync.OnceFunc(func() { l.giveBack(b) })
	dir = filepath.Join(l.path("lent"), key)
	b.making.Lock()
	defer b.making.Unlock()
	if b.ready {
		return dir, end, nil
	}
	if err = os.MkdirAll(l.path("lent"), 0o700); err != nil {
		err = noRoom(err)
	} else {
		err = blob.Checkout(ctx, l.blobs, org, k.tree, dir)
	}
	if err != nil {
		end()
		return "", nil, err
	}
	b.ready = true
	return dir, end, nil
}

// take returns a book and removes those that nobody has used for longest, beyond the bound.
func (l *library) take(key string) *book {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn++
	b := l.books[key]
	if b == nil {
		b = &book{}
		l.books[key] = b
	}
	b.users++
	b.turn = l.turn
	for len(l.books) > maxLent {
		oldest := ""
		for k, other := range l.books {
			if other.users == 0 && (oldest == "" || other.turn < l.books[oldest].turn) {
				oldest = k
			}
		}
		if oldest == "" {
			break
		}
		delete(l.books, oldest)
		_ = os.RemoveAll(filepath.Join(l.path("lent"), oldest)) // what stays is made as it should be
	}
	return b
}

func (l *library) giveBack(b *book) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b.users--
}
