package store

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Move changes the balance of one account, in micro-credits.
type Move struct {
	Account string
	Amount  core.Credits
}

// Posting is one transaction of an org's books: moves that add up to nothing.
type Posting struct {
	// Effect names what the posting is the effect of, once in an org: an event's id, or a
	// command's.
	Effect  string
	Kind    string // grant, hold, consume, release, refund, expire, adjust, budget
	Project core.ProjectID
	Task    core.TaskID
	Note    string // for people; no content of a tenant's
	Moves   []Move
}

// Entry is one line of the books: a posting's move.
type Entry struct {
	Seq     int64 // the order of the org's entries
	Effect  string
	N       int // which of its posting's moves it is, from 0
	Kind    string
	Project core.ProjectID
	Task    core.TaskID
	Note    string
	Move
	Balance core.Credits // of the account, after the move
	At      time.Time    // set by the store
}

// EntryQuery selects entries. Zero fields don't filter.
type EntryQuery struct {
	Effect  string // with it, neither Account nor Task filter
	Account string
	Task    core.TaskID
	After   int64 // a Seq
	Limit   int   // at least 1
	// Newest has the last come first: After is the Seq that they come before then, 0 none.
	// With Effect it does nothing.
	Newest bool
}

// Last returns the Seq that the newest entries come before.
func (q EntryQuery) Last() int64 {
	if q.After == 0 {
		return math.MaxInt64
	}
	return q.After
}

// Balance is what an account holds.
type Balance struct {
	Account string
	Amount  core.Credits
}

// Debit begins the name of an account whose balance may be below zero: where credits come
// from.
const Debit = "~"

// Books are an org's double-entry books. The database itself sees to it that no entry
// ever changes, that no account falls below zero but the Debit ones, and that an effect
// is posted once.
type Books interface {
	// Post makes all the postings, in order, or none. One whose effect was posted before
	// is left out; posted says which were made. exhausted: after a posting an account would
	// be below zero; Short names it. invalid: an account would hold more than
	// core.MaxCredits.
	Post(ctx context.Context, org core.OrgID, postings ...Posting) (posted []bool, err error)
	// Balances returns the balances of the accounts that begin with prefix, after an
	// account, by name, up to limit.
	Balances(ctx context.Context, org core.OrgID, prefix, after string, limit int) ([]Balance, error)
	// Entries returns entries in their order, or the newest first.
	Entries(ctx context.Context, org core.OrgID, q EntryQuery) ([]Entry, error)
}

// MaxNote bounds a posting's note, in bytes.
const MaxNote = 1000

// CheckPostings returns an Invalid error for postings that no store may make.
func CheckPostings(org core.OrgID, postings []Posting) error {
	const op = "store.post"
	if org == "" || len(postings) == 0 || len(postings) > MaxChanges {
		return core.E(core.Invalid, op, strconv.Itoa(len(postings))+" postings for the org "+string(org))
	}
	seen := make(map[string]bool, len(postings))
	for _, p := range postings {
		if p.Effect == "" || p.Kind == "" || len(p.Effect) > MaxID || seen[p.Effect] || len(p.Moves) < 2 || len(p.Moves) > MaxChanges {
			return core.E(core.Invalid, op, "a posting without an effect of its own, a kind or two moves")
		}
		if !isText(p.Effect, p.Kind, string(p.Project), string(p.Task), p.Note) || len(p.Note) > MaxNote {
			return core.E(core.Invalid, op, "a posting with a note that is too long, or what isn't text")
		}
		seen[p.Effect] = true
		var sum core.Credits
		accounts := make(map[string]bool, len(p.Moves))
		for _, m := range p.Moves {
			if m.Account == "" || len(m.Account) > MaxID || !isText(m.Account) || accounts[m.Account] ||
				m.Amount > core.MaxCredits || m.Amount < -core.MaxCredits {
				return core.E(core.Invalid, op, "a move without an account of its own, or of too much")
			}
			accounts[m.Account] = true
			sum += m.Amount
		}
		if sum != 0 {
			return core.E(core.Invalid, op, "the moves of "+p.Effect+" don't add up to nothing")
		}
	}
	return nil
}

// CheckBalance returns the error of Post for an account that may not have this balance.
func CheckBalance(account string, balance core.Credits) error {
	switch {
	case balance < 0 && !strings.HasPrefix(account, Debit):
		return Exhausted(account)
	case balance > core.MaxCredits || balance < -core.MaxCredits:
		return core.E(core.Invalid, "store.post", "the account "+account+" would hold more than it can")
	}
	return nil
}
