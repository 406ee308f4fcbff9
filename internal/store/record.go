package store

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
)

// Record is state that isn't a stream: a user, a key, a session, the answer to a request.
// A driver knows nothing of what is in it.
type Record struct {
	Kind    string    // of the module that keeps it: "user"
	ID      string    // unique in the org and the kind
	Version int64     // from 1, and one more with each change
	Expires time.Time // from then on it is as if it weren't there; zero: never
	Data    json.RawMessage
}

// Change is one part of a write.
type Change struct {
	Kind, ID string
	Expected int64           // the version that the record must have; 0: it must not be there
	Expires  time.Time       // zero: never
	Data     json.RawMessage // nil: the record goes
}

// Records hold what modules keep besides streams. What concerns the whole installation
// is kept under core.Installation, which is nobody's org.
type Records interface {
	// Record returns one, or not_found.
	Record(ctx context.Context, org core.OrgID, kind, id string) (Record, error)
	// Records returns up to limit of a kind, whose ids begin with prefix, after an id, by
	// id in bytewise order.
	Records(ctx context.Context, org core.OrgID, kind, prefix, after string, limit int) ([]Record, error)
	// Write makes all the changes, to different records, or none. conflict: a record isn't
	// as expected.
	Write(ctx context.Context, org core.OrgID, changes ...Change) error
	// Sweep removes up to limit records of all orgs that have expired, and returns how many.
	Sweep(ctx context.Context, limit int) (int, error)
}

// The bounds of a record.
const (
	MaxRecord  = 900 << 10 // bytes of data, as they are stored
	MaxID      = 300       // bytes of an id
	MaxChanges = 100       // of one write
)

// CheckChanges returns an Invalid error for changes that no store may make.
func CheckChanges(org core.OrgID, changes []Change) error {
	const op = "store.write"
	if org == "" || len(changes) == 0 || len(changes) > MaxChanges {
		return core.E(core.Invalid, op, "a write of "+strconv.Itoa(len(changes))+" changes for the org "+string(org))
	}
	seen := make(map[[2]string]bool, len(changes))
	for _, c := range changes {
		place := [2]string{c.Kind, c.ID}
		switch {
		case c.Kind == "" || c.ID == "" || len(c.Kind) > MaxID || len(c.ID) > MaxID || !isText(c.Kind, c.ID):
			return core.E(core.Invalid, op, "a record without a kind or an id, or with one that is too long or isn't text")
		case seen[place]:
			return core.E(core.Invalid, op, "two changes of one record")
		case c.Expected < 0 || c.Data == nil && c.Expected == 0:
			return core.E(core.Invalid, op, "a change of a record that isn't there")
		case len(c.Data) > MaxRecord:
			return core.E(core.Invalid, op, "a record of "+strconv.Itoa(len(c.Data))+" bytes").WithHint("keep large content in a blob")
		}
		seen[place] = true
	}
	return nil
}

// isText reports whether every store can keep the parts as texts: UTF-8 without a NUL.
func isText(parts ...string) bool {
	for _, s := range parts {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return false
		}
	}
	return true
}

// IDRange returns what ids that begin with prefix and follow after are in: from and those
// that follow, but after itself and what isn't below end.
func IDRange(prefix, after string) (from, end string) {
	return max(prefix, after), prefix + strings.Repeat("\U0010FFFF", MaxID/utf8.UTFMax+1)
}
