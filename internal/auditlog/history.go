package auditlog

import (
	"encoding/json"
	"slices"
	"strconv"

	"golang.org/x/mod/sumdb/note"

	"github.com/isekai-run/isekai/internal/core"
)

// history reads a log from its first row on, part by part. It is the one that verifies logs
// in a store and exports of them alike.
type history struct {
	org   core.OrgID
	keys  note.Verifiers
	known []head // of checkpoints

	now    *checker // of the part that is read
	found  *Fault   // in it
	seen   []part   // with that one
	before []Report // of the parts that are closed
	worse  *Fault   // of one of them that isn't any more as it was when it was closed
}

// newHistory returns one that holds the log against checkpoints.
func newHistory(org core.OrgID, keys note.Verifiers, known []head) (*history, error) {
	for _, h := range known {
		if h.org != org {
			return nil, core.E(core.Invalid, "auditlog.verify", "the checkpoint is of another org's log: "+string(h.org))
		}
	}
	x := &history{org: org, keys: keys, known: known}
	x.open(part{})
	return x, nil
}

// open goes on with a part.
func (x *history) open(p part) {
	x.now, x.found, x.seen = &checker{place: place{x.org, p}, keys: x.keys}, nil, append(x.seen, p)
	for _, h := range x.known {
		if h.part == p {
			x.now.hold(h)
		}
	}
}

// add takes the rows that follow.
func (x *history) add(rows []Row) {
	for len(rows) > 0 {
		n := slices.IndexFunc(rows, x.begins)
		if n < 0 {
			x.check(rows)
			return
		}
		x.check(rows[:n])
		x.close(rows[n])
		x.check(rows[n : n+1])
		rows = rows[n+1:]
	}
}

// check has the part's rows checked, up to its first fault.
func (x *history) check(rows []Row) {
	if x.found == nil {
		x.found = x.now.add(rows)
	}
}

// begins reports whether the log was begun anew with the row, by this installation.
func (x *history) begins(r Row) bool {
	p, err := parsePart(r.Part)
	if err != nil || p == (part{}) || r.Number != p.after+1 || r.ID != p.id || r.Entry == nil {
		return false
	}
	var t tree
	_, err = t.addEntry(r.Entry)
	return err == nil && t.head(place{x.org, p}).signed(r.Signature, x.keys)
}

// close ends the part at the row that begins the next. That one says what was known when it
// was written: what isn't so any more was done since.
func (x *history) close(r Row) {
	was := closingOf(r.Entry)
	if h, err := openCheckpoint([]byte(was.checkpoint), x.keys); err == nil && h.org == x.org {
		if h.part == x.now.part {
			x.now.hold(h)
		} else if !slices.Contains(x.seen, h.part) {
			x.before = append(x.before, Report{Org: x.org, After: h.after, Fault: gone(h)})
		}
	}
	rep := x.now.end(x.found)
	x.before = append(x.before, rep)
	switch {
	case x.worse != nil:
	case rep.Rows < was.rows:
		x.worse = fault(Truncated, x.now.after+rep.Rows+1, "", "was still good when the log was begun anew, as were those up to row "+strconv.FormatInt(x.now.after+was.rows, 10))
		if rep.Fault != nil {
			x.worse.Kind, x.worse.ID = rep.Fault.Kind, rep.Fault.ID
		}
	case rep.Rows == was.rows && rep.Checkpoint != "" && was.root != "" && x.now.tree.root().String() != was.root:
		x.worse = fault(Rewritten, x.now.after+1, "", "or one after it isn't what it was when the log was begun anew")
	}
	p, _ := parsePart(r.Part) // it begins one
	x.open(p)
}

// meets holds the last part against the checkpoint that an export ends with. It returns false
// for one that isn't of these rows.
func (x *history) meets(h head) bool {
	switch {
	case x.found == nil && (h.place != x.now.place || h.size < x.now.tree.size):
		return false
	case h.place != x.now.place: // rows are missing
		x.known = append(x.known, h)
	case x.found == nil:
		x.now.hold(h)
		x.found = x.now.meet()
	}
	return true
}

// end returns the report when there are no more rows.
func (x *history) end() Report {
	rep := x.now.end(x.found)
	rep.Before = x.before
	if rep.Fault == nil {
		rep.Fault = x.worse
	}
	for _, h := range x.known {
		if rep.Fault == nil && !slices.Contains(x.seen, h.part) {
			rep.Fault = gone(h)
		}
	}
	return rep
}

// gone is the fault of a part whose beginning isn't there.
func gone(h head) *Fault {
	return fault(Truncated, h.after+1, "", "with which the log was begun anew, and those after it, up to row "+strconv.FormatInt(h.end(), 10)+" at least, were deleted")
}

// closing is what the first entry of a part says about the one before.
type closing struct {
	rows       int64  // that were good
	root       string // of these; "" where the log was written anew by somebody with the key
	checkpoint string // that was kept; "" where none was
	fault      string // for a person
}

func (c closing) detail() map[string]string {
	return map[string]string{"rows": strconv.FormatInt(c.rows, 10), "root": c.root, "checkpoint": c.checkpoint, "fault": c.fault}
}

func closingOf(entry json.RawMessage) closing {
	var e Entry
	_ = json.Unmarshal(entry, &e) // its check says what is wrong with it
	rows, _ := strconv.ParseInt(e.Detail["rows"], 10, 64)
	return closing{rows: rows, root: e.Detail["root"], checkpoint: e.Detail["checkpoint"], fault: e.Detail["fault"]}
}
