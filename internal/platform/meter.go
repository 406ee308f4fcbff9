package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	callmeter "github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/store"
)

// meter does what the ledger is to do as time goes by, in one process of an installation
// at a time: it lets grants expire, ends the holds of nodes that died, and has what each org
// keeps paid for once a day.
type meter struct {
	storage bool                  // whether what is kept is charged
	events  eventPages            // as they are stored
	streams store.Events          // as modules see them
	blobs   blob.Sizer            // likewise
	keysets store.Keysets         // of the orgs that there are
	records store.Records         // how far each org is measured
	terms   store.Terms           // who does it
	books   *ledger.Service       //
	holder  string                // this process
	now     func() time.Time      //
	log     *slog.Logger          //
	done    map[core.OrgID]string // the day that an org was charged for last, as far as this process knows
}

// eventPages are an org's events, as store.Events has them.
type eventPages interface {
	ReadOrg(ctx context.Context, org core.OrgID, after int64, limit int) ([]core.Event, error)
}

const (
	meterEvery = time.Minute
	meterTerm  = 3 * meterEvery // renewed with each org
	meterPage  = 200            // events that are read at once: up to 200 x store.MaxEvent bytes
	meterSave  = 50             // pages after which it is written down how far it has come
)

// metered is the record of how far an org's events are measured. They never go, so each
// is read once.
type metered struct {
	Day      string `json:"day"` // that was charged last
	Position int64  `json:"position"`
	Bytes    int64  `json:"bytes"` // of the events up to there
}

const kindMeter store.Kind[metered] = "meter"

const (
	ofStorage = "storage"
	meterLead = "meter" // the term of who measures
)

// run ticks until ctx ends.
func (m *meter) run(ctx context.Context) error {
	tick := time.NewTicker(meterEvery)
	defer tick.Stop()
	for {
		if err := m.tick(ctx); err != nil && ctx.Err() == nil {
			m.log.Error("credits aren't up to date", "err", err)
		}
		select {
		case <-ctx.Done():
			_ = m.terms.Resign(context.WithoutCancel(ctx), meterLead, m.holder) // it ends by itself
			return nil
		case <-tick.C:
		}
	}
}

// tick does what is to be done, unless another process does it. One org's trouble isn't
// another's.
func (m *meter) tick(ctx context.Context) error {
	leads, err := m.terms.Lead(ctx, meterLead, m.holder, meterTerm)
	if err != nil || !leads {
		return err
	}
	ended, err := callmeter.Sweep(ctx, m.records, m.streams, core.NewID, m.now())
	if ended > 0 {
		m.log.Warn("credits came back that nodes held for calls of models and didn't give back themselves", "holds", ended)
	}
	errs := []error{m.books.ExpireGrants(ctx), err}
	if !m.storage {
		return errors.Join(errs...)
	}
	orgs, err := m.keysets.KeysetOrgs(ctx)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, org := range orgs {
		day := m.now().UTC().Format(time.DateOnly)
		if org == core.Installation || m.done[org] == day {
			continue
		}
		if leads, err = m.terms.Lead(ctx, meterLead, m.holder, meterTerm); err != nil || !leads {
			return errors.Join(append(errs, err)...)
		}
		if err := m.charge(ctx, org, day); err != nil {
			errs = append(errs, fmt.Errorf("storage of %s: %w", org, err))
			continue
		}
		m.done[org] = day
	}
	return errors.Join(errs...)
}

// charge measures what an org keeps and has it paid for, unless that was done. A crash
// between the two leaves it to be done again, which the books know.
func (m *meter) charge(ctx context.Context, org core.OrgID, day string) error {
	d, err := kindMeter.Find(ctx, m.records, org, ofStorage)
	at := &d.Data
	if err != nil || at.Day == day {
		return err
	}
	if err := m.measure(ctx, org, &d); err != nil {
		return err
	}
	files, err := m.blobs.Size(ctx, org)
	if err != nil {
		return err
	}
	date, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return err
	}
	if _, err := m.books.ChargeStorage(ctx, org, date, at.Bytes+files); err != nil {
		return err
	}
	at.Day = day
	return m.write(ctx, org, &d)
}

// measure adds the events that have come since.
func (m *meter) measure(ctx context.Context, org core.OrgID, d *store.Doc[metered]) error {
	at := &d.Data
	for page := 1; ; page++ {
		events, err := m.events.ReadOrg(ctx, org, at.Position, meterPage)
		if err != nil {
			return err
		}
		for _, e := range events {
			at.Position, at.Bytes = e.Position, at.Bytes+int64(len(e.Data))
		}
		if len(events) < meterPage {
			return nil
		}
		if page%meterSave == 0 {
			if err := m.write(ctx, org, d); err != nil {
				return err
			}
		}
	}
}

// write keeps how far it has come. conflict: another process has come further.
func (m *meter) write(ctx context.Context, org core.OrgID, d *store.Doc[metered]) error {
	err := m.records.Write(ctx, org, kindMeter.Put(*d))
	d.Version++
	return err
}

func (n *node) newMeter() *meter {
	return &meter{
		storage: n.cfg.Credits.Charge, events: n.driver, streams: n.store, blobs: n.files, keysets: n.driver, records: n.store, terms: n.driver, books: n.books,
		holder: core.NewID("nod"), now: time.Now, log: n.log, done: map[core.OrgID]string{},
	}
}
