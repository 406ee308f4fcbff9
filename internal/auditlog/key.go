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

// signingKeys are kept under core.Installation, numbered; the last one signs.
const signingKeys store.Kind[keyDoc] = "audit_key"

const (
	maxKeys    = 1000
	signerName = "isekai" // every installation's; the key's hash tells them apart
)

// keyDoc is a key as it is kept. Once another signs, Private is empty.
type keyDoc struct {
	Private string    `json:"private,omitempty"` // as note.NewSigner takes it
	Public  string    `json:"public"`            // as note.NewVerifier takes it
	Created time.Time `json:"created"`
}

// keyring is the installation's keys, open.
type keyring struct {
	signer   note.Signer
	verifier note.Verifiers
	public   []string // oldest first
	last     store.Doc[keyDoc]
}

// keys reads the installation's keys, and makes the first. Safe for concurrent use.
type keys struct {
	records store.Records
	now     func() time.Time
	ring    atomic.Pointer[keyring] // as it was read last
	turn    turn                    // of who reads them, so that one does
}

// get returns the keys as they were read last.
func (k *keys) get(ctx context.Context) (*keyring, error) {
	if ring := k.ring.Load(); ring != nil {
		return ring, nil
	}
	if err := k.turn.take(ctx); err != nil {
		return nil, err
	}
	defer k.turn.end()
	if ring := k.ring.Load(); ring != nil {
		return ring, nil
	}
	return k.read(ctx)
}

// fresh returns the keys as they are now: another process may have added one.
func (k *keys) fresh(ctx context.Context) (*keyring, error) {
	if err := k.turn.take(ctx); err != nil {
		return nil, err
	}
	defer k.turn.end()
	return k.read(ctx)
}

// open returns what a checkpoint says, if one of the keys has signed it: one of those at hand,
// or of those that there are now. invalid: none has.
func (k *keys) open(ctx context.Context, checkpoint []byte) (head, error) {
	ring, err := k.get(ctx)
	if err != nil {
		return head{}, err
	}
	if h, err := openCheckpoint(checkpoint, ring.verifier); err == nil {
		return h, nil
	}
	if ring, err = k.fresh(ctx); err != nil {
		return head{}, err
	}
	return openCheckpoint(checkpoint, ring.verifier)
}

// read is for who has the turn.
func (k *keys) read(ctx context.Context) (*keyring, error) {
	for {
		docs, err := signingKeys.All(ctx, k.records, core.Installation, "", maxKeys)
		if err != nil {
			return nil, err
		}
		if len(docs) > 0 {
			ring, err := openKeys(docs)
			if err == nil {
				k.ring.Store(ring)
			}
			return ring, err
		}
		if err := k.add(ctx, store.Doc[keyDoc]{}); err != nil && core.CodeOf(err) != core.Conflict {
			return nil, err
		}
	}
}

// rotate makes a new key, which signs from now on. conflict: another call has, meanwhile.
func (k *keys) rotate(ctx context.Context) error {
	if err := k.turn.take(ctx); err != nil {
		return err
	}
	defer k.turn.end()
	ring, err := k.read(ctx)
	if err != nil {
		return err
	}
	if err := k.add(ctx, ring.last); err != nil {
		return err
	}
	_, err = k.read(ctx)
	return err
}

// add stores a key after the last one, which signs no more.
func (k *keys) add(ctx context.Context, last store.Doc[keyDoc]) error {
	private, public, err := note.GenerateKey(rand.Reader, signerName)
	if err != nil {
		return fmt.Errorf("auditlog.key: %w", err)
	}
	var number int
	var changes []store.Change
	if last.ID != "" {
		if _, err := fmt.Sscanf(last.ID, "%06d", &number); err != nil {
			return badKey(err)
		}
		last.Data.Private = ""
		changes = append(changes, signingKeys.Put(last))
	}
	next := store.Doc[keyDoc]{ID: fmt.Sprintf("%06d", number+1), Data: keyDoc{Private: private, Public: public, Created: k.now().UTC()}}
	return k.records.Write(ctx, core.Installation, append(changes, signingKeys.Put(next))...)
}

// openKeys returns the keys that are kept.
func openKeys(docs []store.Doc[keyDoc]) (*keyring, error) {
	ring := &keyring{last: docs[len(docs)-1]}
	for _, d := range docs {
		ring.public = append(ring.public, d.Data.Public)
	}
	var err error
	if ring.signer, err = note.NewSigner(ring.last.Data.Private); err != nil {
		return nil, badKey(err)
	}
	ring.verifier, err = verifiers(ring.public)
	return ring, err
}

// verifiers returns the public keys as note.Open takes them.
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

// badKey doesn't quote what it couldn't read.
func badKey(err error) error {
	return core.E(core.Internal, "auditlog.key", "a key of the audit log is damaged").WithHint("restore it from a backup").Because(err)
}

// PublicKeys returns the keys that verify the logs of this installation, oldest first, in
// the form of golang.org/x/mod/sumdb/note. The newest signs.
func (l *Log) PublicKeys(ctx context.Context) ([]string, error) {
	ring, err := l.keys.fresh(ctx)
	if err != nil {
		return nil, err
	}
	return ring.public, nil
}

// RotateKey makes a new key to sign with, and forgets the private part of the old one. What
// the old one has signed stays verifiable. Other processes go on with the old one until they start anew.
func (l *Log) RotateKey(ctx context.Context) error { return l.keys.rotate(ctx) }
