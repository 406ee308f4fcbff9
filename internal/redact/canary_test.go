package redact_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/redact"
)

// TestCanaries are found from when they are made until they are removed, in their org alone.
func TestCanaries(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	scope := scopeOf("org_d")
	ask := func(s *redact.Service, org core.OrgID, text string) core.Code {
		_, err := s.Text(t.Context(), scopeOf(org), "model", "see "+text+" there")
		return core.CodeOf(err)
	}
	trap, text, err := r.AddCanary(t.Context(), scope, " the wiki's front page ")
	ok(t, err)
	if !strings.HasPrefix(trap.ID, "can_") || trap.Name != "the wiki's front page" || trap.By != scope.Actor || len(text) < 40 || strings.Contains(fmt.Sprintf("%+v", trap), text) {
		t.Errorf("made %+v", trap)
	}
	if newScanner(t, redact.Config{}).Redact(text) != text {
		t.Error("it looks like another org's secret, too")
	}
	if got := ask(r.Service, "org_d", text); got != core.Denied {
		t.Errorf("it passes: %q", got)
	}
	if got := ask(r.Service, "org_a", text); got != "" {
		t.Errorf("another org is told: %q", got)
	}
	all, err := r.Canaries(t.Context(), "org_d")
	ok(t, err)
	if len(all) != 1 || all[0] != trap {
		t.Errorf("listed: %+v, want %+v", all, trap)
	}
	for org, id := range map[core.OrgID]string{"org_a": trap.ID, "org_d": "can_none"} {
		_, err = r.RemoveCanary(t.Context(), org, id)
		wantCode(t, id+" of "+string(org), err, core.NotFound)
	}
	gone, err := r.RemoveCanary(t.Context(), "org_d", trap.ID)
	ok(t, err)
	if got := ask(r.Service, "org_d", text); got != "" || gone != trap {
		t.Errorf("removed %+v: %q", gone, got)
	}
	for _, name := range []string{"", "  ", strings.Repeat("n", 101)} {
		_, _, err := r.AddCanary(t.Context(), scope, name)
		wantCode(t, name, err, core.Invalid)
	}
	for range redact.MaxCanaries {
		_, _, err := r.AddCanary(t.Context(), scope, "one of many")
		ok(t, err)
	}
	_, _, err = r.AddCanary(t.Context(), scope, "one too many")
	wantCode(t, "one too many", err, core.Exhausted)
}

// TestValuesAreForgotten: what is at hand of an org goes after CacheFor, whether it is asked
// for again or not.
func TestValuesAreForgotten(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.CacheFor = 10 * time.Millisecond
	s := redact.NewService(r.cfg)
	_, err := s.Text(t.Context(), scopeOf("org_a"), "model", "x")
	ok(t, err)
	for deadline := time.Now().Add(10 * time.Second); s.AtHand() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("they stay")
		}
	}
}
