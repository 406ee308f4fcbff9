package vault

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/daead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/isekai-run/isekai/internal/core"
)

// keysetForm begins what is wrapped, and is bound to it.
const keysetForm = "isekai/keyset/1"

// orgKeys are an org's keys, open. A nil one is that of an org that has none yet; it
// opens nothing.
type orgKeys struct {
	generation int64
	// events seals what is small, each time differently: XAES-256-GCM, whose nonce of
	// 192 bits may be random for more messages than there will be.
	events       tink.AEAD
	eventsHandle *keyset.Handle
	// blobs seals the same bytes to the same bytes: AES-SIV (RFC 5297).
	blobs       tink.DeterministicAEAD
	blobsHandle *keyset.Handle
}

// newOrgKeys makes keys for an org that has none.
func newOrgKeys() (*orgKeys, error) {
	events, err := keyset.NewHandle(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("vault.keys: %w", err)
	}
	blobs, err := keyset.NewHandle(daead.AESSIVKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("vault.keys: %w", err)
	}
	return openKeys(events, blobs)
}

func openKeys(events, blobs *keyset.Handle) (k *orgKeys, err error) {
	k = &orgKeys{eventsHandle: events, blobsHandle: blobs}
	if k.events, err = aead.New(events); err == nil {
		k.blobs, err = daead.New(blobs)
	}
	if err != nil {
		return nil, fmt.Errorf("vault.keys: %w", err)
	}
	return k, nil
}

// rotated returns the keys with a new one in each set, which is the primary.
func (k *orgKeys) rotated() (*orgKeys, error) {
	events, err := addKey(k.eventsHandle, aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return nil, err
	}
	blobs, err := addKey(k.blobsHandle, daead.AESSIVKeyTemplate())
	if err != nil {
		return nil, err
	}
	return openKeys(events, blobs)
}

// follows reports whether the keys may have come after those: it has all of them.
func (k *orgKeys) follows(before *orgKeys) bool {
	return hasAll(k.eventsHandle, before.eventsHandle) && hasAll(k.blobsHandle, before.blobsHandle)
}

func hasAll(handle, of *keyset.Handle) bool {
	for i := range of.Len() {
		if entry, err := of.Entry(i); err != nil || !hasID(handle, entry.KeyID()) {
			return false
		}
	}
	return true
}

func hasID(handle *keyset.Handle, id uint32) bool {
	for i := range handle.Len() {
		if entry, err := handle.Entry(i); err == nil && entry.KeyID() == id {
			return true
		}
	}
	return false
}

func addKey(handle *keyset.Handle, template *tinkpb.KeyTemplate) (*keyset.Handle, error) {
	manager := keyset.NewManagerFromHandle(handle)
	id, err := manager.Add(template)
	if err == nil {
		err = manager.SetPrimary(id)
	}
	if err != nil {
		return nil, fmt.Errorf("vault.keys: %w", err)
	}
	return manager.Handle()
}

// encode returns the keys as they are wrapped. The org is in it, too: the wrapping binds
// it, but a transit engine of an old version doesn't heed that.
func (k *orgKeys) encode(org core.OrgID) ([]byte, error) {
	var events, blobs bytes.Buffer
	err := errors.Join(
		insecurecleartextkeyset.Write(k.eventsHandle, keyset.NewBinaryWriter(&events)),
		insecurecleartextkeyset.Write(k.blobsHandle, keyset.NewBinaryWriter(&blobs)))
	if err != nil {
		return nil, fmt.Errorf("vault.keys: %w", err)
	}
	return pack([]byte(keysetForm), []byte(org), events.Bytes(), blobs.Bytes()), nil
}

// decodeKeys is the inverse of encode. Its errors don't quote what it reads.
func decodeKeys(org core.OrgID, b []byte) (*orgKeys, error) {
	parts, err := unpack(b)
	if err != nil || len(parts) != 4 || string(parts[0]) != keysetForm {
		return nil, errors.New("what was wrapped isn't a keyset of this version")
	}
	if string(parts[1]) != string(org) {
		return nil, errors.New("what was wrapped are another org's keys")
	}
	events, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(parts[2])))
	if err != nil {
		return nil, errors.New("the keys of events are damaged")
	}
	blobs, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(parts[3])))
	if err != nil {
		return nil, errors.New("the keys of blobs are damaged")
	}
	return openKeys(events, blobs)
}

// keysetPlace is what a wrapped keyset is bound to.
func keysetPlace(org core.OrgID) []byte { return pack(keysetForm, string(org)) }
