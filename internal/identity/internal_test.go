package identity

import (
	"context"
	"crypto/ed25519"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

// derived is one use of argon2id.
type derived struct {
	time, memory uint32
	threads      uint8
	salt, size   int
}

// watch has the service note each hash that it computes.
func watch(s *Service) (seen func() []derived) {
	var mu sync.Mutex
	var all []derived
	inner := s.hasher.derive
	s.hasher.derive = func(password, salt []byte, time, memory uint32, threads uint8, size uint32) []byte {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, derived{time, memory, threads, len(salt), int(size)})
		return inner(password, salt, time, memory, threads, size)
	}
	return func() []derived {
		mu.Lock()
		defer mu.Unlock()
		got := all
		all = nil
		return got
	}
}

// Whether there is such a user, with a password or without, costs the same hash.
func TestEveryWrongSignInComputesOneHash(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), newService(t)
	create := func(email string, change func(*userDoc)) {
		u, err := s.CreateUser(ctx, Local(), NewUser{Email: email, Name: "x", Password: "correct horse battery"})
		if err == nil {
			_, err = s.changeUser(ctx, u.ID, func(d *userDoc) error { change(d); return nil })
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	create("known@example.org", func(*userDoc) {})
	create("disabled@example.org", func(d *userDoc) { d.Disabled = true })
	create("foreign@example.org", func(d *userDoc) { d.Password = "" })
	seen := watch(s)
	var first []derived
	for _, in := range []SignIn{
		{Email: "known@example.org", Password: "wrong password"},
		{Email: "unknown@example.org", Password: "wrong password"},
		{Email: "disabled@example.org", Password: "correct horse battery"},
		{Email: "foreign@example.org", Password: ""},
		{Email: "not an address", Password: ""},
	} {
		if _, err := s.SignIn(ctx, in); core.CodeOf(err) != core.Unauthenticated {
			t.Fatalf("%s: %v", in.Email, err)
		}
		got := seen()
		if len(got) != 1 || first != nil && got[0] != first[0] {
			t.Errorf("%s: computed %v, want %v", in.Email, got, first)
		}
		first = got
	}
}

// Claims that our own key signed, but that no access token has.
func TestWhatOurKeySignsIsNotYetAnAccessToken(t *testing.T) {
	t.Parallel()
	s := newService(t)
	ctx, now := t.Context(), time.Now()
	if _, err := s.JWKS(ctx); err != nil {
		t.Fatal(err)
	}
	e, err := signings.Get(ctx, s.cfg.Records, core.Installation, periodID(period(now)))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := newKeyring([]store.Doc[signingDoc]{e}, now)
	if err != nil {
		t.Fatal(err)
	}
	kid := ""
	for kid = range ring.public {
	}
	sign := func(typ jose.ContentType, c claims) string {
		key := jose.JSONWebKey{Key: ed25519.NewKeyFromSeed(e.Data.Seed), KeyID: kid}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, (&jose.SignerOptions{}).WithType(typ))
		if err != nil {
			t.Fatal(err)
		}
		token, err := jwt.Signed(signer).Claims(c).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := claims{Claims: jwt.Claims{
		Issuer: "isekai", Audience: jwt.Audience{"isekai"}, Subject: "usr_1", Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}, Session: "ses_1", Org: core.DefaultOrg}
	if _, err := s.verify(ctx, sign(accessType, good)); err != nil {
		t.Fatalf("a good one: %v", err)
	}
	for name, change := range map[string]func(*claims){
		"another issuer's":  func(c *claims) { c.Issuer = "other" },
		"for someone else":  func(c *claims) { c.Audience = jwt.Audience{"other"} },
		"for nobody":        func(c *claims) { c.Audience = nil },
		"without an end":    func(c *claims) { c.Expiry = nil },
		"ended":             func(c *claims) { c.Expiry = jwt.NewNumericDate(now.Add(-time.Minute)) },
		"not begun":         func(c *claims) { c.NotBefore = jwt.NewNumericDate(now.Add(time.Minute)) },
		"without a user":    func(c *claims) { c.Subject = "" },
		"another's path":    func(c *claims) { c.Subject = "usr_1/ses_2" },
		"without a session": func(c *claims) { c.Session = "" },
	} {
		c := good
		change(&c)
		if _, err := s.verify(ctx, sign(accessType, c)); core.CodeOf(err) != core.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.verify(ctx, sign("JWT", good)); core.CodeOf(err) != core.Unauthenticated {
		t.Errorf("of another type: %v", err)
	}
}

func newService(t *testing.T) *Service {
	t.Helper()
	db := sqlitetest.Open(t, sqlite.Config{})
	s, err := New(Config{Records: db, Quotas: db, Hashing: Hashing{Memory: 64, Time: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHashingIsBounded(t *testing.T) {
	t.Parallel()
	h := newHasher(Hashing{Memory: 64, Time: 1, Threads: 1})
	const atOnce = 2
	h.turns = make(chan struct{}, atOnce)
	var running, most atomic.Int32
	entered, hold := make(chan struct{}, hashesWaiting+hashesKept+atOnce), make(chan struct{})
	h.derive = func([]byte, []byte, uint32, uint32, uint8, uint32) []byte {
		n := running.Add(1)
		defer running.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		entered <- struct{}{}
		<-hold
		return make([]byte, sumSize)
	}
	var wait sync.WaitGroup
	for range atOnce + hashesWaiting {
		wait.Go(func() {
			if _, err := h.hash(t.Context(), "x"); err != nil {
				t.Error(err)
			}
		})
	}
	for range atOnce {
		<-entered
	}
	for h.waiting.Load() < atOnce+hashesWaiting {
		time.Sleep(time.Millisecond) // nothing tells when the last one waits
	}
	if _, err := h.hash(t.Context(), "x"); core.CodeOf(err) != core.Unavailable {
		t.Errorf("one too many: %v", err)
	}
	for range hashesKept {
		wait.Go(func() {
			if _, _, err := h.verify(t.Context(), "", "x", true); err != nil {
				t.Errorf("who was here before: %v", err)
			}
		})
	}
	for h.waiting.Load() < atOnce+hashesWaiting+hashesKept {
		time.Sleep(time.Millisecond) // nothing tells when the last one waits
	}
	if _, _, err := h.verify(t.Context(), "", "x", true); core.CodeOf(err) != core.Unavailable {
		t.Errorf("one too many of those: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	close(hold)
	wait.Wait()
	if most.Load() != atOnce {
		t.Errorf("%d ran at once, want %d", most.Load(), atOnce)
	}
	h.turns <- struct{}{}
	h.turns <- struct{}{}
	if _, err := h.hash(gone, "x"); core.CodeOf(err) != core.Canceled {
		t.Errorf("one who went: %v", err)
	}
	if n := h.waiting.Load(); n != 0 {
		t.Errorf("%d wait afterwards", n)
	}
}

func TestAPasswordMatchesItsHash(t *testing.T) {
	t.Parallel()
	h := newHasher(Hashing{Memory: 64, Time: 1, Threads: 1})
	stored, err := h.hash(t.Context(), "schöne Grüße")
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatalf("%s, %v", stored, err)
	}
	again, _ := h.hash(t.Context(), "schöne Grüße")
	if again == stored {
		t.Error("two hashes have one salt")
	}
	later := newHasher(Hashing{Memory: 128, Time: 1, Threads: 1})
	for _, c := range []struct {
		h         *hasher
		password  string
		ok, stale bool
	}{
		{h, "schöne Grüße", true, false},
		{h, "scho\u0308ne Gru\u0308ße", true, false}, // the same, as another keyboard makes it
		{h, "schöne Grüsse", false, false},
		{h, "", false, false},
		{later, "schöne Grüße", true, true},
	} {
		ok, stale, err := c.h.verify(t.Context(), stored, c.password, false)
		if err != nil || ok != c.ok || stale != c.stale {
			t.Errorf("%q: %v, %v, %v", c.password, ok, stale, err)
		}
	}
	if ok, _, err := h.verify(t.Context(), "", "anything", false); ok || err != nil {
		t.Errorf("nobody's password: %v, %v", ok, err)
	}
}

// The vectors of RFC 6238, appendix B, in six digits; and pquerna/otp over a day.
func TestCodesByTimeAreThoseOfTheRFC(t *testing.T) {
	t.Parallel()
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got := totpAt(secret, at/30); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
	for at := int64(1_750_000_000); at < 1_750_000_000+86400; at += 1111 {
		code, err := totp.GenerateCodeCustom(totpText(secret), time.Unix(at, 0), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix})
		if got := totpAt(secret, at/30); err != nil || got != code {
			t.Errorf("at %d: %s, want %s, %v", at, got, code, err)
		}
	}
}

func TestACodeIsGoodForItsStepAndThoseBeside(t *testing.T) {
	t.Parallel()
	secret := []byte("12345678901234567890")
	const now, step = int64(1_750_000_000), int64(1_750_000_000) / 30
	for d := int64(-3); d <= 3; d++ {
		got, ok := checkTOTP(secret, totpAt(secret, step+d), now, 0)
		if near := d >= -1 && d <= 1; ok != near || ok && got != step+d {
			t.Errorf("%d steps off: %d, %v", d, got, ok)
		}
	}
	if _, ok := checkTOTP(secret, totpAt(secret, step), now, step); ok {
		t.Error("a step was used twice")
	}
	if _, ok := checkTOTP(secret, totpAt(secret, step-1), now, step); ok {
		t.Error("a step was used after a later one")
	}
}

// A read that began before a change must not be kept after it.
func TestTheCacheKeepsNothingThatWasForgottenMeanwhile(t *testing.T) {
	t.Parallel()
	c := newRecordCache(10)
	key := recordKey{"org_a", "user", "usr_1"}
	now := time.Unix(1000, 0)
	reading := c.reading()
	c.forget("org_a", []recordKey{{kind: "user", id: "usr_1"}})
	c.put(key, "old", now, reading)
	if _, _, ok := c.get(key, now); ok {
		t.Fatal("what was forgotten is known")
	}
	c.put(key, "new", now, c.reading())
	for age, want := range map[time.Duration]bool{0: true, renewAge - 1: true, maxAge: false, -1: false} {
		if _, _, ok := c.get(key, now.Add(age)); ok != want {
			t.Errorf("after %v: %v", age, ok)
		}
	}
	// One renews it, the others go on with it.
	if _, _, ok := c.get(key, now.Add(renewAge)); ok {
		t.Error("nobody renews it")
	}
	if _, _, ok := c.get(key, now.Add(renewAge)); !ok {
		t.Error("everybody renews it")
	}
	for i := range 100 {
		c.put(recordKey{"org_a", "user", string(rune('a' + i))}, i, now, c.reading())
	}
	if n := c.items.order.Len(); n != 10 || len(c.items.items) != 10 {
		t.Errorf("%d are kept", n)
	}
}

func FuzzPHC(f *testing.F) {
	f.Add(phc(DefaultHashing, make([]byte, 16), make([]byte, 32)))
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$AAAAAAAAAAA$AA")
	f.Fuzz(func(t *testing.T, s string) {
		p, salt, sum, err := parsePHC(s)
		if err == nil && (phc(p, salt, sum) != s || p.Memory > 1<<20 || p.Time > 16 || p.Threads == 0) {
			t.Errorf("%q was read as %v", s, p)
		}
	})
}

func FuzzCredentialText(f *testing.F) {
	secret := newSecret()
	f.Add(text(keyForm, secret, "key_01jd2k3m4n5p6q7r8s9t0v1w2x"))
	f.Add(text(cookieForm, secret, "usr_1", "ses_1"))
	f.Add(text(refreshForm, secret+secret, "usr_1", "ses_1"))
	f.Add("isk_' OR '1'='1_" + secret)
	f.Fuzz(func(t *testing.T, s string) {
		if id, secret, ok := parseKey(s); ok && (text(keyForm, secret, string(id)) != s || !core.ValidID("key", string(id))) {
			t.Errorf("%q was read as the key %s", s, id)
		}
		for _, form := range []string{cookieForm, refreshForm} {
			user, id, secret, ok := parseSession(form, s)
			if ok && (text(form, secret, string(user), id) != s || !core.ValidID("usr", string(user)) || !core.ValidID("ses", id)) {
				t.Errorf("%q was read as the session %s of %s", s, id, user)
			}
		}
	})
}

func FuzzEmail(f *testing.F) {
	f.Add("Ann@Example.ORG")
	f.Add("\"a b\"@example.org")
	f.Fuzz(func(t *testing.T, s string) {
		email, err := normalEmail(s)
		if err != nil {
			return
		}
		if again, err := normalEmail(email); err != nil || again != email {
			t.Errorf("%q becomes %q, and that %q, %v", s, email, again, err)
		}
	})
}

// What several records say together is good for as long as each of them is, and until this
// node changes any.
func TestAHolderStandsWhileItsRecordsDo(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	h := holder{reading: 7}
	for _, r := range []struct{ read, expires time.Time }{{at(1001), time.Time{}}, {at(1000), at(1002)}, {at(1002), at(1100)}} {
		h.with(r.read, r.expires)
	}
	lasting := h
	lasting.until = time.Time{}
	for name, c := range map[string]struct {
		holder
		now     time.Time
		reading uint64
		want    bool
	}{
		"just read":                      {h, at(1001), 7, true},
		"when one expires":               {h, at(1002), 7, false},
		"before the first is to be read": {lasting, at(1000).Add(renewAge - 1), 7, true},
		"when it is":                     {lasting, at(1000).Add(renewAge), 7, false},
		"by a clock that was set back":   {lasting, at(999), 7, false},
		"after a change":                 {lasting, at(1001), 8, false},
	} {
		if got := c.stands(c.now, c.reading); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
