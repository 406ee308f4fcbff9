package credential

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Begin says what shall be connected.
type Begin struct {
	Provider string
	Name     string // of the connection; "": the provider's
	Shared   bool   // it is for all projects of the org, not for the scope's alone
	Note     string
	Scopes   []string // some of the provider's; none: all of them
	// Resource has the tokens be for one resource, an MCP server say, and be sent to nothing else
	// (RFC 8707). "": they are for what the provider says.
	Resource string
	// Issuer, where there is no Provider, is that of an authorization server that registers the org
	// by itself, if it hasn't yet (RFC 7591). Which scopes there are it alone knows.
	Issuer string
	// Port is that on the browser's own machine of the program that will finish, to which the
	// page that the provider sends the browser back to hands the answer; 0: the page itself
	// finishes. The state ends with it, after a dot.
	Port int
}

// flowDoc is a connection being made.
type flowDoc struct {
	Begin
	Scopes   []string
	Project  core.ProjectID
	Actor    core.Actor
	Session  []byte // its digest
	Verifier kept
}

// flowLife is how long a person has to say yes at the provider.
const flowLife = 10 * time.Minute

// Begin returns where to send a person's browser so that the provider asks whether we may.
// session names the browser's session: only it can finish, and only the same actor in the
// same org and project. An existing connection of the name is replaced then, which mends a
// broken one. conflict: the name is another credential's, or another provider's connection's.
func (s *Service) Begin(ctx context.Context, scope core.Scope, session string, b Begin) (authURL string, err error) {
	const op = "connection.begin"
	if err := scope.Valid(); err != nil {
		return "", err
	}
	p := s.providers[b.Provider]
	if b.Provider == "" && b.Issuer != "" {
		p = &Provider{Name: strings.TrimSuffix(b.Issuer, "/")} // until it is asked
	}
	switch {
	case p == nil:
		return "", core.E(core.NotFound, op, "there is no such provider").WithHint(cmp.Or(strings.Join(s.Providers(), ", "), "none") + " can be connected to; an operator configures others")
	case session == "":
		return "", core.E(core.Denied, op, "only a person who is signed in can connect").WithHint("sign in with a browser")
	case len(b.Note) > maxNote || strings.ToValidUTF8(b.Note, "") != b.Note:
		return "", core.E(core.Invalid, op, "the note is too long, or isn't text").WithHint("300 bytes are enough for one")
	case b.Resource != "" && !isResource(b.Resource):
		return "", core.E(core.Invalid, op, "tokens can't be for this resource").WithHint("it is a URL with https, and without a fragment")
	case b.Resource != "" && !allowed(p.Hosts, b.Resource):
		return "", core.E(core.Denied, op, "tokens of the provider "+p.Name+" may not be sent to the resource").WithHint("an operator adds its host to the provider's hosts")
	case b.Port < 0 || b.Port > 65535:
		return "", core.E(core.Invalid, op, "the port isn't one").WithHint("use one from 1024 to 65535")
	}
	b.Provider, b.Name = p.Name, cmp.Or(b.Name, p.Name)
	if err := checkName(b.Name); err != nil {
		return "", err
	}
	f := flowDoc{Begin: b, Project: scope.Project, Actor: scope.Actor, Session: digest(session), Verifier: keep(NewSecret(oauth2.GenerateVerifier()))}
	if _, err := s.connecting(ctx, scope, b, p); err != nil {
		return "", err
	}
	if byItself(p.Name) {
		p, f.Scopes, err = s.registering(ctx, scope, b)
	} else if f.Scopes, err = p.asked(b.Scopes); err == nil {
		p, err = s.known(ctx, p)
	}
	if err != nil {
		return "", err
	}
	state := rand.Text() + rand.Text()
	if b.Port != 0 {
		state += "." + strconv.Itoa(b.Port)
	}
	e := store.Doc[flowDoc]{ID: hex.EncodeToString(digest(state)), Expires: s.cfg.Now().Add(flowLife), Data: f}
	if err := s.cfg.Records.Write(ctx, scope.Org, flows.Put(e)); err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(f.Verifier.Reveal())}
	for name, value := range p.Params {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	if resource := p.indicates(f.Resource); resource != "" {
		options = append(options, oauth2.SetAuthURLParam("resource", resource))
	}
	return p.client(s.cfg.Redirect, f.Scopes).AuthCodeURL(state, options...), nil
}

// connecting returns the connection that is there, or a new one. One of another provider's
// stays that: so no provider is ever sent what another one gave.
func (s *Service) connecting(ctx context.Context, scope core.Scope, b Begin, p *Provider) (store.Doc[credentialDoc], error) {
	e, err := s.open(ctx, scope, b.Name, b.Shared, OAuth, 0)
	if err == nil && e.Data.Connection != nil && e.Data.Connection.Provider != p.Name {
		err = core.E(core.Conflict, "connection.begin", "the name is that of a connection to "+e.Data.Connection.Provider).WithHint("delete it first, or take another name")
	}
	return e, err
}

