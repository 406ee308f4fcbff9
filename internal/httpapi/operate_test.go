package httpapi_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/backup"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/deadletter"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

// keyring notes what was asked of keys.
type keyring struct{ asked []string }

func (k *keyring) Rotate(_ context.Context, org core.OrgID) (int, error) {
	k.asked = append(k.asked, "rotate "+string(org))
	return 2, nil
}

func (k *keyring) RotateMaster(context.Context) (int, error) {
	k.asked = append(k.asked, "master")
	return 3, nil
}

func (k *keyring) Shred(_ context.Context, org core.OrgID) error {
	k.asked = append(k.asked, "shred "+string(org))
	return nil
}

// operated is a rig with everything that an operator uses.
func operated(t *testing.T, change ...func(*httpapi.Config)) (r *rig, c *client.Client, keys *keyring, broken *bool) {
	t.Helper()
	keys, broken = &keyring{}, new(bool)
	r = newRig(t, func(cfg *httpapi.Config) {
		st := cfg.Events.(interface {
			store.Store
			store.Backuper
		})
		if err := st.SetKeyset(t.Context(), scope.Org, 0, []byte("wrapped")); err != nil {
			t.Fatal(err)
		}
		cfg.Projectors = []*store.Projector{agent.NewProjector(st), app.NewProjector(st), agent.NewUsageProjector(st)}
		dir := t.TempDir()
		cfg.Backups = backup.New(backup.Config{Dir: filepath.Join(dir, "backups"), Store: st, Driver: "sqlite", From: cfg.Blobs,
			To: func(dir string) (backup.BlobFolder, error) { return local.Open(dir) }})
		cfg.Keys = keys
		cfg.Authenticate = known(map[string]identity.Principal{
			token: operator(ours), "theirs": owner(theirs), "neighbour": owner(neighbour), "their operator": operator(owner(theirs)),
		})
		g := &deadletter.Guard{Consumer: "ledger", Letters: st, Wait: true, Tries: 1, Next: func(context.Context, core.Event) error {
			if *broken {
				return errors.New("a bug")
			}
			return nil
		}}
		cfg.DeadLetters = &deadletter.Service{Letters: st, Carried: st, Readable: st, Consumers: []*deadletter.Guard{g}}
		for _, f := range change {
			f(cfg)
		}
	})
	return r, client.New(r.url, token, nil), keys, broken
}

func wantCode(t *testing.T, what string, err error, code core.Code) {
	t.Helper()
	if core.CodeOf(err) != code || core.HintOf(err) == "" && code != core.NotFound {
		t.Errorf("%s: %v (%s), want %s with a hint", what, err, core.HintOf(err), code)
	}
}

func TestUsageByHTTP(t *testing.T) {
	t.Parallel()
	r, c, _, _ := operated(t)
	if _, err := agent.NewUsageProjector(r.store).CatchUp(t.Context(), scope.Org, 0); err != nil {
		t.Fatal(err)
	}
	used, err := c.Usage(t.Context(), 1)
	if err != nil || len(used) != 1 || used[0].Tasks != 1 || used[0].Model != "blueprint" || used[0].Day != time.Now().UTC().Format(time.DateOnly) {
		t.Errorf("%+v: %v", used, err)
	}
	theirs, err := client.New(r.url, "theirs", nil).Usage(t.Context(), 30)
	if err != nil || len(theirs) != 0 {
		t.Errorf("another org sees %+v: %v", theirs, err)
	}
	if _, err := c.Usage(t.Context(), 367); core.CodeOf(err) != core.Invalid {
		t.Errorf("too many days: %v", err)
	}
}

func TestProjectionsByHTTP(t *testing.T) {
	t.Parallel()
	r, c, _, _ := operated(t)
	p, err := c.RebuildProjection(t.Context(), agent.View)
	if err != nil || p.Rows != 1 || len(p.Differences) != 0 {
		t.Fatalf("%+v: %v", p, err)
	}
	mark := store.Mark{Stream: "x", Version: 1}
	if _, err := r.store.Apply(t.Context(), scope.Org, agent.View, mark, []store.Row{{ID: string(r.task), Deleted: true}}); err != nil {
		t.Fatal(err)
	}
	p, err = c.VerifyProjection(t.Context(), agent.View)
	if err != nil || len(p.Differences) != 1 || p.Differences[0] != (client.Difference{ID: string(r.task), What: "missing"}) {
		t.Errorf("%+v: %v", p, err)
	}
	_, err = c.VerifyProjection(t.Context(), "nothing")
	wantCode(t, "an unknown view", err, core.NotFound)
}

