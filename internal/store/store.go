// Package store is the port for everything that is kept: event streams, the
// outbox, claimable work with its leases, the views that consumers build, and what isn't
// a stream: records, an org's books, shared quotas and shares of the queue.
//
// The driver packages below it (sqlite, postgres) implement it and pass the
// suite in storetest; agent, app and the projections call it through platform.
// It knows no SQL, and no driver knows what an event means.
//
// Every method takes the tenant explicitly and touches that tenant's rows
// alone, except Events.Orgs, Work.Claim, Outbox, Terms, Keysets.KeysetOrgs and
// Records.Sweep, which serve the whole installation and are for workers, the relay and
// operators. Methods are safe for concurrent use. Errors are core.Errors: conflict,
// not_found, unavailable, exhausted (disk full, or an account short), invalid.
package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Store is what a driver provides.
type Store interface {
	Events
	Work
	Outbox
	Views
	Letters
	Terms
	Keysets
	Records
	Books
	Quotas
	Shares
	// Close releases the store. Calls after it fail with unavailable.
	Close() error
}

// Waker is an optional interface of a store: it saves workers and the relay in
// the same process from polling. What another process appends, and a lease or a
// delay that runs out, wakes nobody: keep a slow poll beside it.
//
// Take the channel first, then look for work, then wait: nothing is missed.
type Waker interface {
	// WorkWake returns a channel that is closed when work becomes claimable.
	WorkWake() <-chan struct{}
	// OutboxWake returns a channel that is closed when a message is pending.
	OutboxWake() <-chan struct{}
}

// Backuper is an optional interface of a store that can copy itself.
type Backuper interface {
	// Backup writes everything but the keysets and quotas, as of one moment, to a new file
	// at path, durable when it returns, while others write, and returns what each org has
	// in it (SumAll). conflict: the file exists.
	Backup(ctx context.Context, path string) ([]Sum, error)
}

// WorkItem is a stream's claimable work without its lease.
type WorkItem struct {
	Project core.ProjectID
	Stream  core.StreamID
	Due     time.Time
}

// Exporter is an optional interface of a store that can be moved from. What else it
// has, the other interfaces return.
type Exporter interface {
	// WorkItems returns up to limit items of an org's work after a stream, by stream.
	WorkItems(ctx context.Context, org core.OrgID, after core.StreamID, limit int) ([]WorkItem, error)
}

// Importer is an optional interface of a store that can be moved to. Repeating a call
// changes nothing.
type Importer interface {
	// Import stores an org's events with the ids, versions, positions, times and actors
	// that they have, in order of position, without outbox messages. Those that are
	// there stay; conflict: another event is in the place of one.
	Import(ctx context.Context, org core.OrgID, events []core.Event) error
	// ImportPending gives events of an org that are there their outbox messages.
	ImportPending(ctx context.Context, org core.OrgID, events []Mark) error
	// ImportRecords stores records as they are. Those that are there stay; conflict:
	// another is in the place of one.
	ImportRecords(ctx context.Context, org core.OrgID, records []Record) error
	// ImportEntries stores entries of the books as they are, in their order, and gives
	// their accounts the balances that they had after them. Those that are there stay;
	// conflict: another is in the place of one.
	ImportEntries(ctx context.Context, org core.OrgID, entries []Entry) error
	// ImportWork makes streams claimable when they are due.
	ImportWork(ctx context.Context, org core.OrgID, items []WorkItem) error
}

// NewEvent is an event before it is stored, of at most MaxEvent bytes of data. The store
// gives it its version, position and time (in microseconds).
type NewEvent struct {
	ID   core.EventID
	Type string
	Data json.RawMessage
}

// Append is one transaction's worth of writing to one stream: its events, an
// outbox message for each, and what becomes of the stream's claimable work.
type Append struct {
	Stream   core.StreamID
	Expected int64      // the version that the stream must have; 0 for a new stream
	Events   []NewEvent // may be empty when Work changes and the stream exists
	Work     WorkChange
	Delay    time.Duration // of WorkLater
	Lease    *Lease        // set by workers: the lease must still be held
}

