package notify

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// Signatures are those of the Standard Webhooks specification, version 1
// (https://www.standardwebhooks.com): HMAC-SHA256 of the message's id, the time and the body.
const (
	secretPrefix = "whsec_"
	secretBytes  = 32 // the specification wants 24 to 64

	headerID        = "webhook-id"
	headerTime      = "webhook-timestamp"
	headerSignature = "webhook-signature"
)

// newSecret returns what an endpoint's signatures are made with.
func newSecret() []byte {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // crypto/rand.Read never returns an error
	return b
}

// secretText is a secret as receivers have it.
func secretText(key []byte) string { return secretPrefix + base64.StdEncoding.EncodeToString(key) }

// signatures returns the header of a message that is sent at a time: one for each of the keys,
// so that a receiver who has either finds his.
func signatures(keys [][]byte, id string, at time.Time, body []byte) string {
	all := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		all[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(all, " ")
}
