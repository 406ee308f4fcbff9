package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// A credential that we hand out is text: a form, the ids by which its record is found, and
// secrets. What is stored of a secret is its SHA-256. That is enough, and better than a
// slow hash: 256 random bits can't be guessed from it, and no stranger can have us compute
// argon2 by sending made-up keys. The text is hashed as it was sent, so that no second
// spelling of a secret is one.
const (
	keyForm     = "isk" // an API key: isk_<key>_<secret>
	refreshForm = "isr" // a refresh token: isr_<user>_<session>_<family><secret>
	cookieForm  = "isc" // a cookie: isc_<user>_<session>_<secret>
	ticketForm  = "ist" // a one-time link: ist_<secret>
	stateForm   = "iss" // a sign-in that is under way elsewhere: iss_<secret>
	grantForm   = "isg" // one that is done, for a program: isg_<secret>

	secretBytes = 32
	secretChars = 52  // of secretBytes in base 32
	maxText     = 300 // characters of any of them
)

var secretEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// newSecret returns secretBytes random bytes as text.
func newSecret() string { return encodeSecret(randomBytes(secretBytes)) }

func encodeSecret(b []byte) string { return strings.ToLower(secretEncoding.EncodeToString(b)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never returns an error
	return b
}

// digest is what is stored of a secret.
func digest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// matches reports whether secret has the digest, in a time that doesn't tell how nearly.
func matches(secret string, stored []byte) bool {
	return subtle.ConstantTimeCompare(digest(secret), stored) == 1
}

// successor returns the secret that follows one, which nobody can tell who has the salt alone.
func successor(salt []byte, secret string) string {
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte(secret))
	return encodeSecret(mac.Sum(nil))
}

// text writes a credential; ids lose their prefixes.
func text(form, secret string, ids ...string) string {
	var b strings.Builder
	b.WriteString(form)
	for _, id := range ids {
		_, rest, _ := strings.Cut(id, "_")
		b.WriteString("_" + rest)
	}
	return b.String() + "_" + secret
}

// parse reads what text wrote, of a form with ids of these prefixes and a secret of so
// many characters. ok is false for everything else.
func parse(form, s string, chars int, prefixes ...string) (ids []string, secret string, ok bool) {
	if len(s) > maxText {
		return nil, "", false
	}
	parts := strings.Split(s, "_")
	if len(parts) != len(prefixes)+2 || parts[0] != form {
		return nil, "", false
	}
	for i, prefix := range prefixes {
		id := prefix + "_" + parts[i+1]
		if !core.ValidID(prefix, id) {
			return nil, "", false
		}
		ids = append(ids, id)
	}
	secret = parts[len(parts)-1]
	if len(secret) != chars || strings.Trim(secret, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return nil, "", false
	}
	return ids, secret, true
}

// parseKey reads the text of an API key.
func parseKey(s string) (id core.KeyID, secret string, ok bool) {
	ids, secret, ok := parse(keyForm, s, secretChars, "key")
	if !ok {
		return "", "", false
	}
	return core.KeyID(ids[0]), secret, true
}

// parseSession reads the text of a cookie or a refresh token.
func parseSession(form, s string) (user core.UserID, session, secret string, ok bool) {
	chars := secretChars
	if form == refreshForm {
		chars = 2 * secretChars
	}
	ids, secret, ok := parse(form, s, chars, "usr", "ses")
	if !ok {
		return "", "", "", false
	}
	return core.UserID(ids[0]), ids[1], secret, true
}