// WorkChange says what becomes of the stream's claimable work.
type WorkChange int

// The changes.
const (
	WorkKeep  WorkChange = iota // leave it as it is
	WorkReady                   // make it claimable now (a held lease stays held; its Release says when)
	WorkNone                    // remove it, and its lease: finished, or waiting for a person
	WorkLater                   // hand back the lease, which it takes, and make it claimable after Delay, or when it is made WorkReady
)

// Events are the event streams: the source of truth.
type Events interface {
	// Append stores everything in a, or nothing. conflict: the stream isn't at
	// Expected, or a.Lease isn't held any more (then LeaseLost(err) is true).
	// The result has versions Expected+1.. and growing positions, and is durable
	// when Append returns.
	Append(ctx context.Context, scope core.Scope, a Append) ([]core.Event, error)
	// ReadStream returns up to limit events of one stream with a version greater
	// than after, in order. A stream that doesn't exist is empty.
	ReadStream(ctx context.Context, org core.OrgID, stream core.StreamID, after int64, limit int) ([]core.Event, error)
	// ReadOrg returns up to limit events of one org with a position greater than
	// after, in order. An event that is returned has every event with a lower
	// position before it: none can still appear.
	ReadOrg(ctx context.Context, org core.OrgID, after int64, limit int) ([]core.Event, error)
	// Head returns the position that no event of the org is above at the moment; 0 if it
	// has none.
	Head(ctx context.Context, org core.OrgID) (int64, error)
	// Orgs returns every org that has an event.
	Orgs(ctx context.Context) ([]core.OrgID, error)
}

// Lease is a worker's right to drive one stream, until it expires by the store's
// clock. An expired lease isn't held any more, even if nobody has claimed the
// stream since.
type Lease struct {
	Org     core.OrgID
	Project core.ProjectID
	Stream  core.StreamID
	Token   int64 // the fence: grows with every claim of the stream
	Until   time.Time
}

// Work is the queue of streams that have something to do.
type Work interface {
	// Claim leases up to n streams that are ready and not leased, for ttl. It is
	// fair over orgs: an org that was served longest ago goes first, and of one
	// org the oldest work. No work is an empty result, not an error.
	Claim(ctx context.Context, worker string, n int, ttl time.Duration) ([]Lease, error)
	// Renew extends a lease that is still held by ttl from now and returns it.
	// conflict (LeaseLost): it isn't held any more.
	Renew(ctx context.Context, l Lease, ttl time.Duration) (Lease, error)
	// Release gives a lease back; the work becomes claimable after delay. A
	// lease that isn't held any more is left alone, without error.
	Release(ctx context.Context, l Lease, delay time.Duration) error
}

// Message is an outbox row: an event that waits to be published.
type Message struct {
	Seq   int64 // the outbox's own order: that of the commits
	Event core.Event
}

// Outbox is read by the relay alone.
type Outbox interface {
	// Pending returns up to limit messages in order, but those of some orgs: they may have
	// any number that can't be published for now. It doesn't remove them.
	Pending(ctx context.Context, limit int, except ...core.OrgID) ([]Message, error)
	// Published removes messages, after the bus has taken them.
	Published(ctx context.Context, seqs []int64) error
}

// Row is one entry of a view: a read model. The columns are what lists filter
// and sort by; Data is the rest, as the consumer likes it.
type Row struct {
	ID      string
	Project core.ProjectID
	Kind    string
	Status  string
	Sort    int64 // lists are in descending order of it, then of ID
	Data    json.RawMessage
	Deleted bool // in Apply: remove the row
}

// Query selects rows of a view. Zero fields don't filter.
type Query struct {
	Project core.ProjectID
	Kind    string
	Status  string
	After   string // the cursor of the page before, from Page.Next
	Limit   int    // 1 to 200; 0 means 50
}

