package auditlog_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
)

func export(t testing.TB, r *rig, org core.OrgID) string {
	t.Helper()
	var b bytes.Buffer
	ok(t, r.Export(t.Context(), org, &b))
	return b.String()
}

// TestAnExportIsVerifiedOffline tampers with the file, too.
func TestAnExportIsVerifiedOffline(t *testing.T) {
	t.Parallel()
	on(t, true, func(t *testing.T, r *rig) {
		const n = 600 // more than a page
		r.fill(t, orgA, n)
		early := r.checkpoint(t, orgA)
		r.fill(t, orgA, 3)
		file, keys := export(t, r, orgA), r.keys(t)
		lines := strings.SplitAfter(strings.TrimSuffix(file, "\n"), "\n")
		rep := must(auditlog.VerifyExport(strings.NewReader(file), keys, early))(t)
		wantGood(t, rep, n+3)
		if rep.Org != orgA || rep.Checkpoint == "" {
			t.Errorf("%+v", rep)
		}
		pretty := strings.NewReplacer(`":`, `": `, `\u003c`, `<`, `\u0026`, `&`).Replace(file)
		wantGood(t, must(auditlog.VerifyExport(strings.NewReader(pretty), keys))(t), n+3)

		for name, c := range map[string]struct {
			change func([]string) []string
			kind   auditlog.FaultKind
			row    int64
		}{
			"a line deleted":  {func(l []string) []string { return slices.Delete(l, 550, 551) }, auditlog.Missing, 551},
			"two swapped":     {func(l []string) []string { l[511], l[512] = l[512], l[511]; return l }, auditlog.Missing, 512},
			"one changed":     {func(l []string) []string { l[4] = strings.Replace(l[4], "usr_ann", "usr_bob", 1); return l }, auditlog.Changed, 5},
			"the end deleted": {func(l []string) []string { return slices.Delete(l, n, n+3) }, auditlog.Truncated, n + 1},
			"a signature changed": {func(l []string) []string {
				l[9] = strings.Replace(l[9], `"signature":"`, `"signature":"A`, 1)
				return l
			}, "", 0},
			"the last signature changed": {func(l []string) []string {
				l[n+2] = strings.Replace(l[n+2], `"signature":"`, `"signature":"A`, 1)
				return l
			}, auditlog.Foreign, n + 3},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				rep := must(auditlog.VerifyExport(strings.NewReader(strings.Join(c.change(slices.Clone(lines)), "")), keys))(t)
				if c.kind == "" { // what it was of is signed by those after it
					wantGood(t, rep, n+3)
					return
				}
				wantFault(t, rep, c.kind, c.row)
			})
		}
		for name, text := range map[string]string{
			"cut": strings.Join(lines[:n], ""), "empty": "", "no JSON": "hello\n", "more": file + lines[0],
			"another's checkpoint":            strings.Join(lines[:n], "") + lastLine(t, r, orgB),
			"a checkpoint alone of another's": strings.Join(lines[:2], "") + lastLine(t, r, orgB),
		} {
			if _, err := auditlog.VerifyExport(strings.NewReader(text), keys); core.CodeOf(err) != core.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := auditlog.VerifyExport(strings.NewReader(file), newRig(t, false).keys(t)); core.CodeOf(err) != core.Invalid {
			t.Errorf("with another installation's key: %v", err)
		}
		wantGood(t, must(auditlog.VerifyExport(strings.NewReader(lastLine(t, r, orgB)), keys))(t), 0)
	})
}

// lastLine is an export's last line.
func lastLine(t testing.TB, r *rig, org core.OrgID) string {
	t.Helper()
	lines := strings.SplitAfter(strings.TrimSuffix(export(t, r, org), "\n"), "\n")
	return lines[len(lines)-1]
}

func TestADamagedLogIsExportedAsFarAsItOpens(t *testing.T) {
	t.Parallel()
	on(t, true, func(t *testing.T, r *rig) {
		r.fill(t, orgA, 10)
		r.exec(t, `UPDATE events SET data = x'00' WHERE `+logRows+` AND version = 5`)
		var b bytes.Buffer
		wantCode(t, "export", r.Export(t.Context(), orgA, &b), core.Internal)
		if n := strings.Count(b.String(), "\n"); n != 4 {
			t.Errorf("%d lines", n)
		}
	})
}

func TestProofs(t *testing.T) {
	t.Parallel()
	on(t, true, func(t *testing.T, r *rig) {
		var early [][]byte
		for size := range 20 {
			early = append(early, r.checkpoint(t, orgA))
			ok(t, r.Record(t.Context(), orgA, entry(fmt.Sprint(size))))
		}
		keys := r.keys(t)
		for size, from := range early {
			p := must(r.ProveGrowth(t.Context(), orgA, from))(t)
			ok(t, p.Check(keys))
			if size > 1 {
				p.From = string(early[size-1])
				if core.CodeOf(p.Check(keys)) != core.Invalid {
					t.Errorf("size %d: the proof holds for another checkpoint", size)
				}
			}
		}
		_, err := r.ProveGrowth(t.Context(), orgB, early[5])
		wantCode(t, "another org's checkpoint", err, core.Conflict)
	})
}
