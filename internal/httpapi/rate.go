package httpapi

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

// Rates are how many requests are let through. A rate that is zero has its default.
type Rates struct {
	Address store.Rate // of an address, whatever it asks for; this machine's own have none
	SignIn  store.Rate // of an address, for what needs no credential and does something
	Preview store.Rate // of an address, of the apps of all orgs
	User    store.Rate // of a user, in all orgs and with all keys
	Admin   store.Rate // of a user, for what changes who may do what
	Key     store.Rate // of an API key
	Project store.Rate
	Org     store.Rate
}

// DefaultRates are the rates of an installation that names none.
var DefaultRates = Rates{
	Address: store.Rate{Burst: 3000, Per: time.Minute},
	SignIn:  store.Rate{Burst: 30, Per: time.Minute},
	Preview: store.Rate{Burst: 3000, Per: time.Minute},
	User:    store.Rate{Burst: 2400, Per: time.Minute},
	Admin:   store.Rate{Burst: 120, Per: time.Minute},
	Key:     store.Rate{Burst: 1800, Per: time.Minute},
	Project: store.Rate{Burst: 6000, Per: time.Minute},
	Org:     store.Rate{Burst: 12000, Per: time.Minute},
}

// Check returns an invalid error for rates by which one user could use up what all of a
// project or an org share.
func (r Rates) Check() error {
	r = r.orDefault()
	for _, shared := range []store.Rate{r.Project, r.Org} {
		if float64(r.User.Burst) > float64(shared.Burst)/2 || perSecond(r.User) > perSecond(shared)/2 {
			return core.E(core.Invalid, "rates", "a user's rate is more than half of what a project or an org shares").
				WithHint("lower that of a user, or raise that of projects and orgs")
		}
	}
	return nil
}

func perSecond(r store.Rate) float64 { return float64(r.Burst) / r.Per.Seconds() }

func (r Rates) orDefault() Rates {
	for _, pair := range [][2]*store.Rate{
		{&r.Address, &DefaultRates.Address}, {&r.SignIn, &DefaultRates.SignIn}, {&r.Preview, &DefaultRates.Preview}, {&r.User, &DefaultRates.User}, {&r.Admin, &DefaultRates.Admin},
		{&r.Key, &DefaultRates.Key}, {&r.Project, &DefaultRates.Project}, {&r.Org, &DefaultRates.Org},
	} {
		if *pair[0] == (store.Rate{}) {
			*pair[0] = *pair[1]
		}
	}
	return r
}

// strict are the actions that change who may do what, or what it may cost.
var strict = map[identity.Action]bool{
	identity.OrgWrite: true, identity.MemberWrite: true, identity.ProjectWrite: true, identity.KeyWrite: true, identity.SecretWrite: true, identity.RedactWrite: true, identity.PermissionWrite: true, identity.RepositoryWrite: true,
	identity.BudgetWrite: true, identity.ModelWrite: true, identity.Self: true, identity.Operate: true, identity.OperatePeople: true,
}

// mostQuotas is how many limits a request comes under at once.
const mostQuotas = 5

// quota is a limit that a request comes under.
type quota struct {
	policy string // its name in headers
	bucketKey
	store.Rate
}

