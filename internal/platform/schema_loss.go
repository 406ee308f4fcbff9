package platform

import (
	"context"
	"fmt"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// recordsSince is the first version of the schema, of either store, that has records and
// books: whoever may sign in, and what he has.
const recordsSince = 3

// counted are the kinds of records that somebody would miss by name; the others are counted
// together.
var counted = []struct{ kind, name string }{
	{"user", "user"}, {"org", "org"}, {"key", "API key"}, {"credential", "secret"},
}

// losses counts what a schema without records has no place for, as people call it; empty if
// there is nothing.
func losses(ctx context.Context, st store.Store) (string, error) {
	have, ok := st.(store.Inventory)
	if !ok {
		return "", core.E(core.Unsupported, "migrate", "this store can't tell what it holds")
	}
	orgs, err := have.Tenants(ctx)
	if err != nil {
		return "", err
	}
	records, entries := map[string]int{}, 0
	for _, org := range orgs {
		if err := countRecords(ctx, have, org, records); err != nil {
			return "", err
		}
		n, err := countEntries(ctx, st, org)
		if err != nil {
			return "", err
		}
		entries += n
	}
	if len(records) == 0 && entries == 0 {
		return "", nil
	}
	var said []string
	for _, c := range counted {
		said = append(said, number(records[c.kind], c.name, c.name+"s"))
		delete(records, c.kind)
	}
	others := 0
	for _, n := range records {
		others += n
	}
	return strings.Join(append(said, number(entries, "ledger entry", "ledger entries"), number(others, "other record", "other records")), ", "), nil
}

func number(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// countRecords adds an org's records by kind.
func countRecords(ctx context.Context, have store.Inventory, org core.OrgID, into map[string]int) error {
	for last := (store.Record{}); ; {
		page, err := have.AllRecords(ctx, org, last, store.MaxLimit)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, r := range page {
			into[r.Kind]++
		}
		last = page[len(page)-1]
	}
}

func countEntries(ctx context.Context, books store.Books, org core.OrgID) (n int, err error) {
	for q := (store.EntryQuery{Limit: store.MaxLimit}); ; {
		page, err := books.Entries(ctx, org, q)
		if err != nil || len(page) == 0 {
			return n, err
		}
		n, q.After = n+len(page), page[len(page)-1].Seq
	}
}
