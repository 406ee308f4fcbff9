package identity

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Each period has a signing key of its own, made by whichever node needs it first: the
// period names its record, so the second one to make it finds it made. It is published
// before the period begins, and until the last token that it signed has expired.
const (
	signingPeriod = 24 * time.Hour
	publishAhead  = time.Hour
	ringAge       = maxAge // that what is known of the keys may have
	missedAge     = time.Second
)

type signingDoc struct{ Seed []byte }

// keyring is the signing keys as they were at a time. It is never changed.
type keyring struct {
	at      time.Time
	period  int64
	current jose.Signer
	public  map[string]ed25519.PublicKey // by kid
	jwks    json.RawMessage
}

// ring holds the newest keyring. Who has the turn reads or forgets it; nobody waits for
// that longer than he wants to.
type ring struct {
	turn  chan struct{}
	known atomic.Pointer[keyring]
}

func period(t time.Time) int64 { return t.Unix() / int64(signingPeriod/time.Second) }

func periodStart(n int64) time.Time { return time.Unix(n*int64(signingPeriod/time.Second), 0) }

func periodID(n int64) string { return fmt.Sprintf("%012d", n) }

// keyring returns the keys, which are younger than age if they can be.
func (s *Service) keyring(ctx context.Context, age time.Duration) (*keyring, error) {
	if k := s.ring.known.Load(); k.young(s.cfg.Now(), age) {
		return k, nil
	}
	select {
	case s.ring.turn <- struct{}{}:
		defer func() { <-s.ring.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := s.cfg.Now()
	if k := s.ring.known.Load(); k.young(now, age) { // who had the turn before has read them
		return k, nil
	}
	if err := s.makeSigning(ctx, now); err != nil {
		return nil, err
	}
	all, err := signings.List(ctx, s.cfg.Records, core.Installation, "", "", store.MaxLimit)
	if err != nil {
		return nil, err
	}
	k, err := newKeyring(all, now)
	if err == nil {
		s.ring.known.Store(k)
	}
	return k, err
}

// young reports whether what is known of the keys may be used.
func (k *keyring) young(now time.Time, age time.Duration) bool {
	return k != nil && now.Sub(k.at) < age && !now.Before(k.at) && k.period == period(now)
}

// makeSigning makes the keys that should be there at a time and aren't.
func (s *Service) makeSigning(ctx context.Context, now time.Time) error {
	for n := period(now); n <= period(now.Add(publishAhead)); n++ {
		e, err := signings.Find(ctx, s.cfg.Records, core.Installation, periodID(n))
		if err == nil && e.Version == 0 {
			err = s.write(ctx, core.Installation, signings.Put(newSigning(n)))
		}
		if err != nil && core.CodeOf(err) != core.Conflict { // then another node made it
			return err
		}
	}
	return nil
}

func newSigning(n int64) store.Doc[signingDoc] {
	return store.Doc[signingDoc]{
		ID: periodID(n), Expires: periodStart(n + 1).Add(AccessLife + skew),
		Data: signingDoc{Seed: randomBytes(ed25519.SeedSize)},
	}
}

func newKeyring(all []store.Doc[signingDoc], now time.Time) (*keyring, error) {
	k := &keyring{at: now, period: period(now), public: map[string]ed25519.PublicKey{}}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, e := range all {
		if !now.Before(e.Expires) || len(e.Data.Seed) != ed25519.SeedSize {
			continue
		}
		private := ed25519.NewKeyFromSeed(e.Data.Seed)
		public := jose.JSONWebKey{Key: private.Public(), Algorithm: string(jose.EdDSA), Use: "sig"}
		thumb, err := public.Thumbprint(crypto.SHA256) // RFC 7638: a key made anew has another kid
		if err != nil {
			return nil, core.E(core.Internal, "identity", "a signing key without a thumbprint").Because(err)
		}
		public.KeyID = base64.RawURLEncoding.EncodeToString(thumb)
		set.Keys = append(set.Keys, public)
		k.public[public.KeyID] = private.Public().(ed25519.PublicKey)
		if e.ID != periodID(k.period) {
			continue
		}
		k.current, err = jose.NewSigner(
			jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: private, KeyID: public.KeyID}},
			(&jose.SignerOptions{}).WithType(accessType))
		if err != nil {
			return nil, core.E(core.Internal, "identity", "a signing key that can't sign").Because(err)
		}
	}
	if k.current == nil {
		return nil, core.E(core.Unavailable, "identity", "there is no signing key for today").WithHint("check the clocks of all nodes and of the database")
	}
	var err error
	k.jwks, err = json.Marshal(set)
	return k, err
}

// JWKS returns the keys with which access tokens can be checked (RFC 7517): those that
// sign now, that signed what hasn't expired, and that will sign next.
func (s *Service) JWKS(ctx context.Context) (json.RawMessage, error) {
	k, err := s.keyring(ctx, ringAge)
	if err != nil {
		return nil, err
	}
	return k.jwks, nil
}

// RotateSigning replaces every signing key: all access tokens end, at once on this node
// and within maxAge on others, and sessions get new ones.
func (s *Service) RotateSigning(ctx context.Context, p Principal) error {
	if err := p.May(Operate); err != nil {
		return err
	}
	err := again(func() error {
		all, err := signings.List(ctx, s.cfg.Records, core.Installation, "", "", store.MaxChanges)
		if err != nil || len(all) == 0 {
			return err
		}
		var changes []store.Change
		for _, e := range all {
			e.Data = signingDoc{Seed: randomBytes(ed25519.SeedSize)}
			changes = append(changes, signings.Put(e))
		}
		return s.write(ctx, core.Installation, changes...)
	})
	s.ring.turn <- struct{}{} // who reads them now may have read the old ones
	s.ring.known.Store(nil)
	<-s.ring.turn
	if err == nil {
		s.noteOperator(ctx, p, nil, "signing.rotate", "")
	}
	return err
}