func TestBackupsByHTTP(t *testing.T) {
	t.Parallel()
	_, c, _, _ := operated(t)
	made, err := c.TakeBackup(t.Context())
	if err != nil || made.Events == 0 || made.Orgs != 1 || made.Blobs == 0 {
		t.Fatalf("%+v: %v", made, err)
	}
	all, err := c.Backups(t.Context())
	if err != nil || len(all) != 1 || all[0] != made {
		t.Errorf("%+v: %v", all, err)
	}
}

func TestKeysByHTTP(t *testing.T) {
	t.Parallel()
	_, c, keys, _ := operated(t)
	for _, f := range []func() (client.KeyReport, error){
		func() (client.KeyReport, error) { return c.RotateKeys(t.Context(), "") },
		func() (client.KeyReport, error) { return c.RotateKeys(t.Context(), "org_a") },
		func() (client.KeyReport, error) { return c.RotateMasterKey(t.Context()) },
		func() (client.KeyReport, error) { return c.ShredKeys(t.Context(), "org_b", "org_b") },
	} {
		if r, err := f(); err != nil || r.Orgs == 0 {
			t.Errorf("%+v: %v", r, err)
		}
	}
	_, err := c.ShredKeys(t.Context(), "org_b", "org_a")
	wantCode(t, "a wrong confirmation", err, core.Invalid)
	if want := []string{"rotate ", "rotate org_a", "master", "shred org_b"}; len(keys.asked) != len(want) {
		t.Errorf("asked %q, want %q", keys.asked, want)
	}
}

func TestDeadLettersByHTTP(t *testing.T) {
	t.Parallel()
	r, c, _, broken := operated(t)
	for v := int64(1); v <= 2; v++ {
		l := store.Letter{Consumer: "ledger", Mark: store.Mark{Stream: app1(r), Version: v}, Event: "evt", Type: "app.created", Reason: "a bug", Tries: 5}
		if err := r.store.Bury(t.Context(), scope.Org, l); err != nil {
			t.Fatal(err)
		}
	}
	first, err := c.DeadLetters(t.Context(), client.LetterOptions{Limit: 1})
	if err != nil || len(first.Items) != 1 || first.Items[0].Version != 1 || first.Items[0].Reason != "a bug" {
		t.Fatalf("%+v: %v", first, err)
	}
	rest, err := c.DeadLetters(t.Context(), client.LetterOptions{Cursor: first.Next, Consumer: "ledger"})
	if err != nil || len(rest.Items) != 1 || rest.Items[0].Version != 2 || rest.Next != "" {
		t.Errorf("%+v: %v", rest, err)
	}
	_, err = c.DeadLetters(t.Context(), client.LetterOptions{Cursor: "x"})
	wantCode(t, "a wrong cursor", err, core.Invalid)
	d, err := c.DeadLetter(t.Context(), "ledger", app1(r), 1)
	if err != nil || d.Content.Version != 1 || len(d.Content.Data) == 0 || d.Tries != 5 {
		t.Errorf("%+v: %v", d, err)
	}
	theirs := client.New(r.url, "their operator", nil)
	_, err = theirs.DeadLetter(t.Context(), "ledger", app1(r), 1)
	wantCode(t, "another org's", err, core.NotFound)
	if page, err := theirs.DeadLetters(t.Context(), client.LetterOptions{}); err != nil || len(page.Items) != 0 {
		t.Errorf("another org lists %+v: %v", page, err)
	}
	*broken = true
	if _, err := c.ReplayDeadLetter(t.Context(), "ledger", app1(r), 1); err == nil {
		t.Error("replayed to a consumer that fails")
	}
	*broken = false
	done, err := c.ReplayDeadLetter(t.Context(), "ledger", app1(r), 1)
	if err != nil || len(done.Applied) != 2 {
		t.Errorf("replayed %+v: %v", done, err)
	}
	_, err = c.DropDeadLetter(t.Context(), "ledger", app1(r), 1)
	wantCode(t, "drop what isn't there", err, core.NotFound)
}

func app1(r *rig) core.StreamID { return r.app.Stream() }
