package auditlog

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"

	"golang.org/x/mod/sumdb/note"
)

// checker reads a part of a log from its first row on and finds the first fault.
type checker struct {
	place
	keys  note.Verifiers
	known []head // of checkpoints, smallest first

	tree tree
	last string // the signature of the last row
	met  int64  // the size of the largest checkpoint that the rows agree with
}

// want returns the number of the row that is due.
func (c *checker) want() int64 { return c.after + c.tree.size + 1 }

// hold holds the part against one more checkpoint of it.
func (c *checker) hold(h head) {
	c.known = append(c.known, h)
	slices.SortFunc(c.known, func(a, b head) int { return cmp.Compare(a.size, b.size) })
}

// add takes the rows that follow. After a fault there is nothing more to add.
//
// A signature is of all rows so far, so those of a page are good if that of its last is;
// only where something is wrong each is looked at, and then the first that is bad is the
// first row that isn't as it was written: those before it are covered by good ones.
func (c *checker) add(rows []Row) *Fault {
	start := c.tree.clone()
	good, found := 0, (*Fault)(nil)
	for good < len(rows) && found == nil {
		if found = c.next(rows[good]); found == nil {
			good++
			found = c.meet()
		}
	}
	if good > 0 && (found != nil || !c.tree.head(c.place).signed(rows[good-1].Signature, c.keys)) {
		if unsigned := c.unsigned(start, rows[:good]); unsigned != nil {
			found = unsigned
			good = int(unsigned.Row - c.after - start.size - 1)
		}
		c.tree = start.clone()
		for _, r := range rows[:good] {
			_, _ = c.tree.addEntry(r.Entry) // it was added before
		}
	}
	if good > 0 {
		c.last = rows[good-1].Signature
	}
	return found
}

// next adds a row to the tree, unless it can be seen from it alone that it is bad.
func (c *checker) next(r Row) *Fault {
	want := c.want()
	if r.Number != want {
		return c.gap(r)
	}
	if r.Entry == nil {
		return c.closed(r)
	}
	var e Entry
	if err := json.Unmarshal(r.Entry, &e); err != nil {
		return fault(Changed, want, r.ID, "isn't an entry")
	}
	switch {
	case e.Org != c.org:
		return fault(Moved, want, r.ID, "is of another org's log: "+string(e.Org))
	case e.Row != want:
		return fault(Moved, want, r.ID, "is what was written as row "+strconv.FormatInt(e.Row, 10)+": rows were deleted or put in another order")
	case e.ID != r.ID:
		return fault(Changed, want, r.ID, "has another id than it was written with")
	case r.Part != c.part.String():
		return fault(Changed, want, r.ID, "says that it is of another part of the log")
	}
	next := c.tree.clone()
	hashes, err := next.addEntry(r.Entry)
	if err != nil || !slices.Equal(texts(hashes), r.Hashes) {
		return fault(Changed, want, r.ID, "doesn't have the hash that it was written with")
	}
	c.tree = next
	return nil
}

// gap is the fault where another row's number was due.
func (c *checker) gap(r Row) *Fault {
	want := c.want()
	if r.Number < want {
		return fault(Moved, want, r.ID, "is followed by row "+strconv.FormatInt(r.Number, 10))
	}
	text := "was deleted"
	if r.Number > want+1 {
		text += ", and so were those up to row " + strconv.FormatInt(r.Number-1, 10)
	}
	return fault(Missing, want, "", text)
}

// closed is the fault of a row that doesn't open.
func (c *checker) closed(r Row) *Fault {
	if n := len(c.known); n > 0 && r.Number > c.known[n-1].end() {
		return fault(Foreign, r.Number, r.ID, "was written by somebody else, or changed before it was in a checkpoint")
	}
	return fault(Changed, r.Number, r.ID, "isn't what was written there: it was changed, or put in another's place")
}

// unsigned returns the fault of the first of rows whose signature isn't of the tree up to it.
func (c *checker) unsigned(t tree, rows []Row) *Fault {
	t = t.clone()
	for _, r := range rows {
		if _, err := t.addEntry(r.Entry); err != nil || !t.head(c.place).signed(r.Signature, c.keys) {
			return fault(Foreign, r.Number, r.ID, "isn't signed by this installation: somebody else wrote it, or wrote over it")
		}
	}
	return nil
}

// meet compares the rows so far with the checkpoints that end there.
func (c *checker) meet() *Fault {
	for _, h := range c.known {
		if h.size != c.tree.size {
			continue
		}
		if h.root != c.tree.root() {
			return fault(Rewritten, c.after+c.met+1, "", "or one after it, up to row "+strconv.FormatInt(h.end(), 10)+
				", isn't what a checkpoint says it was: somebody with the key wrote the log anew, or it was restored and has gone another way")
		}
		c.met = h.size
	}
	return nil
}

// end returns the report when there are no more rows.
func (c *checker) end(found *Fault) Report {
	if n := len(c.known); found == nil && n > 0 && c.tree.size < c.known[n-1].size {
		found = fault(Truncated, c.want(), "", "and those after it, up to row "+strconv.FormatInt(c.known[n-1].end(), 10)+" at least, were deleted")
	}
	rep := Report{Org: c.org, After: c.after, Rows: c.tree.size, Fault: found}
	if found != nil && found.Kind == Rewritten {
		rep.Rows = c.met
		return rep
	}
	if rep.Rows > 0 {
		rep.Checkpoint = string(c.tree.head(c.place).note(signerName, c.last))
	}
	return rep
}
