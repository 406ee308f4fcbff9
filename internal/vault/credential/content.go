package credential

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"
	"golang.org/x/net/http/httpguts"

	"github.com/isekai-run/isekai/internal/core"
)

// Kind says what a credential is.
type Kind string

// The kinds.
const (
	Token  Kind = "token"   // sent as a bearer token (RFC 6750)
	Basic  Kind = "basic"   // a name and a password (RFC 7617)
	Header Kind = "header"  // a header and its value, as many APIs have them
	SSHKey Kind = "ssh_key" // a private key
	Text   Kind = "text"    // what a tool reads as a file: a service account, a kubeconfig
	OAuth  Kind = "oauth"   // a connection: its access token. Only Finish makes one
)

// MaxSecret bounds a secret, in bytes.
const MaxSecret = 64 << 10

// Content is what a credential holds, by its kind.
type Content struct {
	User       string // of Basic
	Header     string // of Header: its name
	Secret     Secret // the token, the password, the header's value, the key (PEM) or the text
	Passphrase Secret // of an SSHKey that is encrypted
}

// framing are headers that say how a message is sent, not who sends it.
var framing = []string{"connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"}

// check returns an invalid error for content that isn't of the kind, and the fingerprint of
// what has one. No error quotes any of it.
func (c Content) check(kind Kind) (fingerprint string, err error) {
	bad := func(msg, hint string) (string, error) {
		return "", core.E(core.Invalid, "credential.put", msg).WithHint(hint)
	}
	secret := c.Secret.Reveal()
	switch {
	case secret == "":
		return bad("there is no secret in it", "give one")
	case len(secret) > MaxSecret || len(c.Passphrase.Reveal()) > MaxSecret || len(c.User) > 1000:
		return bad("it is too long", "a secret has at most 64 KiB")
	case !utf8.ValidString(secret) || !utf8.ValidString(c.Passphrase.Reveal()):
		return bad("it isn't text", "encode it, as in base 64")
	case c.User != "" && kind != Basic, c.Header != "" && kind != Header, !c.Passphrase.IsZero() && kind != SSHKey:
		return bad("a "+string(kind)+" has no such field", "leave it out")
	}
	switch kind {
	case Token:
		if strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return bad("a token has no spaces, line breaks or letters beyond ASCII", "paste it alone")
		}
	case Basic:
		if c.User == "" || strings.Contains(c.User, ":") || strings.ContainsFunc(c.User+secret, unicode.IsControl) {
			return bad("the name is missing or has a colon, or there is a control character", "paste it without line breaks")
		}
	case Header:
		if !httpguts.ValidHeaderFieldName(c.Header) || slices.Contains(framing, strings.ToLower(c.Header)) {
			return bad("this header can't be set", "give the one that the service's documentation names")
		}
		if !httpguts.ValidHeaderFieldValue(secret) || strings.TrimSpace(secret) != secret {
			return bad("the header's value has line breaks, or spaces around it", "paste it alone")
		}
	case SSHKey:
		return fingerprintOf(secret, !c.Passphrase.IsZero())
	case Text:
	default:
		return bad("there is no kind "+string(kind)+" that can be stored", "use token, basic, header, ssh_key or text")
	}
	return "", nil
}

// fingerprintOf reads a private key. One that is encrypted stays so: how much work its
// passphrase takes is for whoever made it to say, and may be any amount.
func fingerprintOf(key string, passphrase bool) (string, error) {
	bad := core.E(core.Invalid, "credential.put", "it isn't a private key that can be used")
	signer, err := ssh.ParsePrivateKey([]byte(key))
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked) && !passphrase:
		return "", bad.WithHint("it is encrypted: give its passphrase, too")
	case errors.As(err, &locked) && locked.PublicKey == nil: // PEM, which has none beside the secret part
		return "", nil
	case errors.As(err, &locked):
		return ssh.FingerprintSHA256(locked.PublicKey), nil
	case err != nil:
		return "", bad.WithHint("paste the whole file, in the form of OpenSSH or PEM")
	case passphrase:
		return "", bad.WithHint("it isn't encrypted: leave the passphrase out")
	}
	return ssh.FingerprintSHA256(signer.PublicKey()), nil
}
