package credential

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// The bounds of a credential.
const (
	MaxCredentials = 500 // of a project, and of an org; creations at the same moment may pass it by as many
	MaxGrace       = 90 * 24 * time.Hour
	maxRotate      = 10 * 365 * 24 * time.Hour
	maxName        = 64
	maxNote        = 300
	maxHosts       = 20
	maxHostBytes   = 1000 // of all of them, so that an entry of the audit log shows each
	maxVersions    = 5    // that can be used at the same time
)

// Put is what a credential shall be.
type Put struct {
	Name    string // lower-case letters, digits, ".", "_" and "-"
	Shared  bool   // it is for all projects of the org, not for the scope's alone
	Kind    Kind   // of an existing one it stays
	Content *Content
	Note    string        // for people
	Hosts   []string      // Places that it may be sent to; none: all. More of them need a Content
	Rotate  time.Duration // how old it may become before Due tells; 0: any age
	Grace   time.Duration // how long a value can be used after it was replaced
	// Revision is that of the Credential that is changed; 0: whatever it is.
	Revision int64
}

// Put creates a credential, or changes one: with a Content it gets a new version, without
// one the value stays. Those before can be used for Grace from now at the most, and not at
// all if they may not be sent to all of the Hosts: so nobody who doesn't have a value has it
// sent elsewhere. conflict: the Revision is another, it is of another kind or a connection;
// exhausted: there are too many; invalid.
func (s *Service) Put(ctx context.Context, scope core.Scope, p Put) (Credential, error) {
	if err := scope.Valid(); err != nil {
		return Credential{}, err
	}
	fingerprint, err := p.check()
	if err != nil {
		return Credential{}, err
	}
	var e store.Doc[credentialDoc]
	err = store.Update(ctx, s.cfg.Records, scope.Org, func() (changes []store.Change, err error) {
		if e, err = s.open(ctx, scope, p.Name, p.Shared, p.Kind, p.Revision); err != nil {
			return nil, err
		}
		if e.Version == 0 && p.Content == nil {
			return nil, missing()
		}
		changes, err = s.revise(ctx, scope, &e.Data, p)
		if p.Content != nil {
			e.Data.Fingerprint = fingerprint
		}
		return append(changes, credentials.Put(e)), err
	})
	if err != nil {
		return Credential{}, err
	}
	e.Version++
	action := "credential.put"
	if p.Content == nil {
		action = "credential.change"
	}
	c := credentialOf(e, nil)
	return c, s.tell(ctx, scope, action, e.Data, "", "version", number(c.Version), "hosts", cmp.Or(strings.Join(c.Hosts, " "), "*"))
}

// open returns the credential that is there, or a new one, for a change to one of a kind.
func (s *Service) open(ctx context.Context, scope core.Scope, name string, shared bool, kind Kind, revision int64) (store.Doc[credentialDoc], error) {
	const op = "credential.put"
	project := scope.Project
	if shared {
		project = ""
	}
	e, err := credentials.Find(ctx, s.cfg.Records, scope.Org, place(project, name))
	switch {
	case err != nil:
		return e, err
	case revision != 0 && revision != e.Version:
		return e, core.E(core.Conflict, op, "the credential has changed").WithHint("read it again and repeat the change")
	case e.Version != 0 && e.Data.Kind != kind:
		return e, core.E(core.Conflict, op, "there is a credential of this name, of the kind "+string(e.Data.Kind)).WithHint("delete it first, or take another name")
	case e.Version != 0:
		return e, nil
	}
	there, err := credentials.All(ctx, s.cfg.Records, scope.Org, folder(project), MaxCredentials)
	if err == nil && len(there) >= MaxCredentials {
		err = core.E(core.Exhausted, op, "there are "+strconv.Itoa(len(there))+" credentials").WithHint("delete some")
	}
	e.Data = credentialDoc{ID: s.cfg.IDs("crd"), Name: name, Project: project, Kind: kind}
	return e, err
}

