package auditlog

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Where the keys are kept, under core.Installation, numbered; the last one signs.
const (
	keyKind    = "audit_key"
	maxKeys    = 1000
	signerName = "isekai" // every installation's; the key's hash tells them apart
)

// keyRecord is a record of keyKind. Once another signs, Private is empty.
type keyRecord struct {
	Private string    `json:"private,omitempty"` // as note.NewSigner takes it
	Public  string    `json:"public"`            // as note.NewVerifier takes it
	Created time.Time `json:"created"`
}

// keyring is the installation's keys, open.
type keyring struct {
	signer   note.Signer
	verifier note.Verifiers
	public   []string // oldest first
	last     store.Record
}

// keys reads the installation's keys, and makes the first. Safe for concurrent use.
type keys struct {
	records store.Records
	now     func() time.Time

	mu   sync.Mutex // held while they are read, so that one caller does
	ring *keyring
}

// get returns the keys as they were read last.
func (k *keys) get(ctx context.Context) (*keyring, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ring == nil {
		return k.read(ctx)
	}
	return k.ring, nil
}

// fresh returns the keys as they are now: another process may have added one.
func (k *keys) fresh(ctx context.Context) (*keyring, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.read(ctx)
}

func (k *keys) read(ctx context.Context) (*keyring, error) {
	for {
		records, err := k.records.Records(ctx, core.Installation, keyKind, "", "", maxKeys)
		if err != nil {
			return nil, err
		}
		if len(records) > 0 {
			ring, err := open(records)
			if err == nil {
				k.ring = ring
			}
			return ring, err
		}
		if err := k.add(ctx, store.Record{}); err != nil && core.CodeOf(err) != core.Conflict {
			return nil, err
		}
	}
}

// rotate makes a new key, which signs from now on. conflict: another call has, meanwhile.
func (k *keys) rotate(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
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
func (k *keys) add(ctx context.Context, last store.Record) error {
	private, public, err := note.GenerateKey(rand.Reader, signerName)
	if err != nil {
		return fmt.Errorf("auditlog.key: %w", err)
	}
	data, err := json.Marshal(keyRecord{Private: private, Public: public, Created: k.now().UTC()})
	if err != nil {
		return fmt.Errorf("auditlog.key: %w", err)
	}
	var number int
	var changes []store.Change
	if last.ID != "" {
		var r keyRecord
		if _, err := fmt.Sscanf(last.ID, "%06d", &number); err != nil {
			return badKey(err)
		}
		if err := json.Unmarshal(last.Data, &r); err != nil {
			return badKey(err)
		}
		r.Private = ""
		retired, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("auditlog.key: %w", err)
		}
		changes = append(changes, store.Change{Kind: keyKind, ID: last.ID, Expected: last.Version, Data: retired})
	}
	changes = append(changes, store.Change{Kind: keyKind, ID: fmt.Sprintf("%06d", number+1), Data: data})
	return k.records.Write(ctx, core.Installation, changes...)
}

// open returns the keys in the records.
func open(records []store.Record) (*keyring, error) {
	ring := &keyring{last: records[len(records)-1]}
	var private string
	for _, rec := range records {
		var r keyRecord
		if err := json.Unmarshal(rec.Data, &r); err != nil {
			return nil, badKey(err)
		}
		ring.public, private = append(ring.public, r.Public), r.Private
	}
	var err error
	if ring.signer, err = note.NewSigner(private); err != nil {
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
