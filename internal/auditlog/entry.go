package auditlog

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
)

// The outcomes of an action.
const (
	Done    = "done"
	Failed  = "failed"  // it may be done, and wasn't: the store was away
	Refused = "refused" // it may not be done, or not by whom it was: a wrong password
)

// Entry says who did what to what, and how it went.
type Entry struct {
	Row     int64             `json:"row"` // its place in the log, from 1; set by Record
	ID      core.EventID      `json:"id"`  // of its event; set by Record
	Org     core.OrgID        `json:"org"` // whose log it is in; set by Record
	At      time.Time         `json:"at"`  // zero: now
	Action  string            `json:"action"`
	Actor   core.Actor        `json:"actor"`
	Project core.ProjectID    `json:"project,omitempty"`
	Target  string            `json:"target,omitempty"`  // the id, or the name, of what it was done to
	Address string            `json:"address,omitempty"` // where the request came from
	Outcome string            `json:"outcome"`           // "": Done
	Detail  map[string]string `json:"detail,omitempty"`  // never a secret
}

// The bounds of an entry, in bytes. What is longer is cut, since it may come from whoever
// fails to sign in, and the entry has to be written all the same.
const (
	maxField   = 300
	maxDetail  = 1024
	maxDetails = 32
)

// complete returns the entry as it is kept, but for its place. invalid: it doesn't say what
// was done, or how that went.
func (e Entry) complete(org core.OrgID, now time.Time, clean func(string) string) (Entry, error) {
	if e.Action == "" || e.Actor.Kind == "" || len(e.Detail) > maxDetails {
		return Entry{}, core.E(core.Invalid, "auditlog.record", "an entry without an action or an actor, or with too many details")
	}
	switch e.Outcome {
	case "":
		e.Outcome = Done
	case Done, Failed, Refused:
	default:
		return Entry{}, core.E(core.Invalid, "auditlog.record", "unknown outcome "+e.Outcome)
	}
	if e.At.IsZero() {
		e.At = now
	}
	e.Org, e.At = org, e.At.UTC().Truncate(time.Microsecond)
	if a, err := netip.ParseAddrPort(e.Address); err == nil {
		e.Address = a.Addr().Unmap().String()
	}
	for _, field := range []*string{&e.Action, &e.Actor.ID, (*string)(&e.Project), &e.Target, &e.Address} {
		*field = cut(clean(*field), maxField)
	}
	detail := make(map[string]string, len(e.Detail))
	for name, value := range e.Detail {
		detail[cut(name, maxField)] = cut(clean(value), maxDetail)
	}
	e.Detail = detail
	return e, nil
}

// cut returns s as UTF-8 of at most n bytes.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	const more = "…"
	n -= len(more)
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + more
}

// leaf returns the bytes that are hashed: JSON in the one form that encoding/json gives it,
// whatever has been done to its spaces and escapes on the way.
func leaf(entry json.RawMessage) ([]byte, error) { return json.Marshal(entry) }
