package vault_test

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/blob/blobtest"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/store/storetest"
	"github.com/isekai-run/isekai/internal/vault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestStore holds the sealed store to the whole contract of a store.
func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB, now func() time.Time) (store.Store, func() store.Store) {
		path, master := filepath.Join(t.TempDir(), "isekai.db"), newMaster(t)
		open := func() store.Store {
			s := sqlitetest.Open(t, sqlite.Config{Path: path, Now: now})
			v := vault.New(vault.Config{Keysets: s, Master: master, Now: now})
			return consumed{v.Store(s), v, v.Store(s).(store.Waker)}
		}
		s := open()
		return s, func() store.Store { _ = s.Close(); return open() }
	})
}

// consumed shows the outbox as consumers see it: the suite compares its events with
// those that were appended, and here they are sealed until Handler opens them.
type consumed struct {
	store.Store
	vault *vault.Vault
	store.Waker
}

func (c consumed) Pending(ctx context.Context, limit int, except ...core.OrgID) ([]store.Message, error) {
	messages, err := c.Store.Pending(ctx, limit, except...)
	for i := range messages {
		handed := errors.New("the event was dropped")
		open := c.vault.Handler(func(_ context.Context, e core.Event) error {
			messages[i].Event, handed = e, nil
			return nil
		})
		if err := errors.Join(open(ctx, messages[i].Event), handed); err != nil {
			return nil, err
		}
	}
	return messages, err
}

// TestBlobs holds the sealed blobs to the whole contract of a blob store.
func TestBlobs(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t testing.TB) blob.Store {
		dir := t.TempDir()
		s := sqlitetest.Open(t, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
		files, err := local.Open(filepath.Join(dir, "blobs"))
		ok(t, err)
		t.Cleanup(func() { _ = files.Close() })
		return vault.New(vault.Config{Keysets: s, Master: newMaster(t)}).Blobs(files)
	})
}

// TestEveryMethodIsDecidedUpon fails when the port gets a method of which nobody has
// said whether what it carries has to be sealed.
func TestEveryMethodIsDecidedUpon(t *testing.T) {
	t.Parallel()
	const sealed, plain = true, false
	decided := map[string]bool{
		"Append": sealed, "ReadStream": sealed, "ReadOrg": sealed, "Orgs": plain, "Head": plain,
		"Claim": sealed, "Renew": plain, "Release": plain,
		"Pending": plain, "Published": plain, // ciphertext passes, for the relay
		"Apply": sealed, "Get": sealed, "List": sealed, "Replace": sealed, "Drop": plain,
		"Bury": sealed, "Buried": sealed, "Blocked": plain, "Unbury": plain,
		"Lead": plain, "Resign": plain,
		"Keyset": plain, "SetKeyset": plain, "Shred": plain, "KeysetOrgs": plain,
		"Record": sealed, "Records": sealed, "Write": sealed, "Sweep": plain,
		"Post": plain, "Balances": plain, "Entries": plain, // ids, kinds and amounts; a note holds no content
		"Draw": plain, "Share": plain, "SetShare": plain,
		"Close": plain,
	}
	port := reflect.TypeFor[store.Store]()
	for i := range port.NumMethod() {
		if _, known := decided[port.Method(i).Name]; !known {
			t.Errorf("store.Store has a method %s: decide whether it is sealed", port.Method(i).Name)
		}
	}
	if port.NumMethod() != len(decided) {
		t.Errorf("the port has %d methods, decided are %d", port.NumMethod(), len(decided))
	}
}

// asleep is a store that wakes nobody.
type asleep struct{ store.Store }

func TestWakerStaysReachable(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if _, wakes := r.store.(store.Waker); !wakes {
		t.Error("a waker is none any more")
	}
	if _, wakes := r.vault.Store(asleep{r.inner}).(store.Waker); wakes {
		t.Error("a store that wakes nobody says that it does")
	}
}
