package auditlog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
)

// anew has an operator begin org_a's log anew, in another process.
func (r *rig) anew(t testing.TB) auditlog.Report {
	t.Helper()
	e := auditlog.Entry{Action: "audit.begin", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_op"}, Detail: map[string]string{"reason": "a disk that forgot"}}
	return must(r.restart().BeginAnew(t.Context(), orgA, e))(t)
}

// TestADamagedLogIsBegunAnew: everybody goes on, what was damaged is named for ever, and what
// is done to it later is found.
func TestADamagedLogIsBegunAnew(t *testing.T) {
	t.Parallel()
	const n = 20
	del := func(where string) string { return `DELETE FROM events WHERE ` + logRows + ` AND ` + where }
	for name, c := range map[string]struct {
		tamper string
		kind   auditlog.FaultKind
		row    int64
		end    int64 // the last row that there is then
		worse  string
	}{
		"in the middle":      {del(`version = 7`), auditlog.Missing, 7, n, `version = 3`},
		"the last row":       {del(`version = 20`), auditlog.Truncated, 20, n - 1, `version = 19`},
		"the end":            {del(`version > 12`), auditlog.Truncated, 13, 12, `version = 12`},
		"everything":         {del(`version > 0`), auditlog.Truncated, 1, 0, ``},
		"a row doesn't open": {`UPDATE events SET data = x'00' WHERE ` + logRows + ` AND version = 16`, auditlog.Changed, 16, n, `version = 15`},
		"the last doesn't":   {`UPDATE events SET data = x'7b7d' WHERE ` + logRows + ` AND version = 20`, auditlog.Changed, 20, n, `version = 1`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, r *rig, _ bool) {
				r.fill(t, orgA, n)
				kept := r.checkpoint(t, orgA)
				r.exec(t, `DELETE FROM outbox`)
				r.exec(t, c.tamper)
				wantFault(t, r.anew(t), c.kind, c.row)

				wantParts := func(what string, rep auditlog.Report, rows int64) {
					t.Helper()
					if len(rep.Before) != 1 || rep.After != c.end {
						t.Fatalf("%s: %+v", what, rep)
					}
					wantFault(t, rep.Before[0], c.kind, c.row)
					wantGood(t, rep, rows)
				}
				wantParts("begun", r.verify(t, orgA, kept), 1)
				ok(t, r.Record(t.Context(), orgA, entry("by one that knew the old log")))
				ok(t, r.restart().Record(t.Context(), orgA, entry("by another")))
				r.fill(t, orgA, 10)
				wantParts("gone on with", r.verify(t, orgA, kept, r.checkpoint(t, orgA)), 13)
				wantParts("an export", must(auditlog.VerifyExport(strings.NewReader(export(t, r, orgA)), r.keys(t), kept))(t), 13)

				first := must(r.List(t.Context(), orgA, auditlog.Query{Action: "audit.begin"}))(t).Entries
				if len(first) != 1 || first[0].Row != c.end+1 || first[0].Actor.ID != "usr_op" || first[0].Detail["reason"] != "a disk that forgot" ||
					first[0].Detail["rows"] != fmt.Sprint(c.row-1) || first[0].Detail["checkpoint"] != string(kept) || (first[0].Detail["root"] == "") != (c.row == 1) {
					t.Errorf("it begins with %+v", first)
				}
				if old := must(r.List(t.Context(), orgA, auditlog.Query{Target: "key_x", Limit: 200}))(t); len(old.Entries) != 0 {
					t.Errorf("%+v", old)
				}
				_, err := r.restart().BeginAnew(t.Context(), orgA, entry("again"))
				wantCode(t, "a log that isn't damaged", err, core.Conflict)
				if c.worse != "" {
					r.exec(t, `DELETE FROM outbox`)
					r.exec(t, del(c.worse))
					if rep := r.verify(t, orgA); rep.Fault == nil || rep.Rows != 13 {
						t.Errorf("what was done since isn't found: %+v", rep)
					}
				}
			})
		})
	}
}

// TestAPartIsTampered: what follows a beginning is as safe as what followed the first one, and
// can be begun anew in its turn.
func TestAPartIsTampered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		where  string
		kind   auditlog.FaultKind
		row    int64 // of the fault in the last part
		silent bool  // it shows only where it is verified
	}{
		"its first row":           {`version = 11`, "", 11, true},
		"a row":                   {`version = 13`, auditlog.Missing, 13, true},
		"its end":                 {`version > 14`, auditlog.Truncated, 15, false},
		"all of it":               {`version > 10`, "", 11, false},
		"it and some of the rest": {`version > 8`, "", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, r *rig, _ bool) {
				r.fill(t, orgA, 10)
				first := r.checkpoint(t, orgA)
				r.exec(t, `DELETE FROM outbox`)
				r.exec(t, `DELETE FROM events WHERE `+logRows+` AND version = 4`)
				r.anew(t)
				r.fill(t, orgA, 5)
				second := r.checkpoint(t, orgA)
				growth := must(r.ProveGrowth(t.Context(), orgA, second))(t)
				ok(t, growth.Check(r.keys(t)))
				_, err := r.ProveGrowth(t.Context(), orgA, first)
				wantCode(t, "growth over a beginning", err, core.Conflict)

				r.exec(t, `DELETE FROM outbox`)
				r.exec(t, `DELETE FROM events WHERE `+logRows+` AND `+c.where)
				rep := r.verify(t, orgA)
				if c.kind != "" && (rep.Fault == nil || rep.Fault.Kind != c.kind || rep.Fault.Row != c.row || len(rep.Before) != 1) {
					t.Fatalf("%+v %+v", rep, rep.Fault)
				}
				if rep.Fault == nil {
					t.Fatalf("nothing is found: %+v", rep)
				}
				if !c.silent {
					wantCode(t, "recording", r.restart().Record(t.Context(), orgA, entry("key_x")), core.Internal)
				}
				r.anew(t)
				ok(t, r.restart().Record(t.Context(), orgA, entry("key_x")))
				ok(t, r.Record(t.Context(), orgA, entry("key_y")))
				rep = r.verify(t, orgA, first, second)
				if rep.Rows != 3 || len(rep.Before) != 2 {
					t.Errorf("%+v", rep)
				}
				wantGood(t, r.verify(t, orgA), 3)
			})
		})
	}
}
