package credential

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// The records of an org. Secrets are in values, grants, flows and revocations alone.
const (
	credentials store.Kind[credentialDoc] = "credential"            // by place
	usages      store.Kind[usageDoc]      = "credential_use"        // by place: the last
	values      store.Kind[valueDoc]      = "credential_value"      // by credential/version; a superseded one expires
	grants      store.Kind[grantDoc]      = "credential_grant"      // by credential: what a provider gave
	flows       store.Kind[flowDoc]       = "credential_flow"       // by digest of the state: being connected
	clients     store.Kind[clientDoc]     = "credential_client"     // by digest of the issuer, who has registered us
	revocations store.Kind[revocationDoc] = "credential_revocation" // what a provider has yet to forget
	reminders   store.Kind[reminderDoc]   = "credential_reminder"   // by credential/version: somebody was told that it is due
)

// credentialDoc is a credential's metadata.
type credentialDoc struct {
	ID          string
	Name        string
	Project     core.ProjectID // "": the org's
	Kind        Kind
	Note        string   `json:",omitempty"`
	Hosts       []string `json:",omitempty"`
	Fingerprint string   `json:",omitempty"`
	Version     int64    // the current one
	Versions    []Version
	Rotate      time.Duration `json:",omitempty"`
	Grace       time.Duration `json:",omitempty"`
	Connection  *Connection   `json:",omitempty"`
}

type valueDoc struct {
	User, Header       string
	Secret, Passphrase kept
}

type usageDoc struct {
	Credential string
	Usage
}

// place is the id of a credential's record. Names are people's words, which stay out of
// what anybody reads in the database.
func place(project core.ProjectID, name string) string {
	sum := sha256.Sum256([]byte(name))
	return folder(project) + hex.EncodeToString(sum[:])
}

// folder is what the places of a project's credentials begin with.
func folder(project core.ProjectID) string {
	if project == "" {
		return "~/"
	}
	return string(project) + "/"
}

func valueID(credential string, version int64) string {
	return fmt.Sprintf("%s/%010d", credential, version)
}
