package catalog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
)

// safe is a vault with one credential, whose uses are counted.
type safe struct {
	mu       sync.Mutex
	value    string // "": it isn't there
	version  int64
	until    time.Time
	uses     int
	looks    int
	refusals []int64
}

func (s *safe) Revision(context.Context, *catalog.Provider) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	if s.value == "" {
		return "", core.E(core.NotFound, "vault", "none")
	}
	return fmt.Sprint(s.version), nil
}

func (s *safe) Use(_ context.Context, _ core.Scope, _ *catalog.Provider, refused int64) (catalog.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uses++
	s.refusals = append(s.refusals, refused)
	out := catalog.NewSecret(s.value, s.version)
	out.Until = s.until
	return out, nil
}

func (s *safe) set(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value, s.version = value, s.version+1
}

var caller = core.Scope{Org: orgA, Project: "prj_a", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_a"}}

func TestSecretsAreRecordedOnceAMinute(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	v := &safe{value: "one", version: 1}
	s := catalog.NewSecrets(catalog.SecretsConfig{Vault: v, Now: r.clock.Now, Keep: time.Minute, Look: 3 * time.Second})
	spec := of("a", catalog.OpenAI)
	spec.Credential = "key"
	p := r.put(t, orgA, spec)
	want := func(value string, uses int) {
		t.Helper()
		got, err := s.Secret(t.Context(), caller, p)
		if shown := got.Hide(value); err != nil || shown != "[secret]" {
			t.Errorf("got another than %q (%v)", value, err)
		}
		if v.uses != uses {
			t.Errorf("%d uses are on record, want %d", v.uses, uses)
		}
	}
	for range 1000 {
		want("one", 1)
	}
	if v.looks != 1 {
		t.Errorf("the vault was looked at %d times", v.looks)
	}
	for range 19 {
		r.clock.Advance(3 * time.Second)
		want("one", 1)
	}
	r.clock.Advance(3 * time.Second)
	want("one", 2) // a minute has gone

	v.set("two") // it is rotated
	r.clock.Advance(2 * time.Second)
	want("one", 2)
	r.clock.Advance(time.Second)
	want("two", 3)

	got, err := s.Secret(t.Context(), caller, p)
	ok(t, err)
	v.set("three") // it is rotated, and the provider says so
	s.Refused(p, got)
	want("three", 4)
	if last := v.refusals[len(v.refusals)-1]; last != 2 {
		t.Errorf("the vault hears that version %d was refused", last)
	}
	got, _ = s.Secret(t.Context(), caller, p)
	s.Refused(p, got) // a provider that refuses everything doesn't fill the log
	want("three", 4)
	s.Refused(p, catalog.NewSecret("old", 1)) // what isn't given any more is no news
	want("three", 4)

	v.set("") // it is removed
	r.clock.Advance(3 * time.Second)
	if _, err := s.Secret(t.Context(), caller, p); core.CodeOf(err) != core.NotFound {
		t.Errorf("a credential that was removed: %v", err)
	}
	looks := v.looks
	for range 100 {
		_, _ = s.Secret(t.Context(), caller, p)
	}
	if v.looks != looks {
		t.Error("the vault is asked each time for what isn't there")
	}
	v.set("four")
	r.clock.Advance(3 * time.Second)
	want("four", 5)

	v.until = r.clock.Now().Add(10 * time.Second)
	v.set("short")
	r.clock.Advance(3 * time.Second)
	want("short", 6)
	r.clock.Advance(7 * time.Second)
	want("short", 7) // it has ended
}

func TestSecretsOfTheConfiguration(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	c := r.node(t, func(cfg *catalog.Config) { cfg.Static = []catalog.Spec{of("default", catalog.OpenAI)} })
	v := &safe{value: "vault", version: 1}
	s := catalog.NewSecrets(catalog.SecretsConfig{Vault: v, Static: map[string]catalog.Secret{"default": catalog.NewSecret("own", 1)}})
	p, err := c.Provider(t.Context(), house, "default")
	ok(t, err)
	got, err := s.Secret(t.Context(), caller, p)
	if ok(t, err); got.Hide("own") == "own" {
		t.Error("it isn't the configuration's")
	}
	got, err = s.Secret(t.Context(), caller, r.put(t, orgA, of("default", catalog.OpenAI))) // an org's of the same name
	if ok(t, err); !got.IsZero() || v.uses != 0 {
		t.Error("an org's provider gets the configuration's secret")
	}
}

// TestASecretIsntShown by any printing.
func TestASecretIsntShown(t *testing.T) {
	t.Parallel()
	s := catalog.NewSecret(marker, 1)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", s, "within", struct{ S catalog.Secret }{s})
	text, err := json.Marshal(map[string]any{"s": s, "p": &s})
	ok(t, err)
	all := fmt.Sprintf("%v %+v %#v %s %q %x %v %+v", s, s, s, s, s, s, &s, struct{ S catalog.Secret }{s}) + string(text) + log.String()
	if strings.Contains(all, marker) || strings.Contains(all, fmt.Sprintf("%x", marker)) {
		t.Errorf("it is in %s", all)
	}
	if got := s.Hide("key " + marker + "!"); got != "key [secret]!" {
		t.Errorf("hidden it is %q", got)
	}
}

// TestAFreshSecret: who tries a provider has the value that was stored a moment ago, and calls
// have it from then on; one that hasn't changed is no further use.
func TestAFreshSecret(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	v := &safe{}
	s := catalog.NewSecrets(catalog.SecretsConfig{Vault: v, Now: r.clock.Now, Keep: time.Minute, Look: 3 * time.Second})
	spec := of("a", catalog.OpenAI)
	spec.Credential = "key"
	p := r.put(t, orgA, spec)
	if _, err := s.Fresh(t.Context(), caller, p); core.CodeOf(err) != core.NotFound {
		t.Fatalf("before there is one: %v", err)
	}
	for uses, value := range []string{"one", "two"} {
		v.set(value)
		for _, get := range []func(context.Context, core.Scope, *catalog.Provider) (catalog.Secret, error){s.Fresh, s.Fresh, s.Secret} {
			if got, err := get(t.Context(), caller, p); err != nil || got.Hide(value) != "[secret]" || v.uses != uses+1 {
				t.Errorf("got another than %s by %d uses (%v)", value, v.uses, err)
			}
		}
	}
}

// TestHowASecretIsSet: the command keeps what the provider needs of it.
func TestHowASecretIsSet(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	for _, c := range []struct {
		org     core.OrgID
		address string
		want    string
	}{
		{orgA, "", "isekai secret set key --shared"},
		{orgA, "https://gpu.example.com/v1", "isekai secret set key --shared --host gpu.example.com"},
		{core.Installation, "", "isekai secret set key --installation"},
		{core.Installation, "http://127.0.0.1:9/v1", "isekai secret set key --installation --host http://127.0.0.1:9"},
	} {
		spec := of("a", catalog.OpenAI)
		spec.Address, spec.Credential = c.address, "key"
		if got := r.put(t, c.org, spec).SetSecret(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
