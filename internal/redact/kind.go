package redact

import "strings"

// Kind is what sort of secret was found.
type Kind string

// The kinds.
const (
	Canary      Kind = "canary"        // a value that was planted to be found
	Known       Kind = "known_secret"  // a value that somebody keeps as a secret
	PrivateKey  Kind = "private_key"   // PEM, OpenSSH, PGP, age
	Connection  Kind = "connection"    // the password in a connection string or URL
	Header      Kind = "authorization" // the credential in an authorization header
	Assignment  Kind = "assignment"    // a value of high entropy under a telling name
	JWT         Kind = "jwt"
	AWS         Kind = "aws_key"
	GCP         Kind = "gcp_key"
	Azure       Kind = "azure_key"
	GitHub      Kind = "github_token"
	GitLab      Kind = "gitlab_token"
	Slack       Kind = "slack_token"
	Stripe      Kind = "stripe_key"
	OpenAI      Kind = "openai_key"
	Anthropic   Kind = "anthropic_key"
	NPM         Kind = "npm_token"
	PyPI        Kind = "pypi_token"
	HuggingFace Kind = "huggingface_token"
	SendGrid    Kind = "sendgrid_key"
	Vault       Kind = "vault_token"
	Isekai      Kind = "isekai_key"
)

// Kinds are all kinds.
var Kinds = []Kind{
	Canary, Known, PrivateKey, Connection, Header, Assignment, JWT, AWS, GCP, Azure, GitHub, GitLab, Slack, Stripe, OpenAI, Anthropic,
	NPM, PyPI, HuggingFace, SendGrid, Vault, Isekai,
}

// Finding is a secret's place in a text.
type Finding struct {
	Kind       Kind
	Name       string // of a Canary or a Known
	Start, End int    // bytes
}

// Marker is what stands in a secret's place.
func (k Kind) Marker() string { return markerStart + string(k) + markerEnd }

const markerStart, markerEnd = "[redacted:", "]"

// outside returns the part of a known value that no marker can become a part of: without a
// beginning that is the end of a marker, or an end that is the beginning of one. So what is
// left of a text around markers can't make up the value again.
func outside(value string) string {
	for again := true; again; {
		again = false
		for _, k := range Kinds {
			m := k.Marker()
			for n := min(len(m), len(value)); n > 0; n-- {
				if rest, ok := strings.CutPrefix(value, m[len(m)-n:]); ok {
					value, again = rest, true
				}
				if n <= len(value) && strings.HasSuffix(value, m[:n]) {
					value, again = value[:len(value)-n], true
				}
			}
		}
	}
	return value
}

// inMarker reports whether a marker holds the value, or the value a marker's beginning.
func inMarker(value string) bool {
	if strings.Contains(value, markerStart) {
		return true
	}
	for _, k := range Kinds {
		if strings.Contains(k.Marker(), value) {
			return true
		}
	}
	return false
}
