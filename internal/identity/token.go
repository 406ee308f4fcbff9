package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/isekai-run/isekai/internal/core"
)

const (
	accessType = "at+jwt" // RFC 9068: no other token of anyone's is one
	maxToken   = 4096     // bytes
)

// claims are what an access token says. The role isn't in it: it may change meanwhile.
type claims struct {
	jwt.Claims
	Session string         `json:"sid"`
	Org     core.OrgID     `json:"org"`
	Project core.ProjectID `json:"prj"`
}

// verified is an access token whose signature was checked.
type verified struct {
	claims
	kid string
}

// sign returns an access token of a session, and when it expires.
func (s *Service) sign(ctx context.Context, user core.UserID, session string, org core.OrgID, project core.ProjectID) (string, time.Time, error) {
	ring, err := s.keyring(ctx, ringAge)
	if err != nil {
		return "", time.Time{}, err
	}
	now := s.cfg.Now().Truncate(time.Second) // as the claims are
	until := now.Add(AccessLife)
	token, err := jwt.Signed(ring.current).Claims(claims{
		Claims: jwt.Claims{
			Issuer: s.cfg.Issuer, Audience: jwt.Audience{s.cfg.Issuer}, Subject: string(user), ID: s.cfg.IDs("tok"),
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(until),
		},
		Session: session, Org: org, Project: project,
	}).Serialize()
	if err != nil {
		return "", time.Time{}, core.E(core.Internal, "identity", "can't sign a token").Because(err)
	}
	return token, until, nil
}

// verify returns what an access token says, or unknown.
func (s *Service) verify(ctx context.Context, token string) (claims, error) {
	if len(token) > maxToken {
		return claims{}, unknown()
	}
	key := sha256.Sum256([]byte(token))
	v, ok := s.verified.get(key)
	if !ok {
		var err error
		if v, err = s.checkSignature(ctx, token); err != nil {
			return claims{}, err
		}
		s.verified.put(key, v)
	} else if _, err := s.publicKey(ctx, v.kid); err != nil {
		return claims{}, err
	}
	return v.claims, s.checkClaims(v.claims)
}

func (s *Service) checkSignature(ctx context.Context, token string) (verified, error) {
	if !canonical(token) {
		return verified{}, unknown()
	}
	t, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil || len(t.Headers) != 1 || t.Headers[0].ExtraHeaders[jose.HeaderType] != accessType {
		return verified{}, unknown()
	}
	v := verified{kid: t.Headers[0].KeyID}
	public, err := s.publicKey(ctx, v.kid)
	if err != nil {
		return verified{}, err
	}
	if t.Claims(public, &v.claims) != nil {
		return verified{}, unknown()
	}
	return v, nil
}

// canonical reports whether a token is spelled as it was issued: base 64 has characters
// and bits that decoding ignores.
func canonical(token string) bool {
	for part := range strings.SplitSeq(token, ".") {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(part); err != nil || strings.ContainsAny(part, "\r\n") {
			return false
		}
	}
	return true
}

// publicKey returns the key of a kid, or unknown. Another node may have made it just now,
// so it looks again for one that isn't there; made-up kids have it do so once in missedAge.
func (s *Service) publicKey(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	for _, age := range []time.Duration{ringAge, missedAge} {
		ring, err := s.keyring(ctx, age)
		if err != nil {
			return nil, err
		}
		if public, ok := ring.public[kid]; ok {
			return public, nil
		}
	}
	return nil, unknown()
}

// checkClaims returns unknown for claims that aren't for us or not for now.
func (s *Service) checkClaims(c claims) error {
	err := c.ValidateWithLeeway(jwt.Expected{Issuer: s.cfg.Issuer, AnyAudience: jwt.Audience{s.cfg.Issuer}, Time: s.cfg.Now()}, skew)
	switch {
	case errors.Is(err, jwt.ErrExpired):
		return expired()
	case err != nil || c.Expiry == nil || !core.ValidID("usr", c.Subject) || !core.ValidID("ses", c.Session):
		return unknown()
	}
	return nil
}