// limitAddress has next see no more requests of an address than its rate. Whether this
// process is alive may be asked for without end: that costs nothing.
func (s *server) limitAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rq := requestOf(r.Context())
		if !rq.own && r.URL.Path != livePath {
			if err := s.limit(r.Context(), rq, w.Header(), quota{"address", ofAddress("http/address/", rq.from), s.rates.Address}); err != nil {
				s.deny(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// limitPublic limits an operation that anybody may use and that does something: sign-in.
// It has answered if it returns false.
func (s *server) limitPublic(ctx huma.Context, rq *request) bool {
	if ctx.Method() == http.MethodGet || ctx.Method() == http.MethodHead {
		return true
	}
	_, w := humago.Unwrap(ctx)
	err := s.limit(ctx.Context(), rq, w.Header(), ofLines("sign-in", "http/sign_in/", rq.from, s.rates.SignIn)...)
	if err != nil {
		s.write(ctx, rq, err)
	}
	return err == nil
}

// limitPrincipal limits what somebody who is known does. Who owns an embedded
// installation is limited by nobody.
func (s *server) limitPrincipal(ctx huma.Context, rq *request, who identity.Principal, a identity.Action) error {
	if who.Operates {
		return nil
	}
	all := make([]quota, 0, mostQuotas) // one's own first: what these refuse is taken from nobody else
	if who.Key != "" {
		all = append(all, quota{"key", bucketKey{who.Scope.Org, "http/key/", string(who.Key)}, s.rates.Key})
	}
	all = append(all, quota{"user", bucketKey{core.Installation, "http/user/", string(who.User)}, s.rates.User})
	if strict[a] {
		all = append(all, quota{"admin", bucketKey{core.Installation, "http/admin/", string(who.User)}, s.rates.Admin})
	}
	all = append(all,
		quota{"project", bucketKey{who.Scope.Org, "http/project/", string(who.Scope.Project)}, s.rates.Project},
		quota{"org", bucketKey{who.Scope.Org, "http/org", ""}, s.rates.Org})
	_, w := humago.Unwrap(ctx)
	return s.limit(ctx.Context(), rq, w.Header(), all...)
}

// limit lets a request through if each quota does, and says in the headers how it is with
// the one that is nearest to its end. It asks them in order, and none after one that doesn't.
func (s *server) limit(ctx context.Context, rq *request, h http.Header, all ...quota) error {
	if s.limiter == nil {
		return nil
	}
	buckets := s.limiter.of(all)
	var nearest standing
	var of quota
	for i, q := range all {
		at, err := s.limiter.takeOf(ctx, buckets[i], q.Rate)
		if err != nil {
			return fmt.Errorf("limit: %w", err)
		}
		if !at.ok || of.policy == "" || float64(at.left)/float64(q.Burst) < float64(nearest.left)/float64(of.Burst) {
			nearest, of = at, q
		}
		if !at.ok {
			break
		}
	}
	rq.describe(h, of, nearest)
	if nearest.ok {
		return nil
	}
	return core.E(core.Exhausted, "request", "too many requests: the limit of the "+of.policy+" is "+strconv.Itoa(of.Burst)+" in "+of.Per.String()).
		WithHint("try again in " + wholeSeconds(nearest.wait) + " s")
}

// describe writes the headers of draft-ietf-httpapi-ratelimit-headers-10: the policy, and
// how many requests are left of it until when.
func (rq *request) describe(h http.Header, q quota, at standing) {
	full := time.Duration(float64(q.Per) * float64(q.Burst-at.left) / float64(q.Burst))
	// Names as http.CanonicalHeaderKey has them, and values in one string: each answer has them.
	b := make([]byte, 0, 96)
	b = parameters(b, q.policy, ";q=", q.Burst, ";w=", q.Per)
	n := len(b)
	both := string(parameters(b, q.policy, ";r=", at.left, ";t=", full))
	rq.rate = [...]string{both[:n], both[n:]}
	h["Ratelimit-Policy"], h["Ratelimit"] = rq.rate[:1:1], rq.rate[1:]
	if !at.ok {
		h.Set("Retry-After", wholeSeconds(at.wait))
	}
}

// parameters appends a policy's name with a number and a time.
func parameters(b []byte, policy, number string, n int, within string, d time.Duration) []byte {
	b = append(append(append(b, '"'), policy...), '"')
	b = strconv.AppendInt(append(b, number...), int64(n), 10)
	return strconv.AppendInt(append(b, within...), seconds(d), 10)
}

// seconds rounds up.
func seconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }

func wholeSeconds(d time.Duration) string { return strconv.FormatInt(seconds(d), 10) }

// ofAddress names the bucket of the line that an address is reached by.
func ofAddress(use string, a netip.Addr) bucketKey {
	return bucketKey{core.Installation, use, core.Line(a, 64)}
}

// ofLines are the quotas of an address for what strangers make expensive: of 64 bits of an
// IPv6 one; and of 56 and 48, which are one customer's too, but may be several people's.
func ofLines(policy, use string, a netip.Addr, r store.Rate) []quota {
	all := []quota{{policy, ofAddress(use, a), r}}
	if !a.Is6() {
		return all
	}
	for _, wider := range []struct{ bits, times int }{{56, 4}, {48, 16}} {
		r := store.Rate{Burst: r.Burst * wider.times, Per: r.Per}
		all = append(all, quota{policy, bucketKey{core.Installation, use, core.Line(a, wider.bits)}, r})
	}
	return all
}
