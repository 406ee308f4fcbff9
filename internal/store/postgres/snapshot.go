package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	sqlTenants = `SELECT isekai.tenants()`

	sqlAllRecords = `SELECT ` + recordColumns + ` FROM isekai.records
		WHERE org = $1 AND (kind, id) > ($2, $3) ORDER BY kind, id LIMIT $4`
)

var _ store.Whole = (*Store)(nil)

// Tenants implements store.Inventory.
func (s *Store) Tenants(ctx context.Context) ([]core.OrgID, error) {
	var orgs []core.OrgID
	err := run(ctx, s.app, "store.tenants", "", bulk, func(b *pgx.Batch) {
		b.Queue(sqlTenants).Query(into(&orgs, scanOrg))
	})
	return orgs, err
}

// AllRecords implements store.Inventory.
func (s *Store) AllRecords(ctx context.Context, org core.OrgID, after store.Record, limit int) ([]store.Record, error) {
	const op = "store.all_records"
	if err := store.CheckLimit(op, limit); err != nil {
		return nil, err
	}
	var found []store.Record
	err := s.tenant(ctx, op, org, func(b *pgx.Batch) {
		b.Queue(sqlAllRecords, string(org), after.Kind, after.ID, limit).Query(into(&found, scanRecord))
	})
	return found, err
}

// snapshot is a store.Whole in one transaction of the owner's, as far as SumAll reads it.
type snapshot struct {
	store.Events
	store.Books
	store.Shares
	tx pgx.Tx
}

// rowsOf returns the rows of a query in a snapshot.
func rowsOf[T any](ctx context.Context, s snapshot, scan func(pgx.Rows, *T) error, query string, args ...any) (list []T, err error) {
	rows, err := s.tx.Query(ctx, query, args...)
	if err == nil {
		err = into(&list, scan)(rows)
	}
	return list, translate("store.backup", err)
}

// Tenants implements store.Inventory.
func (s snapshot) Tenants(ctx context.Context) ([]core.OrgID, error) {
	return rowsOf(ctx, s, scanOrg, sqlTenants)
}

// ReadOrg implements store.Events.
func (s snapshot) ReadOrg(ctx context.Context, org core.OrgID, after int64, limit int) ([]core.Event, error) {
	return rowsOf(ctx, s, scanEvent, sqlOrgEvents, string(org), after, limit)
}

// AllRecords implements store.Inventory.
func (s snapshot) AllRecords(ctx context.Context, org core.OrgID, after store.Record, limit int) ([]store.Record, error) {
	return rowsOf(ctx, s, scanRecord, sqlAllRecords, string(org), after.Kind, after.ID, limit)
}

// Entries implements store.Books.
func (s snapshot) Entries(ctx context.Context, org core.OrgID, q store.EntryQuery) ([]store.Entry, error) {
	query, args := entriesQuery(org, q)
	return rowsOf(ctx, s, scanEntry, query, args...)
}

// Balances implements store.Books.
func (s snapshot) Balances(ctx context.Context, org core.OrgID, prefix, after string, limit int) ([]store.Balance, error) {
	from, end := store.IDRange(prefix, after)
	return rowsOf(ctx, s, scanBalance, sqlBalances, string(org), from, after, end, limit)
}

// Share implements store.Shares.
func (s snapshot) Share(ctx context.Context, org core.OrgID) (int, error) {
	return shareOf(rowsOf(ctx, s, scanShare, sqlShare, string(org)))
}

// sumAll adds up every org.
func sumAll(ctx context.Context, st store.Whole) ([]store.Sum, error) {
	orgs, err := st.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	sums := []store.Sum{}
	for _, org := range orgs {
		sum, err := store.SumAll(ctx, st, org)
		if err != nil {
			return nil, err
		}
		sums = append(sums, sum)
	}
	return sums, nil
}