// revise gives doc what p says, and returns the changes of its values.
func (s *Service) revise(ctx context.Context, scope core.Scope, doc *credentialDoc, p Put) ([]store.Change, error) {
	grace := p.Grace
	if wider(doc.Hosts, p.Hosts) {
		if p.Content == nil {
			return nil, core.E(core.Invalid, "credential.put", "the value may not be sent to all of these hosts").WithHint("give it again with them; without it hosts can only be taken away")
		}
		grace = 0
	}
	there, err := values.All(ctx, s.cfg.Records, scope.Org, doc.ID+"/", maxVersions+1)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now()
	doc.Note, doc.Hosts, doc.Rotate, doc.Grace = p.Note, p.Hosts, p.Rotate, p.Grace
	var changes []store.Change
	if p.Content != nil {
		doc.Version++
		doc.Versions = append(doc.Versions, Version{Number: doc.Version, Created: now, By: scope.Actor})
		c := *p.Content
		changes = append(changes, values.Put(store.Doc[valueDoc]{
			ID: valueID(doc.ID, doc.Version), Data: valueDoc{c.User, c.Header, keep(c.Secret), keep(c.Passphrase)},
		}))
	}
	doc.Versions = retire(doc.Versions, now, grace)
	for _, v := range there {
		i := slices.IndexFunc(doc.Versions, func(known Version) bool { return valueID(doc.ID, known.Number) == v.ID })
		switch {
		case i < 0:
			changes = append(changes, values.Drop(v))
		case !doc.Versions[i].Until.Equal(v.Expires):
			v.Expires = doc.Versions[i].Until
			changes = append(changes, values.Put(v))
		}
	}
	return changes, nil
}

// wider reports whether some of the hosts that are to be aren't among those that are.
func wider(are, toBe []string) bool {
	return len(are) > 0 && (len(toBe) == 0 || slices.ContainsFunc(toBe, func(h string) bool { return !slices.Contains(are, h) }))
}

// retire ends all versions but the last after the grace, or when they were to end before,
// and leaves out those that have ended, and the oldest of too many.
func retire(all []Version, now time.Time, grace time.Duration) []Version {
	end := now.Add(grace).Truncate(time.Microsecond) // as a store has it
	var left []Version
	for i, v := range all {
		if i == len(all)-1 {
			left = append(left, v)
			break
		}
		if v.Until.IsZero() || v.Until.After(end) {
			v.Until = end
		}
		if v.Until.After(now) {
			left = append(left, v)
		}
	}
	return left[max(0, len(left)-maxVersions):]
}

// check returns the fingerprint of what has one.
func (p *Put) check() (string, error) {
	bad := func(msg, hint string) (string, error) {
		return "", core.E(core.Invalid, "credential.put", msg).WithHint(hint)
	}
	if err := checkName(p.Name); err != nil {
		return "", err
	}
	for i, h := range p.Hosts {
		if p.Hosts = slices.Clone(p.Hosts); !isPlace(h) {
			return bad("a host that is none", "as in api.example.com, gpu.example.com:8443, or without TLS http://127.0.0.1:8000")
		}
		p.Hosts[i] = Place(h)
	}
	switch {
	case len(p.Note) > maxNote || strings.ToValidUTF8(p.Note, "") != p.Note:
		return bad("the note is too long, or isn't text", "300 bytes are enough for one")
	case len(p.Hosts) > maxHosts || len(strings.Join(p.Hosts, " ")) > maxHostBytes:
		return bad("there are too many hosts", "name 20, of 1,000 bytes together, or make another credential")
	case p.Kind == OAuth:
		return bad("a connection isn't put", "connect to its provider")
	case p.Grace < 0 || p.Grace > MaxGrace:
		return bad("the grace is out of its range", "up to 90 days")
	case p.Rotate < 0 || p.Rotate > maxRotate:
		return bad("the rotation interval is out of its range", "up to ten years")
	case p.Content == nil:
		return "", nil
	}
	return p.Content.check(p.Kind)
}

func checkName(name string) error {
	if name == "" || len(name) > maxName || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" {
		return core.E(core.Invalid, "credential", "a name that can't be used").WithHint(`use lower-case letters, digits, ".", "_" and "-"; at most 64`)
	}
	return nil
}
