package identity

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Codes by time, as in RFC 6238 with what every authenticator app assumes: SHA-1, six
// digits, steps of 30 s. A code of the step before or after is taken, for clocks that are off.
const (
	totpStep   = 30 * time.Second
	totpSecret = 20 // bytes, as RFC 4226 recommends
	totpDrift  = 1  // steps
)

// totpAt returns the code of a step (RFC 4226, section 5.3).
func totpAt(secret []byte, step int64) string {
	mac := hmac.New(sha1.New, secret)
	_ = binary.Write(mac, binary.BigEndian, step) // a hash's Write never fails
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000)
}

// checkTOTP returns the step whose code this is. One that isn't after last was used
// already, and isn't looked at: a code that was seen over a shoulder is worth nothing.
func checkTOTP(secret []byte, code string, now, last int64) (step int64, ok bool) {
	current := now / int64(totpStep/time.Second)
	for s := current - totpDrift; s <= current+totpDrift; s++ {
		if s > last && subtle.ConstantTimeCompare([]byte(totpAt(secret, s)), []byte(code)) == 1 {
			return s, true
		}
	}
	return 0, false
}

// isTOTP reports whether a code has the form of one by time, and not of a recovery code.
func isTOTP(code string) bool {
	return len(code) == 6 && strings.Trim(code, "0123456789") == ""
}

// totpURL returns what an authenticator app reads from a picture.
func totpURL(secret []byte, issuer, account string) string {
	q := url.Values{"secret": {totpText(secret)}, "issuer": {issuer}}
	return "otpauth://totp/" + url.PathEscape(issuer+":"+account) + "?" + q.Encode()
}

func totpText(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// Recovery codes stand in for a lost authenticator, each once.
const (
	recoveryCodes = 10
	recoveryBytes = 10 // 80 random bits: stored as a digest
)

// newRecovery returns recovery codes as people see them: four groups of four.
func newRecovery() []string {
	codes := make([]string, recoveryCodes)
	for i := range codes {
		c := encodeSecret(randomBytes(recoveryBytes))
		codes[i] = c[:4] + "-" + c[4:8] + "-" + c[8:12] + "-" + c[12:]
	}
	return codes
}

// plainRecovery undoes what people do to a code when they type it.
func plainRecovery(code string) string {
	return strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(code))
}
