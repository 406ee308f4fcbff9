package auditlog_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const logRows = `org = 'org_a' AND stream = 'aud_log'`

// TestATamperedRowIsNamed changes the rows of a log in the database itself.
func TestATamperedRowIsNamed(t *testing.T) {
	t.Parallel()
	const n = 20
	for name, c := range map[string]struct {
		tamper        []string
		plain, sealed auditlog.FaultKind
		row           int64
	}{
		"deleted":             {[]string{`DELETE FROM events WHERE ` + logRows + ` AND version = 7`}, auditlog.Missing, auditlog.Missing, 7},
		"the first deleted":   {[]string{`DELETE FROM events WHERE ` + logRows + ` AND version = 1`}, auditlog.Missing, auditlog.Missing, 1},
		"several deleted":     {[]string{`DELETE FROM events WHERE ` + logRows + ` AND version IN (5, 6, 11)`}, auditlog.Missing, auditlog.Missing, 5},
		"the last deleted":    {[]string{`DELETE FROM events WHERE ` + logRows + ` AND version = 20`}, auditlog.Truncated, auditlog.Truncated, 20},
		"the end deleted":     {[]string{`DELETE FROM events WHERE ` + logRows + ` AND version > 12`}, auditlog.Truncated, auditlog.Truncated, 13},
		"everything deleted":  {[]string{`DELETE FROM events WHERE ` + logRows}, auditlog.Truncated, auditlog.Truncated, 1},
		"data changed":        {[]string{`UPDATE events SET data = CAST(replace(CAST(data AS TEXT), 'usr_ann', 'usr_bob') AS BLOB) WHERE ` + logRows + ` AND version = 9`}, auditlog.Changed, "", 9},
		"a byte changed":      {[]string{`UPDATE events SET data = CAST(substr(data, 1, 40) || x'21' || substr(data, 42) AS BLOB) WHERE ` + logRows + ` AND version = 9`}, auditlog.Changed, auditlog.Changed, 9},
		"emptied":             {[]string{`UPDATE events SET data = x'7b7d' WHERE ` + logRows + ` AND version = 3`}, auditlog.Changed, auditlog.Changed, 3},
		"id changed":          {[]string{`UPDATE events SET id = 'evt_other' WHERE ` + logRows + ` AND version = 4`}, auditlog.Changed, auditlog.Changed, 4},
		"type changed":        {[]string{`UPDATE events SET type = 'task.finished' WHERE ` + logRows + ` AND version = 4`}, auditlog.Changed, auditlog.Changed, 4},
		"data of two swapped": {swap("data", 6, 15), auditlog.Moved, auditlog.Changed, 6},
		"two rows swapped":    {swap("version", 6, 15), auditlog.Moved, auditlog.Changed, 6},
		"neighbours swapped":  {swap("version", 19, 20), auditlog.Moved, auditlog.Changed, 19},
		"deleted, and the rest moved up": {[]string{
			`DELETE FROM events WHERE ` + logRows + ` AND version = 7`,
			`UPDATE events SET version = -version WHERE ` + logRows + ` AND version > 7`,
			`UPDATE events SET version = -version - 1 WHERE ` + logRows + ` AND version < 0`,
		}, auditlog.Moved, auditlog.Changed, 7},
		"one written over by another": {[]string{
			`UPDATE events SET data = (SELECT data FROM events WHERE ` + logRows + ` AND version = 2) WHERE ` + logRows + ` AND version = 8`,
		}, auditlog.Moved, auditlog.Changed, 8},
		"the first one's copy appended": {[]string{
			`INSERT INTO events (org, project, stream, version, id, type, at, actor_kind, actor_id, data)
			 SELECT org, project, stream, 21, 'evt_copy', type, at, actor_kind, actor_id, data FROM events WHERE ` + logRows + ` AND version = 1`,
		}, auditlog.Moved, auditlog.Foreign, 21},
		"another org's row": {[]string{
			`UPDATE events SET data = (SELECT data FROM events WHERE org = 'org_b' AND version = 8) WHERE ` + logRows + ` AND version = 8`,
		}, auditlog.Moved, auditlog.Changed, 8},
		"two things": {[]string{
			`DELETE FROM events WHERE ` + logRows + ` AND version = 17`,
			`UPDATE events SET data = x'7b7d' WHERE ` + logRows + ` AND version = 16`,
		}, auditlog.Changed, auditlog.Changed, 16},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, r *rig, sealed bool) {
				r.fill(t, orgA, n)
				r.fill(t, orgB, n)
				outside := r.checkpoint(t, orgA)
				wantGood(t, r.verify(t, orgA, outside), n)
				want := c.plain
				if sealed {
					if want = c.sealed; want == "" {
						return // there is nothing to replace in what is sealed
					}
				}
				r.exec(t, `DELETE FROM outbox`)
				for _, s := range c.tamper {
					r.exec(t, s)
				}
				wantFault(t, r.verify(t, orgA), want, c.row)
				wantFault(t, r.verify(t, orgA, outside), want, c.row)
				wantGood(t, r.verify(t, orgB), n)
			})
		})
	}
}