// Page is a part of a list.
type Page struct {
	Rows []Row
	Next string // the cursor of the next page; "" at the end
}

// Mark names an event by its place in its stream.
type Mark struct {
	Stream  core.StreamID
	Version int64
}

// Views hold read models, which consumers write from events and which can be
// dropped and built again.
type Views interface {
	// Apply writes what a view's consumer makes of an event, together with the mark
	// that it has, in one transaction. When the view has a mark of this event or a
	// later one of its stream, nothing is written and applied is false: this is what
	// makes a consumer idempotent. Events of one stream come in order.
	Apply(ctx context.Context, org core.OrgID, view string, of Mark, rows []Row) (applied bool, err error)
	// Get returns one row, or not_found.
	Get(ctx context.Context, org core.OrgID, view, id string) (Row, error)
	// List returns a page of rows. An invalid cursor is Invalid.
	List(ctx context.Context, org core.OrgID, view string, q Query) (Page, error)
	// Drop removes the view's rows and marks.
	Drop(ctx context.Context, org core.OrgID, view string) error
	// Replace gives view the rows and marks of another one, which is gone then, in
	// one transaction. Both belong to the org; a view without a row or mark is empty.
	// The other one is named view, "~" and a word: its rows are sealed as view's.
	Replace(ctx context.Context, org core.OrgID, view, by string) error
}

// Letter is an event that a consumer couldn't apply: a dead letter. The event
// itself stays in its stream.
type Letter struct {
	Consumer string
	Mark
	Event  core.EventID
	Type   string // the event's
	Reason string
	Tries  int
	At     time.Time // when the consumer gave up; set by the store
}

// Letters are the dead letters.
type Letters interface {
	// Bury keeps a letter. One of the same consumer and event is replaced, and its
	// Tries are added.
	Bury(ctx context.Context, org core.OrgID, l Letter) error
	// Buried returns up to limit letters of a consumer ("": of all) after a place in
	// the order of consumer, stream and version; the zero Letter is before all.
	Buried(ctx context.Context, org core.OrgID, consumer string, after Letter, limit int) ([]Letter, error)
	// Blocked reports whether the consumer has a letter of the stream with a version
	// of at most m's.
	Blocked(ctx context.Context, org core.OrgID, consumer string, m Mark) (bool, error)
	// Unbury removes a letter. One that isn't there is not_found.
	Unbury(ctx context.Context, org core.OrgID, consumer string, m Mark) error
}

// Terms say who of several processes does what one alone may do.
type Terms interface {
	// Lead makes holder the leader of name for ttl from now, by the store's clock, or
	// extends its term; false if another's term hasn't ended.
	Lead(ctx context.Context, name, holder string, ttl time.Duration) (bool, error)
	// Resign ends holder's term, if it has one.
	Resign(ctx context.Context, name, holder string) error
}

// Keyset is an org's keys, wrapped. The store can't open it.
type Keyset struct {
	Wrapped    []byte
	Generation int64 // grows with every change, from 1
	Shredded   bool  // the org's keys were destroyed, for good; Wrapped is empty
}

// Keysets hold the wrapped keys of each org. They are in no backup.
type Keysets interface {
	// Keyset returns the org's, or not_found.
	Keyset(ctx context.Context, org core.OrgID) (Keyset, error)
	// SetKeyset stores the keyset that follows generation, 0 for the first. conflict:
	// the org's has another generation, or is shredded.
	SetKeyset(ctx context.Context, org core.OrgID, generation int64, wrapped []byte) error
	// Shred destroys the org's keyset, so that no trace of it is in the store's files
	// when Shred returns, as far as the driver can say; its doc names the rest. An org
	// without one gets none any more either. invalid: core.Installation's stays.
	Shred(ctx context.Context, org core.OrgID) error
	// KeysetOrgs returns every org that has a keyset which isn't shredded.
	KeysetOrgs(ctx context.Context) ([]core.OrgID, error)
}
