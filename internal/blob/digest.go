package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
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
