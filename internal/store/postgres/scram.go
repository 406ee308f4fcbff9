package postgres

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/text/secure/precis"
)

// scram returns what PostgreSQL keeps of a password (RFC 5803 with PostgreSQL's
// separators), so that the password itself is in no statement, and so in no log.
func scram(password string) (string, error) {
	const iterations = 4096
	if strings.ContainsRune(password, 0) {
		return "", fmt.Errorf("a NUL in it")
	}
	if p, err := precis.OpaqueString.String(password); err == nil {
		password = p // as clients do; else the bytes count
	}
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", err
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, b64(salt), b64(stored[:]), b64(mac(salted, "Server Key"))), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
