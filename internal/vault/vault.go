package vault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Config connects a Vault. Keysets and Master are required; the other zero fields have
// the defaults that are named.
type Config struct {
	Keysets store.Keysets // the driver's own
	Master  Master
	Now     func() time.Time // time.Now
	// CacheFor is how long open keys are used before the store is asked whether they
	// are still the org's: within it other processes heed a shred; 10 s.
	CacheFor  time.Duration
	CacheOrgs int          // how many orgs' keys are kept open; 1,024
	Log       *slog.Logger // told of what is left out because its org is gone; nil: nobody
}

// Vault has the keys of all orgs. Safe for concurrent use.
type Vault struct {
	cfg    Config
	master atomic.Pointer[Master]
	cache  *cache
	moving sync.Mutex // held while RotateMaster runs
}

// New returns a Vault. It doesn't use the master key yet: see Check.
func New(cfg Config) *Vault {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.CacheFor <= 0 {
		cfg.CacheFor = 10 * time.Second
	}
	if cfg.CacheOrgs <= 0 {
		cfg.CacheOrgs = 1024
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	v := &Vault{cfg: cfg, cache: newCache(cfg.CacheOrgs)}
	v.master.Store(&cfg.Master)
	return v
}

// Format shows the master's place, and no key.
func (v *Vault) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "vault with %v", *v.master.Load()) }

// LogValue is Format for slog.
func (v *Vault) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(v)) }

// keys returns the org's keys, and nil if it has none. not_found: it was shredded.
func (v *Vault) keys(ctx context.Context, org core.OrgID) (*orgKeys, error) {
	return v.look(ctx, org, v.cfg.CacheFor, v.load)
}

// keysToWrite returns the org's keys, and makes them if it has none.
func (v *Vault) keysToWrite(ctx context.Context, org core.OrgID) (*orgKeys, error) {
	return v.look(ctx, org, v.cfg.CacheFor, v.loadOrCreate)
}

// freshKeys is keys, by the store as it is now: when another process may have rotated.
func (v *Vault) freshKeys(ctx context.Context, org core.OrgID) (*orgKeys, error) {
	return v.look(ctx, org, 0, v.load)
}

type loader func(ctx context.Context, org core.OrgID, last *known) (*known, error)

// look returns what is known about the org if that isn't older than maxAge, and else
// what load finds; one caller loads for all that wait.
func (v *Vault) look(ctx context.Context, org core.OrgID, maxAge time.Duration, load loader) (*orgKeys, error) {
	start := v.cfg.Now()
	e := v.cache.entry(org)
	k := e.known.Load()
	if !v.fresh(k, start.Add(-maxAge)) {
		if err := e.lock(ctx); err != nil {
			return nil, err
		}
		defer e.unlock()
		if k = e.known.Load(); !v.fresh(k, start.Add(-maxAge)) {
			var err error
			if k, err = load(ctx, org, k); err != nil {
				return nil, err
			}
			e.known.Store(k)
		}
	}
	switch {
	case k == nil:
		return nil, nil
	case k.gone:
		return nil, gone(org)
	}
	return k.keys, nil
}

// fresh reports whether k was seen after a time. That an org is gone is always fresh.
func (v *Vault) fresh(k *known, after time.Time) bool {
	return k != nil && (k.gone || k.at.After(after))
}

// load reads the org's keyset, and opens it unless it is the last one. nil: there is
// none, which isn't remembered. Keys are never taken away, so a keyset without one of
// the last isn't the newest, whatever its generation says.
func (v *Vault) load(ctx context.Context, org core.OrgID, last *known) (*known, error) {
	at := v.cfg.Now() // before the look
	k, err := v.cfg.Keysets.Keyset(ctx, org)
	switch {
	case core.CodeOf(err) == core.NotFound:
		return nil, nil
	case err != nil:
		return nil, err
	case k.Shredded:
		return &known{gone: true, at: at}, nil
	case last != nil && last.keys.generation == k.Generation:
		return &known{keys: last.keys, at: at}, nil
	}
	keys, err := v.unwrap(ctx, org, k)
	if err != nil {
		return nil, unusable(org, err)
	}
	if last != nil && !keys.follows(last.keys) {
		return nil, unusable(org, errors.New("older ones were put back in the store"))
	}
	return &known{keys: keys, at: at}, nil
}

func (v *Vault) loadOrCreate(ctx context.Context, org core.OrgID, last *known) (*known, error) {
	k, err := v.load(ctx, org, last)
	if k == nil && err == nil {
		k, err = v.create(ctx, org)
	}
	return k, err
}

// create makes the org's first keys, or reads those of whoever was faster.
func (v *Vault) create(ctx context.Context, org core.OrgID) (*known, error) {
	keys, err := newOrgKeys()
	if err != nil {
		return nil, err
	}
	if err := v.storeFirst(ctx, org, keys); err != nil && core.CodeOf(err) != core.Conflict {
		return nil, unusable(org, err)
	}
	k, err := v.load(ctx, org, nil)
	if k == nil && err == nil {
		err = core.E(core.Internal, "vault", "the keys of "+string(org)+" were stored and aren't there")
	}
	return k, err
}

// storeFirst stores new keys. A rotation of the master that begins after they are wrapped
// may list the orgs before they are stored, and prune the key that wrapped them: so that
// is looked at afterwards, and as nothing has been sealed yet, they are wrapped anew.
func (v *Vault) storeFirst(ctx context.Context, org core.OrgID, keys *orgKeys) error {
	for generation := range int64(tries) {
		wrapped, err := v.wrap(ctx, org, keys)
		if err != nil {
			return err
		}
		if err := v.cfg.Keysets.SetKeyset(ctx, org, generation, wrapped); err != nil {
			return err
		}
		if stale, err := (*v.master.Load()).Stale(ctx, wrapped); err != nil || !stale {
			return err
		}
	}
	return tooBusy("vault", "the master key changes all the time")
}

// wrap returns the org's keys as they are stored.
func (v *Vault) wrap(ctx context.Context, org core.OrgID, keys *orgKeys) ([]byte, error) {
	plain, err := keys.encode(org)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	return (*v.master.Load()).Wrap(ctx, plain, keysetPlace(org))
}

// unwrap is the inverse of wrap.
func (v *Vault) unwrap(ctx context.Context, org core.OrgID, k store.Keyset) (*orgKeys, error) {
	plain, err := (*v.master.Load()).Unwrap(ctx, k.Wrapped, keysetPlace(org))
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	keys, err := decodeKeys(org, plain)
	if err != nil {
		return nil, wrongMaster(err)
	}
	keys.generation = k.Generation
	return keys, nil
}

// gone says that the org was shredded.
func gone(org core.OrgID) error {
	return core.E(core.NotFound, "vault", "the org "+string(org)+" is gone").WithHint("its keys were destroyed, and what it wrote with them")
}

// unusable says that an org's keys can't be had. It is nothing that whoever calls a store
// can mend, so what the master says has no code of its own here, unless it may pass.
func unusable(org core.OrgID, err error) error {
	code := core.CodeOf(err)
	switch code {
	case core.Unavailable, core.Canceled, core.Exhausted:
	default:
		code = core.Internal
	}
	return core.E(code, "vault", "the keys of "+string(org)+" can't be used").Because(err)
}