// swap exchanges a column of two rows.
func swap(column string, a, b int) []string {
	if column == "version" {
		return []string{
			fmt.Sprintf(`UPDATE events SET version = -1 WHERE `+logRows+` AND version = %d`, a),
			fmt.Sprintf(`UPDATE events SET version = %d WHERE `+logRows+` AND version = %d`, a, b),
			fmt.Sprintf(`UPDATE events SET version = %d WHERE `+logRows+` AND version = -1`, b),
		}
	}
	return []string{
		`CREATE TABLE aside AS SELECT version, ` + column + ` AS v FROM events WHERE ` + logRows,
		fmt.Sprintf(`UPDATE events SET `+column+` = (SELECT v FROM aside WHERE version = %d) WHERE `+logRows+` AND version = %d`, b, a),
		fmt.Sprintf(`UPDATE events SET `+column+` = (SELECT v FROM aside WHERE version = %d) WHERE `+logRows+` AND version = %d`, a, b),
	}
}

// forge is an intruder who can write what opens, with hashes that are right, but hasn't the
// installation's key to sign with.
func forge(t *testing.T, events []core.Event, from int, change func(*auditlog.Entry)) []store.NewEvent {
	t.Helper()
	var leaves, stored []tlog.Hash
	read := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
		for _, i := range at {
			out = append(out, stored[i])
		}
		return out, nil
	})
	var forged []store.NewEvent
	for i, e := range events {
		p := must(e.Payload())(t).(core.AuditRecorded)
		if i >= from {
			var entry auditlog.Entry
			ok(t, json.Unmarshal(p.Entry, &entry))
			change(&entry)
			p.Entry = must(json.Marshal(entry))(t)
		}
		hash := tlog.RecordHash(p.Entry)
		hashes := must(tlog.StoredHashesForRecordHash(int64(len(leaves)), hash, read))(t)
		leaves, stored = append(leaves, hash), append(stored, hashes...)
		p.Hashes = nil
		for _, h := range hashes {
			p.Hashes = append(p.Hashes, h.String())
		}
		forged = append(forged, store.NewEvent{ID: e.ID, Type: e.Type, Data: must(core.EncodePayload(p))(t)})
	}
	return forged
}

// TestSomebodyElsesRowsAreNamed has an intruder who has the org's keys, but not the one that signs.
func TestSomebodyElsesRowsAreNamed(t *testing.T) {
	t.Parallel()
	scope := core.Scope{Org: orgA, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "auditlog"}}
	t.Run("appended", func(t *testing.T) {
		t.Parallel()
		both(t, func(t *testing.T, r *rig, _ bool) {
			r.fill(t, orgA, 9)
			r.checkpoint(t, orgA)
			events := must(r.cfg.Events.ReadStream(t.Context(), orgA, core.AuditLog, 0, 100))(t)
			events = append(events, events[8])
			events[9].ID = "evt_forged"
			news := forge(t, events, 9, func(e *auditlog.Entry) { e.Row, e.ID, e.Target = 10, "evt_forged", "nobody" })
			must(r.cfg.Events.Append(t.Context(), scope, store.Append{Stream: core.AuditLog, Expected: 9, Events: news[9:]}))(t)
			wantFault(t, r.verify(t, orgA), auditlog.Foreign, 10)
			wantCode(t, "recording after it", r.restart().Record(t.Context(), orgA, entry("key_x")), core.Internal)
			wantCode(t, "recording after it with what was known", r.Record(t.Context(), orgA, entry("key_x")), core.Internal)
		})
	})
	t.Run("written over", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, false)
		r.fill(t, orgA, 12)
		events := must(r.cfg.Events.ReadStream(t.Context(), orgA, core.AuditLog, 0, 100))(t)
		for i, n := range forge(t, events, 4, func(e *auditlog.Entry) { e.Actor.ID = "usr_bob" }) {
			r.exec(t, `UPDATE events SET data = ? WHERE `+logRows+` AND version = ?`, []byte(n.Data), i+1)
		}
		wantFault(t, r.verify(t, orgA), auditlog.Foreign, 5)
	})
}

