package auditlog

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// The key that all logs are signed with, under core.Installation. It is made once, and stays.
const signingKeys store.Kind[keyDoc] = "audit_key"

const (
	keyID      = "000001"
	signerName = "isekai" // every installation's; the key's hash tells them apart
)

// keyDoc is the key as it is kept.
type keyDoc struct {
	Private string    `json:"private"` // as note.NewSigner takes it
	Public  string    `json:"public"`  // as note.NewVerifier takes it
	Created time.Time `json:"created"`
}

// open returns the key. Its error doesn't quote what can't be read.
func (d keyDoc) open() (*key, error) {
	signer, err := note.NewSigner(d.Private)
	if err != nil {
		return nil, core.E(core.Internal, "auditlog.key", "the key of the audit log is damaged").WithHint("restore it from a backup").Because(err)
	}
	verifier, err := verifiers([]string{d.Public})
	return &key{signer, verifier, d.Public}, err
}

type key struct {
	signer   note.Signer
	verifier note.Verifiers
	public   string
}

// keyholder reads the key, and makes it where there is none. Safe for concurrent use.
type keyholder struct {
	records store.Records
	now     func() time.Time
	known   atomic.Pointer[key]
	turn    turn // of who reads it, so that one does
}

func (k *keyholder) get(ctx context.Context) (*key, error) {
	if known := k.known.Load(); known != nil {
		return known, nil
	}
	if err := k.turn.take(ctx); err != nil {
		return nil, err
	}
	defer k.turn.end()
	if known := k.known.Load(); known != nil {
		return known, nil
	}
	got, err := k.read(ctx)
	if err != nil {
		return nil, err
	}
	k.known.Store(got)
	return got, nil
}

func (k *keyholder) read(ctx context.Context) (got *key, err error) {
	err = store.Update(ctx, k.records, core.Installation, func() ([]store.Change, error) {
		d, err := signingKeys.Find(ctx, k.records, core.Installation, keyID)
		if err != nil {
			return nil, err
		}
		if d.Version > 0 {
			got, err = d.Data.open()
			return nil, err
		}
		private, public, err := note.GenerateKey(rand.Reader, signerName)
		if err != nil {
			return nil, fmt.Errorf("auditlog.key: %w", err)
		}
		d.Data = keyDoc{private, public, k.now().UTC()}
		got, err = d.Data.open()
		return []store.Change{signingKeys.Put(d)}, err
	})
	return got, err
}

// verifiers returns public keys as note.Open takes them.
func verifiers(public []string) (note.Verifiers, error) {
	all := make([]note.Verifier, len(public))
	for i, p := range public {
		v, err := note.NewVerifier(p)
		if err != nil {
			return nil, core.E(core.Invalid, "auditlog.key", "this isn't a public key of an audit log").Because(err)
		}
		all[i] = v
	}
	return note.VerifierList(all...), nil
}

// PublicKeys returns the keys that verify the logs of this installation, which is one, in the
// form of golang.org/x/mod/sumdb/note.
func (l *Log) PublicKeys(ctx context.Context) ([]string, error) {
	k, err := l.key.get(ctx)
	if err != nil {
		return nil, err
	}
	return []string{k.public}, nil
}
