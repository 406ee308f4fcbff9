package platform

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// What may have ended since a backup has ended in the place that it is put back in: sessions,
// links and access tokens. What was revoked since is valid again, which its user is told; and
// the audit log has the restore.
func TestARestoreEndsSessions(t *testing.T) {
	t.Parallel()
	ctx, in := t.Context(), testInstance(t)
	in.cfg.Backup.Every = 0 // the only one is ours
	n := openNode(t, in)
	who, err := n.people.FinishSetup(ctx, n.setup, olga)
	if err != nil {
		t.Fatal(err)
	}
	key, text, err := n.people.CreateKey(ctx, who.Principal, identity.NewKey{Name: "k", Scopes: []string{"tasks:read"}})
	if err != nil {
		t.Fatal(err)
	}
	bob, err := n.people.CreateUser(ctx, identity.Local(), identity.NewUser{Email: "bob@example.org", Name: "Bob", Password: olga.Password})
	if err != nil {
		t.Fatal(err)
	}
	link, err := n.people.ResetPassword(ctx, identity.Local(), bob.ID)
	if err != nil {
		t.Fatal(err)
	}
	made, err := n.backups.Take(ctx)
	if err == nil {
		err = n.people.RevokeKey(ctx, who.Principal, key.ID)
	}
	if err == nil {
		err = n.close()
	}
	if err != nil {
		t.Fatal(err)
	}
	master := in.cfg.masterFile()
	in.cfg.Backup.Dir = in.cfg.backupDir()
	in.cfg.DataDir = filepath.Join(t.TempDir(), "again")
	if err := os.MkdirAll(in.cfg.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(master, in.cfg.masterFile()); err != nil {
		t.Fatal(err)
	}
	if r, err := in.Restore(ctx, "", false); err != nil || len(r.Problems) > 0 || !r.At.Equal(made.At) {
		t.Fatalf("%+v, %v", r, err)
	}

	n = openNode(t, in)
	for what, c := range map[string]identity.Credential{"an access token": {Bearer: who.Access}, "a cookie": {Cookie: who.Session}} {
		if _, err := n.people.Authenticate(ctx, c); core.CodeOf(err) != core.Unauthenticated {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := n.people.Refresh(ctx, who.Refresh, netip.Addr{}); core.CodeOf(err) != core.Unauthenticated {
		t.Errorf("a refresh token: %v", err)
	}
	if err := n.people.FinishReset(ctx, link, "another good password", netip.Addr{}); core.CodeOf(err) != core.Unauthenticated {
		t.Errorf("a link: %v", err)
	}
	if _, err := n.people.Authenticate(ctx, identity.Credential{Bearer: text}); err != nil { // as the command says
		t.Errorf("a key: %v", err)
	}
	if n.setup != "" {
		t.Error("there is no first user")
	}
	page, err := n.audit.List(ctx, core.Installation, auditlog.Query{Action: "restore", Limit: 2})
	if err != nil || len(page.Entries) != 1 || page.Entries[0].Target != made.ID || page.Entries[0].Detail["of"] == "" {
		t.Errorf("%+v, %v", page, err)
	}
	if r, err := n.audit.Verify(ctx, core.Installation); err != nil || r.Fault != nil {
		t.Errorf("%+v, %v", r, err)
	}
}