// TestARewritingByTheOwnerOfAllKeysIsSeen has an intruder who signs, too: only a checkpoint
// from elsewhere shows that.
func TestARewritingByTheOwnerOfAllKeysIsSeen(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		r.fill(t, orgA, 5)
		early := r.checkpoint(t, orgA)
		r.fill(t, orgA, 5)
		late := r.checkpoint(t, orgA)
		r.exec(t, `DELETE FROM outbox`)
		r.exec(t, `DELETE FROM events WHERE `+logRows+` AND version > 7`)
		r.exec(t, `DELETE FROM records WHERE kind = 'audit_checkpoint'`)
		again := r.restart()
		for range 6 {
			ok(t, again.Record(t.Context(), orgA, entry("another")))
		}
		wantGood(t, r.verify(t, orgA), 13)
		wantGood(t, r.verify(t, orgA, early), 13)
		wantFault(t, r.verify(t, orgA, early, late), auditlog.Rewritten, 6)
		if _, err := again.ProveGrowth(t.Context(), orgA, late); core.CodeOf(err) != core.Conflict {
			t.Errorf("it is proven to have only grown: %v", err)
		}
	})
}

// TestADamagedLogIsntGoneOnWith sees that what was cut off isn't covered up by new entries.
func TestADamagedLogIsntGoneOnWith(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig, _ bool) {
		r.fill(t, orgA, 10)
		r.checkpoint(t, orgA)
		r.exec(t, `DELETE FROM outbox`)
		r.exec(t, `DELETE FROM events WHERE `+logRows+` AND version > 8`)
		for what, l := range map[string]*auditlog.Log{"one that knew it": r.Log, "one that looks": r.restart()} {
			err := l.Record(t.Context(), orgA, entry("key_x"))
			wantCode(t, what, err, core.Internal)
			if !strings.Contains(core.HintOf(err), "audit verify") {
				t.Errorf("%s: %v has the hint %q", what, err, core.HintOf(err))
			}
		}
		wantFault(t, r.verify(t, orgA), auditlog.Truncated, 9)
	})
}

// TestCheckpointsThatArentOurs are refused, and not taken for a fault of the log.
func TestCheckpointsThatArentOurs(t *testing.T) {
	t.Parallel()
	r, other := newRig(t, false), newRig(t, false)
	r.fill(t, orgA, 3)
	r.fill(t, orgB, 3)
	other.fill(t, orgA, 3)
	good := string(r.checkpoint(t, orgA))
	for name, checkpoint := range map[string]string{
		"nothing": "", "text": "hello", "another installation's": string(other.checkpoint(t, orgA)),
		"another org's": string(r.checkpoint(t, orgB)), "another size": strings.Replace(good, "\n3\n", "\n4\n", 1),
		"no signature": strings.SplitAfter(good, "\n\n")[0],
	} {
		if _, err := r.Verify(t.Context(), orgA, []byte(checkpoint)); core.CodeOf(err) != core.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestALastRowThatIsAnother: a process that knows the log signs nothing of one whose last row
// was replaced, be it by a row that this installation has signed.
func TestALastRowThatIsAnother(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig, _ bool) {
		r.fill(t, orgA, 3)
		r.exec(t, `DELETE FROM outbox`)
		r.exec(t, `DELETE FROM events WHERE `+logRows+` AND version = 3`)
		ok(t, r.restart().Record(t.Context(), orgA, entry("another")))
		_, err := r.Checkpoint(t.Context(), orgA)
		wantCode(t, "a checkpoint", err, core.Internal)
	})
}
