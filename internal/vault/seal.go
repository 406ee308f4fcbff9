package vault

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// What a ciphertext is bound to: its place, as parts that pack joins. A purpose comes
// first, so that a ciphertext of one kind is none of another.

func eventPlace(e *core.Event) []byte {
	return pack("isekai/event/1", string(e.Org), string(e.Project), string(e.Stream), strconv.FormatInt(e.Version, 10),
		string(e.ID), e.Type, string(e.Actor.Kind), e.Actor.ID)
}

func rowPlace(org core.OrgID, view string, r store.Row) []byte {
	return pack("isekai/row/1", string(org), baseView(view), r.ID, string(r.Project), r.Kind, r.Status, strconv.FormatInt(r.Sort, 10))
}

// baseView is the view's name without what it has while it is built beside another.
func baseView(view string) string {
	base, _, _ := strings.Cut(view, "~")
	return base
}

func letterPlace(org core.OrgID, l store.Letter) []byte {
	return pack("isekai/letter/1", string(org), l.Consumer, string(l.Stream), strconv.FormatInt(l.Version, 10), string(l.Event), l.Type)
}

func recordPlace(org core.OrgID, r store.Record) []byte {
	expires := ""
	if !r.Expires.IsZero() {
		expires = strconv.FormatInt(r.Expires.UnixMicro(), 10)
	}
	return pack("isekai/record/1", string(org), r.Kind, r.ID, strconv.FormatInt(r.Version, 10), expires)
}

func chunkPlace(org core.OrgID, index int64, last bool) []byte {
	return pack("isekai/blob/1", string(org), strconv.FormatInt(index, 10), strconv.FormatBool(last))
}

// seal encrypts what is small.
func (k *orgKeys) seal(plain, place []byte) ([]byte, error) {
	sealed, err := k.events.Encrypt(plain, place)
	if err != nil {
		return nil, core.E(core.Internal, "vault.seal", "can't encrypt").Because(err)
	}
	return sealed, nil
}

var (
	errNoKeys     = errors.New("its org has no keys")
	errUnknownKey = errors.New("its org hasn't the key that it was sealed with")
	errUnopened   = errors.New("it isn't what was written there") // tampered with, moved, or never sealed
)

// open is the inverse of seal.
func (k *orgKeys) open(sealed, place []byte) ([]byte, error) {
	if k == nil {
		return nil, errNoKeys
	}
	plain, err := k.events.Decrypt(sealed, place)
	switch {
	case err == nil:
		return plain, nil
	case !hasKey(k.eventsHandle, sealed):
		return nil, errUnknownKey
	}
	return nil, errUnopened
}

// openChunk is the inverse of sealing a chunk of a blob.
func (k *orgKeys) openChunk(sealed, place []byte) ([]byte, error) {
	if k == nil {
		return nil, errNoKeys
	}
	plain, err := k.blobs.DecryptDeterministically(sealed, place)
	switch {
	case err == nil:
		return plain, nil
	case !hasKey(k.blobsHandle, sealed):
		return nil, errUnknownKey
	}
	return nil, errUnopened
}

// hasKey reports whether the key that sealed names is in the set. Tink's prefix of a
// ciphertext is a byte 1 and the key's id.
func hasKey(handle *keyset.Handle, sealed []byte) bool {
	if len(sealed) < 5 || sealed[0] != 1 {
		return false
	}
	return hasID(handle, binary.BigEndian.Uint32(sealed[1:]))
}

// opening opens several ciphertexts of one org. When one names a key that isn't known, it
// looks once whether another process has added it.
type opening struct {
	*Vault
	org    core.OrgID
	keys   *orgKeys
	looked bool
}

// opener returns an opening with the keys as they are known. not_found: the org is gone.
func (v *Vault) opener(ctx context.Context, org core.OrgID) (*opening, error) {
	keys, err := v.keys(ctx, org)
	return &opening{Vault: v, org: org, keys: keys}, err
}

// open opens one ciphertext. See unopened for its error.
func (o *opening) open(ctx context.Context, sealed, place []byte) ([]byte, error) {
	plain, err := o.keys.open(sealed, place)
	if again, e := o.lookAgain(ctx, err); e != nil {
		return nil, e
	} else if again {
		return o.keys.open(sealed, place)
	}
	return plain, err
}

// lookAgain looks at the store for keys that err says are missing, once, and reports
// whether it has.
func (o *opening) lookAgain(ctx context.Context, err error) (bool, error) {
	if err == nil || o.looked || !errors.Is(err, errUnknownKey) && !errors.Is(err, errNoKeys) {
		return false, nil
	}
	o.looked = true
	o.keys, err = o.freshKeys(ctx, o.org)
	return true, err
}

// unopened says what couldn't be opened, if that is what err is about: that its org is
// gone, or that nobody can look, has a code of its own.
func unopened(what string, err error) error {
	var known *core.Error
	if errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return core.E(core.Internal, "vault.open", what+" can't be opened").
		WithHint("it was changed in the store, or restored without the keys that belong to it: restore both from the same time").Because(err)
}

// encodeText and decodeText are for a column of text.
func encodeText(sealed []byte) string { return base64.RawStdEncoding.EncodeToString(sealed) }

func decodeText(text string) []byte {
	sealed, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil // nothing was sealed to that, so it doesn't open
	}
	return slices.Clip(sealed)
}
