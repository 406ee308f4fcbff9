package credential

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// kind is a kind of record that holds a T.
type kind[T any] string

// The records of an org. Secrets are in values, grants, flows and revocations alone.
const (
	credentials kind[credentialDoc] = "credential"            // by place
	usages      kind[usageDoc]      = "credential_use"        // by place: the last
	values      kind[valueDoc]      = "credential_value"      // by credential/version; a superseded one expires
	grants      kind[grantDoc]      = "credential_grant"      // by credential: what a provider gave
	flows       kind[flowDoc]       = "credential_flow"       // by digest of the state: being connected
	revocations kind[revocationDoc] = "credential_revocation" // what a provider has yet to forget
	reminders   kind[reminderDoc]   = "credential_reminder"   // by credential/version: somebody was told that it is due
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

// entry is a record's content, and what it takes to change it.
type entry[T any] struct {
	ID      string
	Version int64
	Expires time.Time
	Doc     T
}

// read returns a record, or not_found.
func (k kind[T]) read(ctx context.Context, s *Service, org core.OrgID, id string) (entry[T], error) {
	r, err := s.cfg.Records.Record(ctx, org, string(k), id)
	if err != nil {
		return entry[T]{}, err
	}
	return k.decode(r)
}

// find is read, with the zero entry for what isn't there.
func (k kind[T]) find(ctx context.Context, s *Service, org core.OrgID, id string) (entry[T], error) {
	e, err := k.read(ctx, s, org, id)
	if core.CodeOf(err) == core.NotFound {
		return entry[T]{ID: id}, nil
	}
	return e, err
}

// all returns the records whose ids begin with prefix, up to limit.
func (k kind[T]) all(ctx context.Context, s *Service, org core.OrgID, prefix string, limit int) ([]entry[T], error) {
	const page = 200
	var list []entry[T]
	for after := ""; len(list) < limit; {
		found, err := s.cfg.Records.Records(ctx, org, string(k), prefix, after, page)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			e, err := k.decode(r)
			if err != nil {
				return nil, err
			}
			list, after = append(list, e), e.ID
		}
		if len(found) < page {
			break
		}
	}
	return list, nil
}

func (k kind[T]) decode(r store.Record) (entry[T], error) {
	e := entry[T]{ID: r.ID, Version: r.Version, Expires: r.Expires}
	if err := json.Unmarshal(r.Data, &e.Doc); err != nil { // the error may quote it
		return e, core.E(core.Internal, "credential", "a "+r.Kind+" that can't be read")
	}
	return e, nil
}

// put is the change that gives e's record e's content.
func (k kind[T]) put(e entry[T]) store.Change {
	data, err := json.Marshal(e.Doc)
	if err != nil { // plain fields always encode
		panic("a " + string(k) + " that can't be written")
	}
	return store.Change{Kind: string(k), ID: e.ID, Expected: e.Version, Expires: e.Expires, Data: data}
}

// drop is the change that removes e's record.
func (k kind[T]) drop(e entry[T]) store.Change {
	return store.Change{Kind: string(k), ID: e.ID, Expected: e.Version}
}

// retries bounds how often a change is tried again that another one got ahead of.
const retries = 30

// update makes the changes that f finds in what it reads, and has it look again when
// somebody was quicker. No changes are fine. An error of f's is final.
func (s *Service) update(ctx context.Context, org core.OrgID, f func() ([]store.Change, error)) error {
	for i := 0; ; i++ {
		changes, err := f()
		if err != nil || len(changes) == 0 {
			return err
		}
		err = s.cfg.Records.Write(ctx, org, changes...)
		if core.CodeOf(err) != core.Conflict || i == retries {
			return err
		}
	}
}
