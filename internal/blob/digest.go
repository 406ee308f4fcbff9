package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

const digestPrefix = "sha256:"

// ParseDigest returns the 64 lower-case hex digits of d, which are safe in a
// path. Anything that isn't exactly a digest is Invalid.
func ParseDigest(d core.Digest) (string, error) {
	digits, ok := strings.CutPrefix(string(d), digestPrefix)
	sum, err := hex.DecodeString(digits)
	if !ok || err != nil || len(sum) != sha256.Size || hex.EncodeToString(sum) != digits {
		return "", core.E(core.Invalid, "blob.digest", "not a digest").
			WithHint(`a digest is "sha256:" and 64 lower-case hex digits`)
	}
	return digits, nil
}

// DigestOf returns the digest of b.
func DigestOf(b []byte) core.Digest {
	sum := sha256.Sum256(b)
	return core.Digest(digestPrefix + hex.EncodeToString(sum[:]))
}

// DigestFrom returns the digest of what was written to h, a SHA-256 hash.
func DigestFrom(h hash.Hash) core.Digest {
	return core.Digest(digestPrefix + hex.EncodeToString(h.Sum(nil)))
}

// Digester is an optional interface of a store whose digests aren't those of the bytes
// that are put, because it stores others.
type Digester interface {
	// Digest returns the digest that Put would return for what r holds, to its end.
	Digest(ctx context.Context, org core.OrgID, r io.Reader) (core.Digest, error)
}

// Digest returns the digest that s would give to what r holds, to its end.
func Digest(ctx context.Context, s Store, org core.OrgID, r io.Reader) (core.Digest, error) {
	if d, ok := s.(Digester); ok {
		return d.Digest(ctx, org, r)
	}
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return DigestFrom(h), nil
}
