package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"math"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
)

// A stored blob is one chunk after another, each sealed by itself and bound to the org,
// its place, and whether it is the last; the empty blob is one empty chunk.
const (
	chunkSize   = 1 << 20        // bytes of each chunk but the last
	chunkGrowth = 5 + 16         // bytes that sealing adds: the key's id and the SIV
	maxPlain    = int64(1) << 62 // so that a sealed size is one
)

// Blobs returns inner with every blob sealed. A digest is that of the sealed bytes: the
// same bytes of one org have one digest until its keys are rotated, and nobody without
// the keys can tell from it what they are. Size and limit are those of the plain bytes.
// Two chunks' worth of memory serve a blob of any size. It is a blob.Digester.
func (v *Vault) Blobs(inner blob.Store) blob.Store { return &blobs{inner, v} }

type blobs struct {
	inner blob.Store
	vault *Vault
}

var _ blob.Digester = (*blobs)(nil)

// Put implements blob.Store. not_found: the org is gone.
func (b *blobs) Put(ctx context.Context, org core.OrgID, r io.Reader, limit int64) (core.Digest, int64, error) {
	keys, err := b.keys(ctx, org)
	if err != nil {
		return "", 0, err
	}
	s := newSealer(keys, org, r, limit)
	d, _, err := b.inner.Put(ctx, org, s, sealedSize(limit))
	if err != nil {
		return "", 0, err
	}
	return d, s.size, nil
}

// keys returns the org's keys to write with, and makes none for what isn't an org.
func (b *blobs) keys(ctx context.Context, org core.OrgID) (*orgKeys, error) {
	if !core.ValidID("org", string(org)) {
		return nil, core.E(core.Invalid, "blob", "not an org's id")
	}
	return b.vault.keysToWrite(ctx, org)
}

// Digest implements blob.Digester.
func (b *blobs) Digest(ctx context.Context, org core.OrgID, r io.Reader) (core.Digest, error) {
	keys, err := b.keys(ctx, org)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if _, err := io.Copy(h, newSealer(keys, org, r, maxPlain)); err != nil {
		return "", err
	}
	return blob.DigestFrom(h), nil
}

// Open implements blob.Store. not_found: the org is gone, too.
func (b *blobs) Open(ctx context.Context, org core.OrgID, d core.Digest) (io.ReadCloser, error) {
	r, err := b.inner.Open(ctx, org, d)
	if err != nil && core.CodeOf(err) != core.NotFound {
		return nil, err
	}
	o, e := b.vault.opener(ctx, org)
	if err != nil || e != nil {
		if r != nil {
			_ = r.Close()
		}
		if e != nil {
			return nil, e
		}
		return nil, err
	}
	return &unsealer{ctx: ctx, opening: o, digest: d, from: r}, nil
}

// Delete implements blob.Store. What is left of an org that is gone can be deleted.
func (b *blobs) Delete(ctx context.Context, org core.OrgID, d core.Digest) error {
	return b.inner.Delete(ctx, org, d)
}

// sealedSize returns how long plain bytes are when they are sealed.
func sealedSize(plain int64) int64 {
	if plain > maxPlain {
		return math.MaxInt64
	}
	chunks := max(1, (plain+chunkSize-1)/chunkSize)
	return plain + chunks*chunkGrowth
}

// sealer reads plain bytes and gives sealed ones. It isn't safe for concurrent use.
type sealer struct {
	keys  *orgKeys
	org   core.OrgID
	from  io.Reader
	limit int64
	size  int64 // plain bytes so far

	plain  bytes.Buffer // the next chunk, or its beginning
	sealed []byte       // what hasn't been read of the last
	index  int64
	ended  bool
	err    error
}

func newSealer(keys *orgKeys, org core.OrgID, from io.Reader, limit int64) *sealer {
	return &sealer{keys: keys, org: org, from: from, limit: limit}
}

// Read implements io.Reader.
func (s *sealer) Read(p []byte) (int, error) {
	for len(s.sealed) == 0 {
		if s.err == nil && s.ended {
			s.err = io.EOF
		}
		if s.err == nil {
			s.err = s.next()
		}
		if s.err != nil {
			return 0, s.err
		}
	}
	n := copy(p, s.sealed)
	s.sealed = s.sealed[n:]
	return n, nil
}

// next seals a chunk. One byte more than a chunk is read, to see whether it is the last.
func (s *sealer) next() error {
	n, err := s.plain.ReadFrom(io.LimitReader(s.from, int64(chunkSize+1-s.plain.Len())))
	if err != nil {
		return err
	}
	if s.size += n; s.size > s.limit {
		return core.E(core.Exhausted, "blob.put", "larger than the limit").WithHint("make it smaller, or raise the limit")
	}
	chunk := s.plain.Bytes()
	s.ended = len(chunk) <= chunkSize
	var first []byte // of the chunk after this
	if !s.ended {
		chunk, first = chunk[:chunkSize], chunk[chunkSize:]
	}
	s.sealed, err = s.keys.blobs.EncryptDeterministically(chunk, chunkPlace(s.org, s.index, s.ended))
	if err != nil {
		return core.E(core.Internal, "vault.seal", "can't encrypt").Because(err)
	}
	s.index++
	keep := bytes.Clone(first)
	s.plain.Reset()
	s.plain.Write(keep)
	return nil
}
