package platform

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/ledger"
)

// openNode opens a serving node of an installation.
func openNode(t *testing.T, in instance) *node {
	t.Helper()
	dir, err := OpenDataDir(in.cfg.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	n, err := in.open(t.Context(), dir, cli.Serving)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// becomes waits for a condition.
func becomes(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

var olga = identity.NewUser{Email: "olga@example.org", Name: "Olga", Password: "correct horse battery"}

// TestTheFirstTokenIsItsOwners: it is in a file that nobody else reads, anew with each
// start, until there is a first user.
func TestTheFirstTokenIsItsOwners(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	n := openNode(t, in)
	first := n.setup
	path := n.dir.Join(setupName)
	if err := n.close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil { // it is there still: the token is good for a day
		t.Fatal(err)
	}
	n = openNode(t, in)
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	b, err := os.ReadFile(path)
	if err != nil || strings.TrimSpace(string(b)) != n.setup || n.setup == first || n.setupFile != path {
		t.Fatalf("the file has %q, %v", b, err)
	}
	if _, err := n.people.FinishSetup(t.Context(), first, olga); err != nil { // that of an earlier start
		t.Fatal(err)
	}
	becomes(t, "the file is gone", func() bool { _, err := os.Stat(path); return os.IsNotExist(err) })
	if err := n.close(); err != nil {
		t.Fatal(err)
	}
	n = openNode(t, in)
	if _, err := os.Stat(path); !os.IsNotExist(err) || n.setup+n.setupFile != "" {
		t.Errorf("there is a token for another first user: %v", err)
	}
}

// TestBudgetsOfExpiredKeysGo, and no others.
func TestBudgetsOfExpiredKeysGo(t *testing.T) {
	t.Parallel()
	n := openNode(t, testInstance(t))
	ctx := t.Context()
	in, err := n.people.FinishSetup(ctx, n.setup, olga)
	if err != nil {
		t.Fatal(err)
	}
	newKey := func(expires time.Time) core.KeyID {
		k, _, err := n.people.CreateKey(ctx, in.Principal, identity.NewKey{Name: "k", Scopes: []string{"tasks:read"}, Expires: expires})
		if err == nil {
			_, err = n.books.SetBudget(ctx, core.DefaultOrg, ledger.OfKey(k.ID), core.Credit, ledger.Forever)
		}
		if err != nil {
			t.Fatal(err)
		}
		return k.ID
	}
	short, long := newKey(time.Now().Add(time.Second)), newKey(time.Now().Add(time.Hour))
	if _, err := n.books.SetBudget(ctx, core.DefaultOrg, ledger.OfOrg, core.Credit, ledger.Month); err != nil {
		t.Fatal(err)
	}
	left := func() string {
		if err := n.tidyBudgets(ctx); err != nil {
			t.Fatal(err)
		}
		all, err := n.books.Budgets(ctx, core.DefaultOrg)
		if err != nil {
			t.Fatal(err)
		}
		var of []string
		for _, b := range all {
			of = append(of, string(b.Subject))
		}
		return strings.Join(of, " ")
	}
	becomes(t, "the budget of "+string(short)+" is gone", func() bool { return left() == "key/"+string(long)+" org" })
	if err := n.people.RevokeKey(ctx, in.Principal, long); err != nil {
		t.Fatal(err)
	}
	if all, err := n.books.Budgets(ctx, core.DefaultOrg); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
}
