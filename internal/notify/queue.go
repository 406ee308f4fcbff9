package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// queue is what is to be sent, of all orgs, by when. It is kept under core.Installation, so
// that one look finds what is due, however many orgs there are. An entry only says where to
// look: what is to be sent, and whether it still is, is in a record of the org. So an entry
// may be there twice, or too long, and does no harm.
type queue struct{ records store.Records }

// job names something that is to be sent.
type job struct {
	Org  core.OrgID
	Kind string // jobHook or jobMail
	Key  string // the id of its record
}

// The kinds of job.
const (
	jobHook = "webhook"
	jobMail = "mail"
)

const queued store.Kind[job] = "notify_queue" // by when it is due, and then any order

// item is an entry of the queue.
type item struct {
	store.Doc[job]
	due time.Time
}

func queueID(due time.Time, j job) string {
	sum := sha256.Sum256([]byte(string(j.Org) + "\x00" + j.Kind + "\x00" + j.Key))
	return fmt.Sprintf("%013d/%s", due.UnixMilli(), hex.EncodeToString(sum[:16]))
}

// add puts a job into the queue. One that is there for the same moment is the same.
func (q queue) add(ctx context.Context, due time.Time, j job) error {
	err := q.records.Write(ctx, core.Installation, queued.Put(store.Doc[job]{ID: queueID(due, j), Data: j}))
	if core.CodeOf(err) == core.Conflict {
		return nil
	}
	return err
}

// list returns up to limit items after one, by when they are due.
func (q queue) list(ctx context.Context, after string, limit int) ([]item, error) {
	docs, err := queued.List(ctx, q.records, core.Installation, "", after, limit)
	if err != nil {
		return nil, err
	}
	items := make([]item, len(docs))
	for i, d := range docs {
		var ms int64
		at, _, _ := strings.Cut(d.ID, "/")
		if _, err := fmt.Sscan(at, &ms); err != nil {
			return nil, core.E(core.Internal, "notify.queue", "an entry without a time")
		}
		items[i] = item{d, time.UnixMilli(ms)}
	}
	return items, nil
}

// move has an item be due at another time, and returns it as it is then. conflict: somebody
// else has it.
func (q queue) move(ctx context.Context, i item, due time.Time) (item, error) {
	next := item{store.Doc[job]{ID: queueID(due, i.Data), Version: 1, Data: i.Data}, due}
	if next.ID == i.ID {
		return i, nil
	}
	put := queued.Put(store.Doc[job]{ID: next.ID, Data: i.Data})
	return next, q.records.Write(ctx, core.Installation, queued.Drop(i.Doc), put)
}

// done takes an item out. Somebody else may have.
func (q queue) done(ctx context.Context, i item) error {
	err := q.records.Write(ctx, core.Installation, queued.Drop(i.Doc))
	if core.CodeOf(err) == core.Conflict {
		return nil
	}
	return err
}
