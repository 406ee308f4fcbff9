package identity

import (
	"cmp"
	"context"
	"net/netip"
	"strconv"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// SignIn is what people type.
type SignIn struct {
	Email, Password string
	Code            string     // of the second factor, or a recovery code; if there is one
	Org             core.OrgID // one of the user's; "": the one that is his by default
	Address         netip.Addr
}

// SignIn begins a session for a user with a password. It fails as unauthenticated,
// the same way whether there is such a user or not; with a hint that a code is missing if
// only that is; as exhausted if he has to wait (Wait says how long); as denied for a user
// who belongs to no org, and as not_found for an org that isn't his.
func (s *Service) SignIn(ctx context.Context, in SignIn) (Tokens, error) {
	email, err := normalEmail(in.Email)
	if err != nil {
		email = in.Email // of nobody
	}
	u, err := s.prove(ctx, email, in)
	if err == nil {
		var org core.OrgID
		if org, err = s.chooseOrg(ctx, u, in.Org); err == nil {
			t, err := s.begin(ctx, u, org, "password", in.Address)
			s.tellSignIn(ctx, u.ID, org, "password", in.Address, err)
			return t, err
		}
	}
	s.tellSignIn(ctx, u.ID, core.Installation, "password", in.Address, err)
	return Tokens{}, err
}

// toldRate bounds the refused sign-ins that are told one by one. It is one for all: an
// account that isn't there takes the same time as one that is.
var toldRate = store.Rate{Burst: 30, Per: time.Minute}

// tellSignIn tells the audit log of a sign-in. It isn't told of one that wasn't looked at,
// nor of more refused ones than toldRate, or strangers could fill it as fast as they ask:
// the next one says how many this node has left out.
func (s *Service) tellSignIn(ctx context.Context, user string, org core.OrgID, by string, from netip.Addr, err error, detail ...string) {
	switch core.CodeOf(err) {
	case core.Exhausted, core.Unavailable, core.Canceled:
		return
	case "":
	default:
		if s.draw(context.WithoutCancel(ctx), "sign_in/told", toldRate) != nil {
			s.untold.Add(1)
			return
		}
		if n := s.untold.Swap(0); n > 0 {
			detail = append(detail, "untold", strconv.FormatInt(n, 10))
		}
	}
	e := Event{Action: "sign_in", Actor: core.Actor{Kind: core.ActorUser, ID: user}, Org: org, Target: user, Outcome: "ok"}
	detail = append(detail, "by", by)
	if err != nil {
		e.Outcome = "refused"
		detail = append(detail, "code", string(core.CodeOf(err)))
	}
	s.tell(ctx, e, from, detail...)
}

// prove returns the user whose password and code these are. The user of an error is who
// it would have been, for the audit log.
func (s *Service) prove(ctx context.Context, email string, in SignIn) (store.Doc[userDoc], error) {
	a, err := s.attempt(ctx, email, whence(in.Address))
	if err != nil {
		return store.Doc[userDoc]{}, err
	}
	u, err := s.userByEmail(ctx, email)
	if err != nil {
		return u, err
	}
	ok, stale, err := s.hasher.verify(ctx, u.Data.Password, in.Password, a.known)
	if err != nil {
		return u, err
	}
	if !ok || u.Data.Disabled {
		return u, wrong()
	}
	if u, err = s.proveFactor(ctx, a, u, in.Code); err != nil {
		return u, err
	}
	if stale {
		s.rehash(ctx, u, in.Password)
	}
	a.succeeded(ctx)
	return u, nil
}

// wrong is the one answer to what was typed.
func wrong() *core.Error {
	return core.E(core.Unauthenticated, "sign_in", "e-mail address, password or code is wrong").WithHint("try again, or ask an operator for a new password")
}

// userByEmail returns a user of version 0 for an address that is nobody's.
func (s *Service) userByEmail(ctx context.Context, email string) (store.Doc[userDoc], error) {
	owner, err := emails.Find(ctx, s.cfg.Records, core.Installation, nameOf(email))
	if err != nil {
		return store.Doc[userDoc]{}, err
	}
	id := cmp.Or(owner.Data.User, "usr_nobody") // who is looked up as anybody is
	return users.Find(ctx, s.cfg.Records, core.Installation, string(id))
}

// rehash replaces a hash that has other parameters than ours. It can wait if it fails.
func (s *Service) rehash(ctx context.Context, u store.Doc[userDoc], password string) {
	hash, err := s.hasher.hash(ctx, password)
	if err == nil {
		old := u.Data.Password
		_, err = s.changeUser(ctx, core.UserID(u.ID), func(d *userDoc) error {
			if d.Password == old {
				d.Password = hash
			}
			return nil
		})
	}
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "a password keeps its old hash", "error", err)
	}
}
