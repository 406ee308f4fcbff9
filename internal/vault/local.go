package vault

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/isekai-run/isekai/internal/core"
)

// localPrefix begins what a Local has wrapped; Tink's prefix follows: a byte 1 and
// the key's id.
const localPrefix = "local:"

// Local is a Master whose keys this process holds: a Tink AEAD keyset, of which one
// key is primary. One made by OpenMaster reads its file at each use, which is seldom,
// so a rotation there reaches every process that reads the file at once.
type Local struct {
	path string // "": keys
	keys *masterKeys
}

// ParseMaster returns the Master in text, the value of a variable: what GenerateMaster
// writes to a file.
func ParseMaster(text string) (*Local, error) {
	keys, err := parseMaster([]byte(text))
	if err != nil {
		return nil, err
	}
	return &Local{keys: keys}, nil
}

// OpenMaster returns the Master in a file. not_found: there is none; denied: others
// could read it, or this process can't; invalid: it isn't a master key.
func OpenMaster(path string) (*Local, error) {
	l := &Local{path: path}
	_, err := l.load()
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Local) load() (*masterKeys, error) {
	if l.path == "" {
		return l.keys, nil
	}
	return readMaster(l.path)
}

// Wrap implements Master.
func (l *Local) Wrap(_ context.Context, plaintext, associated []byte) ([]byte, error) {
	keys, err := l.load()
	if err != nil {
		return nil, err
	}
	sealed, err := keys.aead.Encrypt(plaintext, associated)
	if err != nil {
		return nil, fmt.Errorf("vault.wrap: %w", err)
	}
	return append([]byte(localPrefix), sealed...), nil
}

// Unwrap implements Master.
func (l *Local) Unwrap(_ context.Context, wrapped, associated []byte) ([]byte, error) {
	keys, err := l.load()
	if err != nil {
		return nil, err
	}
	sealed, ok := bytes.CutPrefix(wrapped, []byte(localPrefix))
	if !ok {
		return nil, wrongMaster(errors.New("they were wrapped by a master of another kind"))
	}
	plaintext, err := keys.aead.Decrypt(sealed, associated)
	if err != nil {
		return nil, wrongMaster(nil) // Tink's error says no more
	}
	return plaintext, nil
}

// Stale implements Master.
func (l *Local) Stale(_ context.Context, wrapped []byte) (bool, error) {
	keys, err := l.load()
	if err != nil {
		return false, err
	}
	return !bytes.HasPrefix(wrapped, keys.prefix), nil
}

// Format shows where the keys are, and no key.
func (l *Local) Format(s fmt.State, _ rune) {
	if l.path == "" {
		_, _ = s.Write([]byte("master key of a variable"))
		return
	}
	fmt.Fprintf(s, "master key of %s", l.path)
}

// LogValue is Format for slog.
func (l *Local) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(l)) }

// masterKeys is a parsed master keyset.
type masterKeys struct {
	handle *keyset.Handle
	aead   tink.AEAD
	prefix []byte // of what the primary key wraps
}

func parseMaster(text []byte) (*masterKeys, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, malformed() // not its text, which could quote the key
	}
	return newMasterKeys(handle)
}

func newMasterKeys(handle *keyset.Handle) (*masterKeys, error) {
	a, err := aead.New(handle)
	if err != nil {
		return nil, malformed()
	}
	primary, err := handle.Primary()
	if err != nil {
		return nil, malformed()
	}
	prefix := binary.BigEndian.AppendUint32(append([]byte(localPrefix), 1), primary.KeyID())
	return &masterKeys{handle: handle, aead: a, prefix: prefix}, nil
}

// encode returns what parseMaster takes.
func (k *masterKeys) encode() ([]byte, error) {
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(k.handle, keyset.NewJSONWriter(&b)); err != nil {
		return nil, fmt.Errorf("vault.master: %w", err)
	}
	return append(b.Bytes(), '\n'), nil
}

// rotated returns the keys with a new one, which is the primary.
func (k *masterKeys) rotated() (*masterKeys, error) {
	handle, err := addKey(k.handle, aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return nil, err
	}
	return newMasterKeys(handle)
}

// pruned returns the primary key alone.
func (k *masterKeys) pruned() (*masterKeys, error) {
	manager := keyset.NewManagerFromHandle(k.handle)
	for i := range k.handle.Len() {
		entry, err := k.handle.Entry(i)
		if err != nil {
			return nil, fmt.Errorf("vault.master: %w", err)
		}
		if entry.IsPrimary() {
			continue
		}
		if err := manager.Delete(entry.KeyID()); err != nil {
			return nil, fmt.Errorf("vault.master: %w", err)
		}
	}
	handle, err := manager.Handle()
	if err != nil {
		return nil, fmt.Errorf("vault.master: %w", err)
	}
	return newMasterKeys(handle)
}

func malformed() error {
	return core.E(core.Invalid, "vault.master", "that isn't a master key").
		WithHint("a master key is an AEAD keyset of Tink as JSON; put back the one that this installation was used with")
}
