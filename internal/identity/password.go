package identity

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/isekai-run/isekai/internal/core"
)

// Hashing are the parameters of argon2id. The zero value is DefaultHashing.
type Hashing struct {
	Memory  uint32 // KiB
	Time    uint32 // passes over the memory
	Threads uint8
}

// DefaultHashing is what OWASP's cheat sheet on storing passwords names first: some 50 ms of
// one core.
var DefaultHashing = Hashing{Memory: 46 << 10, Time: 1, Threads: 1}

// The bounds of a password and of hashing.
const (
	MinPassword = 10   // characters
	MaxPassword = 1024 // bytes

	mostHashes    = 4  // at once, so that they take less than 200 MiB; of half of the cores, if those are fewer
	hashesWaiting = 64 // more are refused,
	hashesKept    = 16 // but for these, of accounts at addresses whence they signed in before
	saltSize      = 16
	sumSize       = 32
)

// hasher hashes passwords. Safe for concurrent use: as many as there are turns run, and as
// many as hashesWaiting wait for one; behind those, hashesKept who are known.
type hasher struct {
	params  Hashing
	turns   chan struct{}
	waiting atomic.Int32
	derive  func(password, salt []byte, time, memory uint32, threads uint8, size uint32) []byte
	blank   string // the hash of no password
}

func newHasher(p Hashing) *hasher {
	if p == (Hashing{}) {
		p = DefaultHashing
	}
	h := &hasher{params: p, turns: make(chan struct{}, min(mostHashes, max(1, runtime.NumCPU()/2))), derive: argon2.IDKey}
	h.blank = phc(p, randomBytes(saltSize), randomBytes(sumSize))
	return h
}

// hash returns the password's hash with a new salt, in the PHC string format. unavailable:
// too many wait.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := randomBytes(saltSize)
	sum, err := h.sum(ctx, h.params, password, salt, false)
	if err != nil {
		return "", err
	}
	return phc(h.params, salt, sum), nil
}

// verify reports whether the password has the hash, and whether the hash should be
// replaced for it has other parameters than ours. A hash "" is nobody's, and takes the
// same time. Who is known has a place where strangers have taken all others.
func (h *hasher) verify(ctx context.Context, stored, password string, known bool) (ok, stale bool, err error) {
	somebody := stored != ""
	if !somebody {
		stored = h.blank
	}
	p, salt, want, err := parsePHC(stored)
	if err != nil {
		return false, false, err
	}
	got, err := h.sum(ctx, p, password, salt, known)
	if err != nil {
		return false, false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && somebody, p != h.params, nil
}

func (h *hasher) sum(ctx context.Context, p Hashing, password string, salt []byte, known bool) ([]byte, error) {
	places := hashesWaiting + cap(h.turns)
	if known {
		places += hashesKept
	}
	defer h.waiting.Add(-1)
	if int(h.waiting.Add(1)) > places {
		return nil, core.E(core.Unavailable, "password", "too many are signing in").WithHint("try again in a few seconds")
	}
	select {
	case h.turns <- struct{}{}:
		defer func() { <-h.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return h.derive([]byte(norm.NFKC.String(password)), salt, p.Time, p.Memory, p.Threads, sumSize), nil
}

// phc writes a hash as the password hashing competition's string format does.
func phc(p Hashing, salt, sum []byte) string {
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Time, p.Threads, enc(salt), enc(sum))
}

// parsePHC reads what phc wrote, and nothing that would take more than 1 GiB or 16 passes.
func parsePHC(s string) (p Hashing, salt, sum []byte, err error) {
	bad := core.E(core.Internal, "password", "a hash that isn't one of ours")
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, bad
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.Memory, &p.Time, &p.Threads); err != nil {
		return p, nil, nil, bad
	}
	salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	if err == nil {
		sum, err = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	}
	if err != nil || p.Memory > 1<<20 || p.Time < 1 || p.Time > 16 || p.Threads < 1 || len(salt) < 8 || len(sum) != sumSize || phc(p, salt, sum) != s {
		return p, nil, nil, bad
	}
	return p, salt, sum, nil
}

// checkPassword returns an invalid error for a password that nobody should have.
func checkPassword(password, email string, breached func(string) bool) error {
	const op = "password"
	switch {
	case !utf8.ValidString(password) || len(password) > MaxPassword:
		return core.E(core.Invalid, op, "the password is too long, or isn't text")
	case utf8.RuneCountInString(password) < MinPassword:
		return core.E(core.Invalid, op, fmt.Sprintf("a password takes at least %d characters", MinPassword)).WithHint("several words are easy to remember")
	case strings.EqualFold(password, email):
		return core.E(core.Invalid, op, "the password is the e-mail address").WithHint("choose another")
	case breached != nil && breached(password):
		return core.E(core.Invalid, op, "this password is known from a breach elsewhere").WithHint("choose another")
	}
	return nil
}
