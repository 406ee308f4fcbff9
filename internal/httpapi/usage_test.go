package httpapi_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
)

// noLedger is one that isn't asked, as nothing is charged.
type noLedger struct{ meter.Ledger }

// metered has calls of two projects and keys written down that were over on a day.
func (r *rig) metered(day time.Time) {
	r.t.Helper()
	m, err := meter.New(meter.Config{Ledger: noLedger{}, Events: r.store, Records: r.store, IDs: core.NewID, Now: func() time.Time { return day }})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, ask := range []meter.Ask{{Scope: scope, Key: "key_a", Model: "gpt"}, {Scope: scope, Key: "key_a", Model: "gpt"}, {Scope: neighbour, Model: "gpt"}, {Scope: theirs, Model: "gpt"}} {
		ticket, err := m.Open(r.t.Context(), ask)
		if err != nil {
			r.t.Fatal(err)
		}
		ticket.Settle(meter.Used{Provider: "openai", Model: "gpt-1", Status: meter.StatusOK, Usage: core.Usage{Input: 100, Output: 10}})
	}
	over, end := context.WithCancel(r.t.Context())
	end()
	if err := m.Run(over); err != nil {
		r.t.Fatal(err)
	}
	p := meter.NewProjector(r.store)
	for _, org := range []core.OrgID{scope.Org, theirs.Org} {
		if _, err := p.CatchUp(r.t.Context(), org, 0); err != nil {
			r.t.Fatal(err)
		}
	}
}

func TestModelUsage(t *testing.T) {
	t.Parallel()
	held := ours
	held.Projects = []core.ProjectID{"prj_b"}
	r := newRig(t, func(cfg *httpapi.Config) {
		cfg.Authenticate = known(map[string]identity.Principal{token: ours, "theirs": owner(theirs), "held": held})
	})
	day := time.Now().UTC().AddDate(0, 0, -3)
	r.metered(day)
	date := day.Format(time.DateOnly)
	a := client.ModelUsed{Day: date, Project: "prj_a", Key: "key_a", Provider: "openai", Model: "gpt-1", Calls: 2, Input: 200, Output: 20}
	b := client.ModelUsed{Day: date, Project: "prj_b", Provider: "openai", Model: "gpt-1", Calls: 1, Input: 100, Output: 10}
	for name, c := range map[string]struct {
		token string
		of    client.ModelUsage
		want  []client.ModelUsed
	}{
		"all of the last days":  {token, client.ModelUsage{}, []client.ModelUsed{a, b}},
		"a project":             {token, client.ModelUsage{Project: "prj_b"}, []client.ModelUsed{b}},
		"a key":                 {token, client.ModelUsage{Key: "key_a", Model: "gpt-1"}, []client.ModelUsed{a}},
		"another day":           {token, client.ModelUsage{To: day.AddDate(0, 0, -1).Format(time.DateOnly)}, []client.ModelUsed{}},
		"held to a project":     {"held", client.ModelUsage{}, []client.ModelUsed{b}},
		"held, another project": {"held", client.ModelUsage{Project: "prj_a"}, []client.ModelUsed{}},
		"another org":           {"theirs", client.ModelUsage{From: date, To: date}, []client.ModelUsed{{Day: date, Project: theirs.Project, Provider: "openai", Model: "gpt-1", Calls: 1, Input: 100, Output: 10}}},
	} {
		got, err := client.New(r.url, c.token, nil).ModelUsage(t.Context(), c.of)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %s, %v", name, diff, err)
		}
	}
	_, err := client.New(r.url, token, nil).ModelUsage(t.Context(), client.ModelUsage{From: "2026-01-01", To: "2026-12-31"})
	if core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
		t.Errorf("a year at once: %v", err)
	}
}