func digest(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// Answer is what a provider has the browser bring back, as it came.
type Answer struct {
	State, Code   Secret
	Error, Issuer string
}

// Finish makes the connection that the session began. It works once, whatever comes of it.
// denied: it isn't what this session began, or took too long, or the person or the provider
// said no; unavailable: the provider doesn't answer.
func (s *Service) Finish(ctx context.Context, scope core.Scope, session string, a Answer) (Credential, error) {
	if err := scope.Valid(); err != nil {
		return Credential{}, err
	}
	f, p, err := s.land(ctx, scope, session, a)
	if err != nil {
		return Credential{}, err
	}
	const op = "connection.finish"
	switch {
	case a.Error != "":
		return Credential{}, core.E(core.Denied, op, "the provider "+p.Name+" wasn't given leave").WithHint("connect again, and agree there")
	case a.Code.IsZero() || len(a.Code.Reveal()) > 4096:
		return Credential{}, core.E(core.Invalid, op, "the provider's answer has no code").WithHint("connect again")
	}
	if p, err = s.known(ctx, p); err != nil {
		return Credential{}, err
	}
	asked := s.cfg.Now()
	got, err := p.redeem(ctx, s.http, f, s.cfg.Redirect, a.Code)
	var no *refusal
	switch {
	case errors.As(s.forgotten(ctx, scope.Org, p, err), &no):
		return Credential{}, core.E(core.Denied, op, "the provider "+p.Name+" refuses the code").WithHint("connect again; an operator checks the client's id and secret").Because(no)
	case err != nil:
		return Credential{}, err
	}
	return s.connect(ctx, scope, p, f, got, asked)
}

// land finds the flow that an answer belongs to, and ends it.
func (s *Service) land(ctx context.Context, scope core.Scope, session string, a Answer) (flowDoc, *Provider, error) {
	strayed := core.E(core.Denied, "connection.finish", "this connection didn't begin here, or took too long").WithHint("connect again")
	e, err := flows.Get(ctx, s.cfg.Records, scope.Org, hex.EncodeToString(digest(a.State.Reveal())))
	switch {
	case core.CodeOf(err) == core.NotFound:
		return flowDoc{}, nil, strayed
	case err != nil:
		return flowDoc{}, nil, err
	}
	f := e.Data
	p, err := s.provider(ctx, scope.Org, f.Provider)
	if err != nil {
		return flowDoc{}, nil, err
	}
	if session == "" || subtle.ConstantTimeCompare(f.Session, digest(session)) != 1 || f.Actor != scope.Actor || f.Project != scope.Project {
		return flowDoc{}, nil, strayed // it stays, for the one whose it is
	}
	if err := s.cfg.Records.Write(ctx, scope.Org, flows.Drop(e)); err != nil {
		if core.CodeOf(err) == core.Conflict {
			return flowDoc{}, nil, strayed
		}
		return flowDoc{}, nil, err
	}
	if p == nil || !s.cfg.Now().Before(e.Expires) || p.another(a.Issuer) {
		return flowDoc{}, nil, strayed
	}
	return f, p, nil
}

// connect keeps what a provider gave. What it gave before isn't revoked, for many providers
// take one for the other.
func (s *Service) connect(ctx context.Context, scope core.Scope, p *Provider, f flowDoc, got answer, asked time.Time) (Credential, error) {
	var e store.Doc[credentialDoc]
	err := store.Update(ctx, s.cfg.Records, scope.Org, func() (changes []store.Change, err error) {
		if e, err = s.connecting(ctx, scope, f.Begin, p); err != nil {
			return nil, err
		}
		g, err := grants.Find(ctx, s.cfg.Records, scope.Org, e.Data.ID)
		if err != nil {
			return nil, err
		}
		g.ID = e.Data.ID
		g.Data = grantDoc{Number: g.Data.Number}
		g.Data.take(got, asked)
		e.Data.Note, e.Data.Hosts = f.Note, p.Hosts
		if f.Resource != "" {
			e.Data.Hosts = []string{Place(origin(f.Resource))}
		}
		e.Data.Connection = &Connection{Provider: p.Name, Resource: f.Resource, Scopes: f.Scopes, By: scope.Actor, Since: asked}
		if got.scopes != nil {
			e.Data.Connection.Scopes = slices.Compact(slices.Sorted(slices.Values(got.scopes)))
		}
		return []store.Change{credentials.Put(e), grants.Put(g)}, nil
	})
	if err != nil {
		return Credential{}, err
	}
	e.Version++
	return credentialOf(e, nil), s.tell(ctx, scope, "connection.connect", e.Data, "", "provider", p.Name, "resource", f.Resource, "scopes", strings.Join(e.Data.Connection.Scopes, " "))
}
