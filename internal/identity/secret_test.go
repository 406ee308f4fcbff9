package identity_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/vault"
)

// Everything that is a credential, made and then looked for in all that is stored: in what
// the store gives back, opened, and in its files.
func TestNothingStoredIsACredential(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		ctx := t.Context()
		secrets := map[string]string{}
		add := func(name, text string) {
			parts := strings.Split(text, "_")
			secrets[name] = parts[len(parts)-1]
		}
		add("password", password)
		mia := r.member("mia", core.Member)
		for who, tokens := range map[string]identity.Tokens{"owner": r.owner, "mia": mia, "signed in": r.signIn("mia@example.org", "")} {
			add(who+"'s refresh token", tokens.Refresh)
			add(who+"'s cookie", tokens.Session)
			secrets[who+"'s access token"] = tokens.Access
			next, err := r.Refresh(ctx, tokens.Refresh, home)
			ok(t, err)
			add(who+"'s next refresh token", next.Refresh)
			// Both halves of it: what the family shares, and what is new.
			secrets[who+"'s family"] = secrets[who+"'s refresh token"][:52]
			secrets[who+"'s first"] = secrets[who+"'s refresh token"][52:]
			secrets[who+"'s next"] = secrets[who+"'s next refresh token"][52:]
		}
		add("key", r.key(mia.Principal, identity.NewKey{}))
		invite, err := r.InviteUser(ctx, r.owner.Principal, identity.Invite{Email: "max@example.org", Role: core.Viewer})
		ok(t, err)
		add("invitation", invite)
		reset, err := r.ResetPassword(ctx, r.operator(), mia.User)
		ok(t, err)
		add("reset", reset)
		_, recovery := enrolled(t, r)
		for i, c := range recovery {
			secrets["recovery code "+string(rune('0'+i))] = c
			secrets["plain recovery code "+string(rune('0'+i))] = strings.ReplaceAll(c, "-", "")
		}
		all := records(t, r.store)
		if len(all) < 20 {
			t.Fatalf("only %d records were found", len(all))
		}
		stored := strings.ToLower(strings.Join(all, "\n"))
		for name, secret := range secrets {
			if len(secret) < 8 {
				t.Fatalf("%s is %q", name, secret)
			}
			if strings.Contains(stored, strings.ToLower(secret)) {
				t.Errorf("the %s is stored", name)
			}
		}

		bareRig := bare(t, on)
		link, _, err := bareRig.Setup(ctx)
		ok(t, err)
		if strings.Contains(strings.Join(records(t, bareRig.store), "\n"), link[4:]) {
			t.Error("the link of the first start is stored")
		}
	})
}

// records returns all that is stored, of every kind and org.
func records(t *testing.T, s store.Records) (all []string) {
	t.Helper()
	orgs := []core.OrgID{core.Installation, core.DefaultOrg}
	for _, org := range orgs {
		for _, kind := range identity.Kinds {
			found, err := s.Records(t.Context(), org, kind, "", "", 1000)
			ok(t, err)
			for _, f := range found {
				all = append(all, f.Kind+" "+f.ID+" "+string(f.Data))
			}
		}
	}
	return all
}

// With the vault around it, what is stored can't be read at all: not the signing keys, not
// the second factors, and not who is here.
func TestWhatIsStoredIsSealed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var inner *sqlite.Store
	r := newRig(t, onSQLite, func(c *identity.Config) {
		s := sqlitetest.Open(t, sqlite.Config{Path: filepath.Join(dir, "sealed.db"), Now: c.Now})
		ok(t, vault.GenerateMaster(filepath.Join(dir, "master.json")))
		master, err := vault.OpenMaster(filepath.Join(dir, "master.json"))
		ok(t, err)
		inner = s
		c.Records = vault.New(vault.Config{Keysets: s, Master: master}).Store(s)
		c.Quotas = s
	})
	enrolled(t, r)
	r.member("mia", core.Member)
	_, err := bearer(t.Context(), r.node(), r.signIn("mia@example.org", "").Access) // it all works
	ok(t, err)
	readable, sealed := records(t, r.cfg.Records), records(t, inner)
	want(t, "records", len(sealed), len(readable))
	for what, in := range map[string]string{"an address": "owner@example.org", "a name": "Olga", "a hash": "$argon2id$", "a factor": "Recovery", "a signing key": "Seed"} {
		if !strings.Contains(strings.Join(readable, "\n"), in) {
			t.Errorf("%s isn't there at all", what)
		}
		if strings.Contains(strings.Join(sealed, "\n"), in) {
			t.Errorf("%s can be read", what)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "sealed.db*"))
	ok(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		ok(t, err)
		for _, in := range []string{"owner@example.org", "Olga", "argon2id", "Recovery"} {
			if strings.Contains(string(text), in) {
				t.Errorf("%s holds %s", file, in)
			}
		}
	}
}
