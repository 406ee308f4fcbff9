package auditlog

import (
	"strconv"

	"github.com/isekai-run/isekai/internal/core"
)

// FaultKind says what was done to a log.
type FaultKind string

// The kinds.
const (
	Missing   FaultKind = "missing"   // the row was deleted
	Changed   FaultKind = "changed"   // the row isn't what was written there
	Moved     FaultKind = "moved"     // another row stands in its place
	Foreign   FaultKind = "foreign"   // the row was written by somebody else
	Truncated FaultKind = "truncated" // rows are missing from this one to the end
	Rewritten FaultKind = "rewritten" // this or a later row isn't what it was, though it is signed
)

// Fault is the first thing that is wrong with a log.
type Fault struct {
	Kind FaultKind    `json:"kind"`
	Row  int64        `json:"row"`          // from 1
	ID   core.EventID `json:"id,omitempty"` // of the event that stands there
	Text string       `json:"text"`         // for a person
}

// Report is what is known about a log after it was verified.
type Report struct {
	Org core.OrgID `json:"org"`
	// Before are the parts of a log that was begun anew, each as it is now, first to last;
	// what follows is about the part that is gone on with.
	Before []Report `json:"before,omitempty"`
	// After is how many rows there were, or should have been, when the part began.
	After int64 `json:"after,omitempty"`
	// Rows is how many rows from its first are as they were written.
	Rows int64 `json:"rows"`
	// Checkpoint is that of these rows, signed when the last of them was written. Empty
	// without any.
	Checkpoint string `json:"checkpoint,omitempty"`
	Fault      *Fault `json:"fault,omitempty"` // nil: all is well, or as it was when the log was begun anew
}

func fault(kind FaultKind, row int64, id core.EventID, text string) *Fault {
	return &Fault{Kind: kind, Row: row, ID: id, Text: "row " + strconv.FormatInt(row, 10) + " " + text}
}

// atRow says where.
func atRow(row int64) string { return "at row " + strconv.FormatInt(row, 10) }
