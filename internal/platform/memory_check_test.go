package platform

import (
	"os"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/recall"
)

func memoryOfDoctor(t *testing.T, in instance) client.HealthCheck {
	t.Helper()
	for _, c := range in.Doctor(t.Context()) {
		if c.Name == "memory" {
			return c
		}
	}
	t.Fatal("doctor says nothing of the memory")
	return client.HealthCheck{}
}

// doctor says what the index lacks and what repairs it; a backup brings documents back, and the index
// is made of them; and a way back to a schema without records leaves nothing of them in an index.
func TestTheIndexIsLookedAtDroppedAndMadeAgain(t *testing.T) {
	t.Parallel()
	ctx, in := t.Context(), testInstance(t)
	scope := core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_a"}}
	in.cfg.Backup.Every = 0
	n := openNode(t, in)
	d := must(n.memory.Add(ctx, scope, recall.NewDocument{Source: "a.txt", Data: []byte("The pump is red.")}))(t)
	ok(t, n.memory.Tend(ctx, nil))
	must(n.backups.Take(ctx))(t)
	ok(t, n.close())
	if c := memoryOfDoctor(t, in); !c.OK || c.Detail != wholeIndex {
		t.Errorf("%+v", c)
	}
	n = openNode(t, in)
	ok(t, n.index.Delete(ctx, memory.Shelf{Org: scope.Org, Project: scope.Project, Kind: recall.Documents}, d.ID))
	if c := n.memoryCheck(ctx); c.OK || !strings.Contains(c.Hint, "isekai memory reindex") || !strings.Contains(c.Hint, string(scope.Project)) {
		t.Errorf("%+v", c)
	}
	ok(t, n.close())
	if c := memoryOfDoctor(t, in); c.OK || !strings.Contains(c.Detail, "of 1 documents and facts 1 aren't") {
		t.Errorf("%+v", c)
	}
	key := in.cfg.masterFile() // a backup has none
	other := testInstance(t)
	other.cfg.Backup.Dir, other.cfg.Keys.File = in.cfg.backupDir(), key
	if r := must(other.Restore(ctx, "", false))(t); len(r.Problems) > 0 {
		t.Fatalf("%+v", r)
	}
	finds(t, other, scope, 1)

	schema := must(in.Schema(ctx))(t)
	must(in.Migrate(ctx, schema.Newest-1, true))(t)
	if _, err := os.Stat(in.cfg.indexFile()); !os.IsNotExist(err) {
		t.Errorf("the index is still there: %v", err)
	}
	must(in.Migrate(ctx, schema.Newest, false))(t)
	finds(t, in, scope, 0) // the records went, too
}

// finds holds how often a node finds the document, once it has tended its memory.
func finds(t *testing.T, in instance, scope core.Scope, want int) {
	t.Helper()
	n := openNode(t, in)
	ok(t, n.memory.Tend(t.Context(), nil))
	a := must(n.memory.Recall(t.Context(), scope, recall.Query{Text: "pump"}))(t)
	if len(a.Hits) != want || want > 0 && a.Hits[0].Text != "The pump is red." {
		t.Errorf("%+v", a)
	}
	ok(t, n.close())
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
