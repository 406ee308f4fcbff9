package store

import (
	"encoding/base64"
	"encoding/json"
	"strconv"

	"github.com/isekai-run/isekai/internal/core"
)

// MaxEvent bounds an event's data, in bytes as it is stored: what a bus carries in one
// record. Larger content belongs in a blob.
const MaxEvent = 900 << 10

// Check returns an Invalid error for an append that no store may take: drivers
// call it first, so that they refuse the same things.
func (a Append) Check(scope core.Scope) error {
	const op = "store.append"
	if err := scope.Valid(); err != nil {
		return err
	}
	switch {
	case a.Stream == "":
		return core.E(core.Invalid, op, "an append without a stream")
	case a.Expected < 0:
		return core.E(core.Invalid, op, "a negative version")
	case len(a.Events) == 0 && (a.Work == WorkKeep || a.Expected == 0):
		return core.E(core.Invalid, op, "an append that changes nothing")
	case a.Work < WorkKeep || a.Work > WorkLater:
		return core.E(core.Invalid, op, "an unknown change of work")
	case a.Work == WorkLater && (a.Lease == nil || a.Delay < 0):
		return core.E(core.Invalid, op, "work is put off by who has its lease, by a time that isn't negative")
	case a.Lease != nil && (a.Lease.Org != scope.Org || a.Lease.Stream != a.Stream):
		return core.E(core.Invalid, op, "a lease of another stream")
	}
	for _, e := range a.Events {
		if e.ID == "" || e.Type == "" || len(e.Data) == 0 {
			return core.E(core.Invalid, op, "an event without an id, a type or data")
		}
		if len(e.Data) > MaxEvent {
			return core.E(core.Invalid, op, "an event of "+strconv.Itoa(len(e.Data))+" bytes").WithHint("keep large content in a blob")
		}
	}
	return nil
}

// CheckShred returns an Invalid error for an org whose keys no store may destroy.
func CheckShred(org core.OrgID) error {
	if org == "" || org == core.Installation {
		return core.E(core.Invalid, "store.shred", "the keys of the installation itself can't be destroyed").
			WithHint("without them nobody could sign in any more; shred an org's")
	}
	return nil
}

// CheckLimit returns an Invalid error for a limit below 1.
func CheckLimit(op string, limit int) error {
	if limit < 1 {
		return core.E(core.Invalid, op, "a limit of "+strconv.Itoa(limit)).WithHint("ask for at least one")
	}
	return nil
}

// The bounds of Query.Limit.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// Check returns the query's limit with its default applied and its cursor
// decoded, or an Invalid error. The zero Cursor is the list's beginning.
func (q Query) Check() (limit int, after Cursor, err error) {
	limit = q.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	if limit < 1 || limit > MaxLimit {
		return 0, Cursor{}, core.E(core.Invalid, "store.list", "the limit is out of range").WithHint("ask for 1 to 200 rows")
	}
	if q.After == "" {
		return limit, Cursor{}, nil
	}
	after, err = ParseCursor(q.After)
	return limit, after, err
}

// Cursor is a place in a list: after the row with this sort key and id. The
// zero value is before the first row.
type Cursor struct {
	Sort int64
	ID   string
}

// cursorForm is what an encoded cursor holds.
type cursorForm struct {
	Sort int64  `json:"s"`
	ID   string `json:"i"`
}

// CursorOf returns the cursor after row.
func CursorOf(row Row) Cursor { return Cursor{Sort: row.Sort, ID: row.ID} }

// String returns the cursor as opaque text that is safe in a URL.
func (c Cursor) String() string {
	b, err := json.Marshal(cursorForm(c))
	if err != nil { // two plain fields always encode
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor decodes what String made. Anything else is Invalid.
func ParseCursor(s string) (Cursor, error) {
	var form cursorForm
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &form)
	}
	c := Cursor(form)
	if err != nil || c.ID == "" || c.String() != s {
		return Cursor{}, core.E(core.Invalid, "store.list", "the cursor isn't one of this list's").
			WithHint("start again from the first page")
	}
	return c, nil
}
