package identity_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

// held is a store that reads the signing keys when gate is closed, whoever gives up.
type held struct {
	backend
	once     sync.Once
	in, gate chan struct{}
}

func (h *held) Record(ctx context.Context, org core.OrgID, kind, id string) (store.Record, error) {
	if kind == "signing" {
		h.once.Do(func() { close(h.in) })
		<-h.gate
	}
	return h.backend.Record(ctx, org, kind, id)
}

// Nobody waits longer than he wants to for what another reads.
func TestAReaderOfTheKeysKeepsNobodyElse(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	h := &held{backend: r.store, in: make(chan struct{}), gate: make(chan struct{})}
	cfg := r.cfg
	cfg.Records = h
	s, err := identity.New(cfg)
	ok(t, err)
	first := make(chan error, 1)
	go func() {
		_, err := s.JWKS(context.WithoutCancel(t.Context()))
		first <- err
	}()
	<-h.in
	ctx, stop := context.WithCancel(t.Context())
	second := make(chan error, 1)
	go func() {
		_, err := bearer(ctx, s, r.owner.Access)
		second <- err
	}()
	stop()
	select {
	case err := <-second:
		wantCode(t, "who gave up", err, core.Canceled)
	case <-time.After(10 * time.Second):
		t.Error("who gave up waits on")
	}
	close(h.gate)
	ok(t, <-first)
	_, err = bearer(t.Context(), s, r.owner.Access)
	ok(t, err)
}

// The same goes for what an issuer says of itself.
func TestAReaderOfAnIssuerKeepsNobodyElse(t *testing.T) {
	t.Parallel()
	in, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		once.Do(func() { close(in) })
		<-gate
	}))
	t.Cleanup(slow.Close)
	r := newRig(t, onSQLite)
	s := with(r, identity.OIDCConfig{Name: "slow", Issuer: slow.URL, ClientID: "x"})
	first := make(chan error, 1)
	go func() {
		_, _, err := s.BeginOIDC(context.WithoutCancel(t.Context()), "slow", back, "", nil)
		first <- err
	}()
	<-in
	ctx, stop := context.WithCancel(t.Context())
	second := make(chan error, 1)
	go func() {
		_, _, err := s.BeginOIDC(ctx, "slow", back, "", nil)
		second <- err
	}()
	stop()
	select {
	case err := <-second:
		wantCode(t, "who gave up", err, core.Canceled)
	case <-time.After(10 * time.Second):
		t.Error("who gave up waits on")
	}
	close(gate)
	wantCode(t, "an issuer that says nothing", <-first, core.Unavailable)
}
