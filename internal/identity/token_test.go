package identity_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	golangjwt "github.com/golang-jwt/jwt/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// published returns the public keys by kid.
func published(t testing.TB, s *identity.Service) map[string]ed25519.PublicKey {
	t.Helper()
	text, err := s.JWKS(t.Context())
	ok(t, err)
	var set jose.JSONWebKeySet
	ok(t, json.Unmarshal(text, &set))
	if bytes.Contains(text, []byte(`"d"`)) {
		t.Fatal("a private key is published")
	}
	all := map[string]ed25519.PublicKey{}
	for _, k := range set.Keys {
		want(t, "algorithm", k.Algorithm, "EdDSA")
		all[k.KeyID] = k.Key.(ed25519.PublicKey)
	}
	return all
}

// Another implementation reads a token with what is published, and finds no role in it.
func TestATokenIsWhatTheRFCsSay(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		keys := published(t, r.Service)
		token, err := golangjwt.Parse(r.owner.Access, func(tok *golangjwt.Token) (any, error) { return keys[tok.Header["kid"].(string)], nil },
			golangjwt.WithValidMethods([]string{"EdDSA"}), golangjwt.WithTimeFunc(r.clock.Now),
			golangjwt.WithIssuer("http://localhost:8080"), golangjwt.WithAudience("http://localhost:8080"), golangjwt.WithExpirationRequired())
		ok(t, err)
		want(t, "type", token.Header["typ"].(string), "at+jwt")
		claims := token.Claims.(golangjwt.MapClaims)
		for name, value := range map[string]string{
			"sub": string(r.owner.User), "sid": r.owner.Principal.Session, "org": string(core.DefaultOrg), "prj": string(core.DefaultProject),
		} {
			want(t, name, claims[name].(string), value)
		}
		if _, ok := claims["role"]; ok {
			t.Error("the role is in the token")
		}
	})
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		parts := strings.Split(r.owner.Access, ".")
		var header map[string]any
		raw, err := base64.RawURLEncoding.DecodeString(parts[0])
		ok(t, err)
		ok(t, json.Unmarshal(raw, &header))
		kid := header["kid"].(string)
		public := published(t, r.Service)[kid]
		_, mine, err := ed25519.GenerateKey(nil)
		ok(t, err)
		payload := func(change func(map[string]any)) string {
			var claims map[string]any
			raw, err := base64.RawURLEncoding.DecodeString(parts[1])
			ok(t, err)
			ok(t, json.Unmarshal(raw, &claims))
			change(claims)
			text, err := json.Marshal(claims)
			ok(t, err)
			return base64.RawURLEncoding.EncodeToString(text)
		}
		head := func(h map[string]any) string {
			text, err := json.Marshal(h)
			ok(t, err)
			return base64.RawURLEncoding.EncodeToString(text)
		}
		same := func(map[string]any) {}
		signed := func(head, payload string) string {
			return head + "." + payload + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(mine, []byte(head+"."+payload)))
		}
		hs256 := func(h string) string {
			sig, err := golangjwt.SigningMethodHS256.Sign(h+"."+parts[1], []byte(public))
			ok(t, err)
			return h + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(sig)
		}
		for name, token := range map[string]string{
			"no algorithm":               head(map[string]any{"alg": "none", "kid": kid, "typ": "at+jwt"}) + "." + parts[1] + ".",
			"the public key as a secret": hs256(head(map[string]any{"alg": "HS256", "kid": kid, "typ": "at+jwt"})),
			"another key":                signed(parts[0], parts[1]),
			"another key, unknown":       signed(head(map[string]any{"alg": "EdDSA", "kid": "x", "typ": "at+jwt"}), parts[1]),
			"a key that it brings along": signed(head(map[string]any{"alg": "EdDSA", "kid": "x", "typ": "at+jwt", "jwk": map[string]any{
				"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(mine.Public().(ed25519.PublicKey))}}), parts[1]),
			"another user":      parts[0] + "." + payload(func(c map[string]any) { c["sub"] = "usr_other" }) + "." + parts[2],
			"another org":       parts[0] + "." + payload(func(c map[string]any) { c["org"] = core.Installation }) + "." + parts[2],
			"no signature":      parts[0] + "." + payload(same) + ".",
			"a path as kid":     signed(head(map[string]any{"alg": "EdDSA", "kid": "../../dev/null", "typ": "at+jwt"}), parts[1]),
			"another spelling":  parts[0] + ".\n" + parts[1] + "." + parts[2],
			"a longer one":      r.owner.Access + strings.Repeat("A", 5000),
			"unencoded payload": signed(head(map[string]any{"alg": "EdDSA", "kid": kid, "typ": "at+jwt", "b64": false, "crit": []string{"b64"}}), parts[1]),
		} {
			_, err := bearer(t.Context(), r.Service, token)
			wantCode(t, name, err, core.Unauthenticated)
		}
		_, err = bearer(t.Context(), r.Service, r.owner.Access)
		ok(t, err)
	})
}

// A token of another installation, or of another kind, isn't one of ours though the key is.
func TestATokenForSomeoneElseIsRefused(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		r.cfg.Issuer = "http://elsewhere.example"
		other := r.node()
		_, err := bearer(t.Context(), other, r.owner.Access)
		wantCode(t, "another issuer's", err, core.Unauthenticated)
	})
}

