package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"strconv"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Program is a program on the user's own machine for which a browser signs in (RFC 8252).
// It listens on loopback; and only it has the verifier of the Challenge, so that nobody
// else can use the code that comes there.
type Program struct {
	Port      int    // of 127.0.0.1
	State     string // that the program knows its sign-in by
	Challenge string // of its verifier, as in RFC 7636: S256
}

// The bounds of a Program's fields.
const (
	challengeSize = 43  // characters
	maxVerifier   = 128 // characters, as in RFC 7636
	maxState      = 128
	grantLife     = 2 * time.Minute // of the code
)

// grantDoc is a program's sign-in that is done but for the program.
type grantDoc struct {
	User      core.UserID
	By        string // the issuer
	Challenge string
}

func (p *Program) check() error {
	const op = "oidc"
	switch {
	case p == nil:
	case p.Port < 1024 || p.Port > 65535:
		return core.E(core.Invalid, op, "no program listens at the port "+strconv.Itoa(p.Port))
	case p.State == "" || len(p.State) > maxState:
		return core.E(core.Invalid, op, "the program's state has 1 to "+strconv.Itoa(maxState)+" characters")
	case len(p.Challenge) != challengeSize || !canonical(p.Challenge):
		return core.E(core.Invalid, op, "the program's challenge isn't one of S256").WithHint("base64url of the verifier's SHA-256, as in RFC 7636")
	}
	return nil
}

// newGrant makes the code by which a program begins a session of a user.
func (s *Service) newGrant(ctx context.Context, p *provider, user core.UserID, of Program) (string, error) {
	secret := newSecret()
	e := store.Doc[grantDoc]{
		ID: hex.EncodeToString(digest(secret)), Expires: s.cfg.Now().Add(grantLife), Data: grantDoc{User: user, By: p.Name, Challenge: of.Challenge},
	}
	return text(grantForm, secret), s.write(ctx, core.Installation, grants.Put(e))
}

// Redemption is a program that takes up its sign-in.
type Redemption struct {
	Code, Verifier string
	Org            core.OrgID // one of the user's; "": the one that is his by default
	Address        netip.Addr
}

// RedeemOIDC begins the session of a program whose sign-in a browser has done. It works
// once. unauthenticated: the code isn't good, or not the verifier's; who hasn't that can't
// use the code up, either. denied and not_found are as for SignIn.
func (s *Service) RedeemOIDC(ctx context.Context, r Redemption) (Tokens, error) {
	_, secret, ok := parse(grantForm, r.Code, secretChars)
	if !ok || len(r.Verifier) > maxVerifier {
		return Tokens{}, strayed()
	}
	g, err := grants.Get(ctx, s.cfg.Records, core.Installation, hex.EncodeToString(digest(secret)))
	if err == nil && !answers(r.Verifier, g.Data.Challenge) {
		return Tokens{}, strayed()
	}
	if err == nil {
		err = s.write(ctx, core.Installation, grants.Drop(g))
	}
	if code := core.CodeOf(err); code == core.NotFound || code == core.Conflict {
		return Tokens{}, strayed()
	}
	if err != nil {
		return Tokens{}, err
	}
	t, org, err := s.beginGranted(ctx, g.Data, r)
	s.tellSignIn(ctx, string(g.Data.User), org, g.Data.By, r.Address, err, "for", "program")
	return t, err
}

func (s *Service) beginGranted(ctx context.Context, g grantDoc, r Redemption) (Tokens, core.OrgID, error) {
	u, err := users.Get(ctx, s.cfg.Records, core.Installation, string(g.User))
	if err == nil && u.Data.Disabled {
		err = unknown()
	}
	if err != nil {
		return Tokens{}, core.Installation, refused(err)
	}
	org, err := s.chooseOrg(ctx, u, r.Org)
	if err != nil {
		return Tokens{}, core.Installation, err
	}
	t, err := s.begin(ctx, u, org, g.By, r.Address)
	return t, org, err
}

// answers reports whether a verifier is that of a challenge.
func answers(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}
