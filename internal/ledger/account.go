package ledger

import (
	"context"
	"fmt"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// The accounts of an org, and one, held/TASK, for each task. They add up to nothing.
const (
	source     = store.Debit + "source"      // minus what was granted and hasn't expired
	available  = "available"                 // what may be held
	spent      = "spent"                     // what was used
	writtenOff = store.Debit + "written_off" // minus what was used, and nothing covered
)

// More accounts, in pairs that add up to nothing, in which is noted besides what the
// amounts of those above were.
const (
	storage    = "storage"                // of what was spent, that for what is kept
	stored     = store.Debit + "storage"  //
	gone       = "gone"                   // what went though nobody used it, or was used and came back
	ungone     = store.Debit + "gone"     //
	reckoned   = "reckoned"               // of what has gone, that whose grants are known
	unreckoned = store.Debit + "reckoned" //
	lots       = "expiring/"              // lots + UNTIL/ID: what is left of a grant that expires
	expiring   = store.Debit + "expiring" // minus all of these
)

// heldBy is the account of what a task holds.
func heldBy(task core.TaskID) string { return "held/" + string(task) }

// line is a budget in one of its periods: four accounts that add up to nothing, too, and
// in which the amounts of tasks are noted besides.
type line string // "org/2026-11", "project/prj_a/2026-11-22", "key/key_a/all"

const memo = store.Debit + "budget/"

// left is the account that is below zero if a task would hold more than the budget has.
func (l line) left() string { return "budget/" + string(l) }

func (l line) given() string { return memo + string(l) + "/given" } // minus what the budget allows
func (l line) held() string  { return memo + string(l) + "/held" }  // by tasks that aren't over
func (l line) used() string  { return memo + string(l) + "/used" }  // by tasks that are

// lineOf returns the line of a held account.
func lineOf(account string) (line, bool) {
	rest, ok := strings.CutPrefix(account, memo)
	if !ok {
		return "", false
	}
	l, ok := strings.CutSuffix(rest, "/held")
	return line(l), ok
}

// balance is what one account holds; 0 if it isn't there.
func (s *Service) balance(ctx context.Context, org core.OrgID, account string) (core.Credits, error) {
	b, err := s.cfg.Books.Balances(ctx, org, account, "", 1)
	if err != nil {
		return 0, fmt.Errorf("balance: %w", err)
	}
	if len(b) == 0 || b[0].Account != account {
		return 0, nil
	}
	return b[0].Amount, nil
}

// folio is what the books say about one task.
type folio struct {
	held     core.Credits
	consumed core.Credits
	lines    map[line]core.Credits // that it holds, or held, something of; how much
	effects  map[string]store.Entry
}

// folio reads a task's entries.
func (s *Service) folio(ctx context.Context, org core.OrgID, task core.TaskID) (folio, error) {
	f := folio{lines: map[line]core.Credits{}, effects: map[string]store.Entry{}}
	for after := int64(0); ; {
		const page = 500
		entries, err := s.cfg.Books.Entries(ctx, org, store.EntryQuery{Task: task, After: after, Limit: page})
		if err != nil {
			return f, fmt.Errorf("entries of the task: %w", err)
		}
		for _, e := range entries {
			f.add(task, e)
			after = e.Seq
		}
		if len(entries) < page {
			return f, nil
		}
	}
}

func (f *folio) add(task core.TaskID, e store.Entry) {
	f.effects[e.Effect] = e
	switch l, budget := lineOf(e.Account); {
	case budget:
		f.lines[l] += e.Amount
	case e.Account == heldBy(task):
		f.held += e.Amount
	case e.Account == spent && e.Kind == kindConsume:
		f.consumed += e.Amount
	}
}