func TestSigningKeysRotate(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		nodes := []*identity.Service{r.Service, r.node()}
		refresh := r.owner.Refresh
		before := map[string]ed25519.PublicKey{} // all that were published
		for hour := range 60 {
			now := published(t, r.Service)
			if hour == 0 {
				maps.Copy(before, now)
			}
			other := published(t, nodes[1])
			want(t, fmt.Sprintf("keys of both nodes in hour %d", hour), len(now), len(other))
			for kid := range now {
				if other[kid] == nil {
					t.Fatalf("in hour %d the other node doesn't publish %s", hour, kid)
				}
			}
			next, err := nodes[hour%2].Refresh(t.Context(), refresh, home)
			ok(t, err)
			refresh = next.Refresh
			access := next.Access
			var header struct{ Kid string }
			raw, err := base64.RawURLEncoding.DecodeString(access[:strings.Index(access, ".")])
			ok(t, err)
			ok(t, json.Unmarshal(raw, &header))
			if before[header.Kid] == nil {
				t.Fatalf("in hour %d the token is signed by %s, which wasn't published an hour before", hour, header.Kid)
			}
			maps.Copy(before, now)
			for d := time.Duration(0); d < time.Hour; d += 4 * time.Minute { // across the end of a day
				if d == 4*time.Minute { // the token is still good
					for _, n := range nodes {
						_, err := bearer(t.Context(), n, access)
						ok(t, err)
					}
				}
				r.clock.Advance(4 * time.Minute)
			}
		}
		if len(before) != 3 && len(before) != 4 {
			t.Fatalf("%d keys in 60 hours", len(before))
		}
		if n := len(published(t, r.Service)); n > 2 {
			t.Fatalf("%d keys are published", n)
		}
	})
}

// A token that was signed in the last moment of a key's day is good in the next.
func TestAKeyIsPublishedUntilItsLastTokenExpires(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		r.clock.Advance(12*time.Hour - time.Second) // from noon
		last := r.signIn("owner@example.org", "")
		r.clock.Advance(identity.AccessLife)
		for _, n := range []*identity.Service{r.Service, r.node()} {
			want(t, "published", len(published(t, n)), 2)
			_, err := bearer(t.Context(), n, last.Access)
			ok(t, err)
		}
		r.clock.Advance(10 * time.Second)
		want(t, "published", len(published(t, r.Service)), 1)
	})
}

func TestManyNodesMakeOneKey(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := bare(t, on)
		var wait sync.WaitGroup
		for range 8 {
			n := r.node()
			wait.Go(func() { published(t, n) })
		}
		wait.Wait()
		want(t, "keys", len(published(t, r.Service)), 1)
	})
}

func TestAllTokensEndWhenTheKeysAreReplaced(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		other := r.node()
		for _, n := range []*identity.Service{r.Service, other} {
			_, err := bearer(t.Context(), n, r.owner.Access)
			ok(t, err)
		}
		ok(t, r.RotateSigning(t.Context(), r.operator()))
		_, err := bearer(t.Context(), r.Service, r.owner.Access)
		wantCode(t, "here", err, core.Unauthenticated)
		next, err := r.Refresh(t.Context(), r.owner.Refresh, home)
		ok(t, err)
		r.clock.Advance(time.Second)
		_, err = bearer(t.Context(), other, next.Access) // whose kid it doesn't know
		ok(t, err)
		r.clock.Advance(4 * time.Second)
		_, err = bearer(t.Context(), other, r.owner.Access)
		wantCode(t, "elsewhere", err, core.Unauthenticated)
	})
}

func FuzzBearer(f *testing.F) {
	r := newRig(f, onSQLite)
	key := r.key(r.owner.Principal, identity.NewKey{})
	f.Add(r.owner.Access)
	f.Add(key)
	f.Add(r.owner.Session)
	f.Add("isk_' OR '1'='1_" + key[len(key)-52:])
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range []identity.Credential{{Bearer: text}, {Cookie: text}} {
			_, err := r.Authenticate(t.Context(), c)
			good := text == key || text == r.owner.Access || text == r.owner.Session
			if err == nil && !good || err != nil && core.CodeOf(err) != core.Unauthenticated {
				t.Errorf("%+v: %v", c, err)
			}
		}
	})
}
