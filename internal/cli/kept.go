package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// account is a sign-in at a server, as it is kept for the next commands.
type account struct {
	Server  string    `json:"server"`
	Key     string    `json:"key,omitempty"` // an API key, instead of what follows
	Access  string    `json:"access,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	Refresh string    `json:"refresh,omitempty"`
}

// kept is the folder where the account is: this user's alone. Commands that run at the
// same time share it; a lock lets one of them at a time get new tokens.
type kept struct{ dir string }

const (
	accountName = "account.json"
	lockName    = "account.lock"
	// early is how long before its end an access token is replaced.
	early = 30 * time.Second
	// lockTry is the time between two tries to get the lock.
	lockTry = 10 * time.Millisecond
)

// kept returns the folder; ok is false if this user has none.
func (sh *shell) kept() (k kept, ok bool) {
	if sh.io.Home != "" {
		return kept{sh.io.Home}, true
	}
	dir, err := os.UserConfigDir()
	return kept{filepath.Join(dir, "isekai")}, err == nil
}

// read returns the account; the zero one if there is none.
func (k kept) read() (a account, err error) {
	b, err := os.ReadFile(filepath.Join(k.dir, accountName))
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &a)
	}
	if err != nil {
		return a, core.E(core.Invalid, "", "the sign-in that is kept in "+k.dir+" can't be read").Because(err).WithHint("sign in again: isekai login URL")
	}
	return a, nil
}

// write replaces the account whole.
func (k kept) write(a account) error {
	b, err := json.Marshal(a)
	if err == nil {
		err = writeFile(filepath.Join(k.dir, accountName), func(w io.Writer) error { // temporary files are their user's alone
			_, err := w.Write(b)
			return err
		})
	}
	return err
}

// change replaces the account by what f makes of it, while nobody else does.
func (k kept) change(ctx context.Context, f func(*account) error) (a account, err error) {
	unlock, err := k.lock(ctx)
	if err != nil {
		return a, err
	}
	defer unlock()
	if a, err = k.read(); err != nil {
		return a, err
	}
	before := a
	if err := f(&a); err != nil {
		return a, err
	}
	if a == before {
		return a, nil
	}
	return a, k.write(a)
}

// forget removes the account.
func (k kept) forget() error {
	err := os.Remove(filepath.Join(k.dir, accountName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return core.E(core.Denied, "", "the sign-in that is kept in "+k.dir+" can't be removed").Because(err)
	}
	return nil
}

// lock waits for its turn. The system frees the lock of a process that ends.
func (k kept) lock(ctx context.Context) (unlock func(), err error) {
	fail := func(err error) (func(), error) {
		return nil, core.E(core.Denied, "", "nothing can be kept in "+k.dir).Because(err).WithHint("it must be this user's to write")
	}
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return fail(err)
	}
	f, err := os.OpenFile(filepath.Join(k.dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fail(err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return fail(err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, core.E(core.CodeOf(ctx.Err()), "", "stopped while another command got new tokens").Because(ctx.Err())
		case <-time.After(lockTry):
		}
	}
}

// source gives the tokens of the account at a server, and new ones in time.
func (k kept) source(server string) client.TokenSource {
	return func(ctx context.Context, refused string) (string, error) {
		a, err := k.read()
		if err != nil || a.Server == server && a.good(refused) {
			return a.bearer(), err
		}
		a, err = k.change(ctx, func(a *account) error {
			if a.Server != server {
				return core.E(core.Unauthenticated, "", "nobody is signed in to "+server+" any more").WithHint("sign in: isekai login " + server)
			}
			if a.good(refused) || a.Refresh == "" { // another command was quicker; or there is nothing to do
				return nil
			}
			t, err := client.New(server, "", nil).Refresh(ctx, a.Refresh)
			if core.CodeOf(err) == core.Unauthenticated {
				return core.E(core.Unauthenticated, "", "the sign-in to "+server+" has ended").WithHint("sign in again: isekai login " + server)
			}
			if err == nil {
				a.take(t)
			}
			return err
		})
		return a.bearer(), err
	}
}

// good reports whether what is at hand may be sent. refused is what was refused.
func (a account) good(refused string) bool {
	return a.bearer() != "" && a.bearer() != refused && (a.Key != "" || time.Until(a.Expires) > early)
}

func (a account) bearer() string {
	if a.Key != "" {
		return a.Key
	}
	return a.Access
}

func (a *account) take(t client.Tokens) {
	a.Key, a.Access, a.Expires, a.Refresh = "", t.Access, t.Expires, t.Refresh
}
