package identity

import (
	"context"
	"errors"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Factor is a second factor to be: what an authenticator app is given.
type Factor struct {
	Secret string // in base 32
	URL    string // otpauth://, as a picture
}

// ErrCodeNeeded is in the chain of SignIn's error for a right password without a code.
var ErrCodeNeeded = errors.New("a code is needed")

type factorDoc struct {
	Secret    []byte
	Confirmed bool     // an app has it
	Last      int64    // the step whose code was used last
	Recovery  [][]byte // digests of the codes that weren't used
}

func (f *factorDoc) active() bool { return f != nil && f.Confirmed }

// proveFactor checks the code of a user who has a second factor, and uses it up.
func (s *Service) proveFactor(ctx context.Context, a attempt, u store.Doc[userDoc], code string) (store.Doc[userDoc], error) {
	if !u.Data.Factor.active() {
		return u, nil
	}
	if code == "" { // counted as a failure, or it would forget those of codes
		return u, core.E(core.Unauthenticated, "sign_in", "a code of the second factor is needed").WithHint("give the six digits of the authenticator app, or a recovery code").Because(ErrCodeNeeded)
	}
	if isTOTP(code) {
		if err := a.code(ctx); err != nil {
			return u, err
		}
	}
	return s.changeProved(ctx, u, func(d *userDoc) error {
		if !d.Factor.use(code, s.cfg.Now().Unix()) {
			return wrong()
		}
		return nil
	})
}

// use reports whether a code is good, and sees to it that it isn't again.
func (f *factorDoc) use(code string, now int64) bool {
	if !f.active() {
		return false
	}
	if step, ok := checkTOTP(f.Secret, code, now, f.Last); ok {
		f.Last = step
		return true
	}
	for i, d := range f.Recovery {
		if matches(plainRecovery(code), d) {
			f.Recovery = append(f.Recovery[:i:i], f.Recovery[i+1:]...)
			return true
		}
	}
	return false
}

// EnrolTOTP begins a second factor for the one who asks, which is one when ConfirmTOTP was
// called. conflict: there is one.
func (s *Service) EnrolTOTP(ctx context.Context, p Principal, password string) (Factor, error) {
	if err := p.May(Self); err != nil {
		return Factor{}, err
	}
	proved, err := s.proveAgain(ctx, p, password)
	if err != nil {
		return Factor{}, err
	}
	secret := randomBytes(totpSecret)
	u, err := s.changeProved(ctx, proved, func(d *userDoc) error {
		if d.Factor.active() {
			return core.E(core.Conflict, "totp", "there is a second factor").WithHint("disable it first").Because(errFinal)
		}
		d.Factor = &factorDoc{Secret: secret}
		return nil
	})
	return Factor{Secret: totpText(secret), URL: totpURL(secret, "Isekai", u.Data.Email)}, err
}

// ConfirmTOTP makes the enrolled factor one that is asked for, by its first code, and
// returns recovery codes, which aren't shown again.
func (s *Service) ConfirmTOTP(ctx context.Context, p Principal, code string) (recovery []string, err error) {
	if err := p.May(Self); err != nil {
		return nil, err
	}
	recovery = newRecovery()
	_, err = s.changeUser(ctx, p.User, func(d *userDoc) error {
		if d.Factor == nil || d.Factor.Confirmed {
			return core.E(core.Conflict, "totp", "nothing is to be confirmed").WithHint("enrol first").Because(errFinal)
		}
		step, ok := checkTOTP(d.Factor.Secret, code, s.cfg.Now().Unix(), 0)
		if !ok {
			return core.E(core.Invalid, "totp", "the code is wrong").WithHint("check the clock of the phone")
		}
		d.Factor.Confirmed, d.Factor.Last, d.Factor.Recovery = true, step, nil
		for _, c := range recovery {
			d.Factor.Recovery = append(d.Factor.Recovery, digest(plainRecovery(c)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.note(ctx, p, "totp.enable", string(p.User))
	return recovery, nil
}

// DisableTOTP takes the second factor of the one who asks away.
func (s *Service) DisableTOTP(ctx context.Context, p Principal, password string) error {
	if err := p.May(Self); err != nil {
		return err
	}
	proved, err := s.proveAgain(ctx, p, password)
	if err != nil {
		return err
	}
	_, err = s.changeProved(ctx, proved, func(d *userDoc) error { d.Factor = nil; return nil })
	if err == nil {
		s.note(ctx, p, "totp.disable", string(p.User))
	}
	return err
}
