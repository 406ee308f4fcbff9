package platform

import (
	"bufio"
	"crypto/sha1" // the form in which such lists are handed out: it protects nothing here
	"encoding/hex"
	"errors"
	"os"
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// SignIn says what people may do who come by a password.
type SignIn struct {
	// BreachedFile names a list of passwords that nobody may choose: a password a line, or
	// its SHA-1 in hexadecimal, with what follows a colon left out. It is read at the start.
	BreachedFile string `koanf:"breached_file" json:"breached_file"`
	// OpenOrgs lets everyone who has signed in make orgs; otherwise operators do.
	OpenOrgs bool `koanf:"open_orgs" json:"open_orgs"`
}

// maxBreached bounds a list, in lines: they are kept in memory, some 50 bytes each.
const maxBreached = 5_000_000

// breached reports whether a password is on the list; nil if there is none.
func (s SignIn) breached() (func(password string) bool, error) {
	const op = "config"
	if s.BreachedFile == "" {
		return nil, nil
	}
	f, err := os.Open(s.BreachedFile)
	if err != nil {
		return nil, core.E(core.Invalid, op, "can't read sign_in.breached_file").Because(err).WithHint("name a file with a password, or its SHA-1, on each line")
	}
	defer f.Close()
	known := map[[sha1.Size]byte]struct{}{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		text := strings.TrimSuffix(lines.Text(), "\r")
		if text == "" {
			continue
		}
		if len(known) == maxBreached {
			return nil, core.E(core.Invalid, op, "sign_in.breached_file has more than "+strconv.Itoa(maxBreached)+" lines").WithHint("take those that are used most")
		}
		known[breachedSum(text)] = struct{}{}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = core.E(core.Invalid, op, "a line is too long")
		}
		return nil, core.E(core.Invalid, op, "can't read sign_in.breached_file").Because(err)
	}
	return func(password string) bool { _, ok := known[sha1.Sum([]byte(password))]; return ok }, nil
}

// breachedSum returns what a line stands for.
func breachedSum(line string) (sum [sha1.Size]byte) {
	digest, _, _ := strings.Cut(line, ":")
	if b, err := hex.DecodeString(digest); err == nil && len(b) == len(sum) {
		return [sha1.Size]byte(b)
	}
	return sha1.Sum([]byte(line))
}
