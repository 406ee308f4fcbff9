package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/isekai-run/isekai/internal/core"
)

// Inventory is an optional interface of a store: it lists what the other interfaces only
// tell whoever knows what to ask for, so that all of it can be copied and compared.
type Inventory interface {
	// Tenants returns every org that has events, records, books or a share.
	Tenants(ctx context.Context) ([]core.OrgID, error)
	// AllRecords returns up to limit records of an org after a place in the order of kind
	// and id, and those that have expired, too; the zero Record is before all.
	AllRecords(ctx context.Context, org core.OrgID, after Record, limit int) ([]Record, error)
}

// Whole is what SumAll adds up.
type Whole interface {
	Events
	Books
	Shares
	Inventory
}

// sumPage is how much is read at a time.
const sumPage = 1024

// SumAll adds up an org's events, records, books and share.
func SumAll(ctx context.Context, st Whole, org core.OrgID) (Sum, error) {
	s, err := SumOrg(ctx, st, org, 0)
	if err != nil {
		return Sum{}, err
	}
	d := digest{sha256.New()}
	if s.Records, err = d.records(ctx, st, org); err != nil {
		return Sum{}, err
	}
	if s.Entries, err = d.books(ctx, st, org); err != nil {
		return Sum{}, err
	}
	share, err := st.Share(ctx, org)
	d.add([]int64{s.Records, s.Entries, int64(share)})
	s.State = hex.EncodeToString(d.Sum(nil))
	return s, err
}

// records adds an org's records and counts them.
func (d digest) records(ctx context.Context, st Inventory, org core.OrgID) (n int64, err error) {
	for after := (Record{}); ; {
		page, err := st.AllRecords(ctx, org, after, sumPage)
		if err != nil || len(page) == 0 {
			return n, err
		}
		for _, r := range page {
			expires := int64(0)
			if !r.Expires.IsZero() {
				expires = r.Expires.UnixMicro()
			}
			d.add([]int64{r.Version, expires}, r.Kind, r.ID, string(r.Data))
		}
		n, after = n+int64(len(page)), page[len(page)-1]
	}
}

// books adds an org's entries, which it counts, and balances.
func (d digest) books(ctx context.Context, st Books, org core.OrgID) (n int64, err error) {
	for q := (EntryQuery{Limit: sumPage}); ; {
		page, err := st.Entries(ctx, org, q)
		if err != nil {
			return n, err
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			d.add([]int64{e.Seq, int64(e.N), int64(e.Amount), int64(e.Balance), e.At.UnixMicro()},
				e.Effect, e.Kind, string(e.Project), string(e.Task), e.Note, e.Account)
		}
		n, q.After = n+int64(len(page)), page[len(page)-1].Seq
	}
	for after := ""; ; {
		page, err := st.Balances(ctx, org, "", after, sumPage)
		if err != nil || len(page) == 0 {
			return n, err
		}
		for _, b := range page {
			d.add([]int64{int64(b.Amount)}, b.Account)
		}
		after = page[len(page)-1].Account
	}
}
