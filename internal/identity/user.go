package identity

import (
	"context"
	"net/mail"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// User is a person, or a service: what acts on its own, by API keys alone.
type User struct {
	ID           core.UserID
	Email        string // "" of a service
	Name         string
	Service      bool
	Disabled     bool
	HasPassword  bool
	SecondFactor bool
	Created      time.Time
}

// NewUser is a person to be.
type NewUser struct {
	Email, Name, Password string
	Address               netip.Addr // whence the person comes, if it is himself who asks
}

type userDoc struct {
	Email    string
	Verified bool // the address is known to be the user's
	Name     string
	Password string // a hash; "": none
	Service  bool
	Disabled bool
	Foreign  bool       // a subject of an issuer stands for the user
	Home     core.OrgID // to sign in to, unless another is asked for
	// The epochs end all sessions and all keys that began in another one.
	SessionEpoch, KeyEpoch int
	Factor                 *factorDoc
	Created                time.Time
}

func userOf(e store.Doc[userDoc]) User {
	d := e.Data
	return User{
		ID: core.UserID(e.ID), Email: d.Email, Name: d.Name, Service: d.Service, Disabled: d.Disabled,
		HasPassword: d.Password != "", SecondFactor: d.Factor.active(), Created: d.Created,
	}
}

// The bounds of names, addresses and lists.
const (
	maxName  = 100 // characters
	maxEmail = 254 // bytes, as in RFC 5321
	pageSize = 200
)

// normalEmail returns the one form of an e-mail address as a name to sign in by.
func normalEmail(s string) (string, error) {
	s = strings.ToLower(norm.NFC.String(strings.TrimSpace(s)))
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || a.Name != "" || len(s) > maxEmail {
		return "", core.E(core.Invalid, "email", "not an e-mail address").WithHint("as in ann@example.org")
	}
	return s, nil
}

// normalName returns a name without what can't be seen.
func normalName(s, what string) (string, error) {
	s = norm.NFC.String(strings.TrimSpace(s))
	if s == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxName || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", core.E(core.Invalid, "name", what+" takes a name of 1 to 100 characters on one line")
	}
	return s, nil
}

// newUser checks and makes a user who isn't stored yet.
func (s *Service) newUser(ctx context.Context, n NewUser) (store.Doc[userDoc], error) {
	e := store.Doc[userDoc]{ID: s.cfg.IDs("usr"), Data: userDoc{Created: s.cfg.Now()}}
	var err error
	if e.Data.Email, err = normalEmail(n.Email); err != nil {
		return e, err
	}
	if e.Data.Name, err = normalName(n.Name, "a user"); err != nil {
		return e, err
	}
	if err = checkPassword(n.Password, e.Data.Email, s.cfg.Breached); err != nil {
		return e, err
	}
	e.Data.Password, err = s.hasher.hash(ctx, n.Password)
	return e, err
}

// taken says so of a conflict about an address.
func taken(err error) error {
	if core.CodeOf(err) != core.Conflict {
		return err
	}
	return core.E(core.Conflict, "user", "there is a user with this e-mail address").WithHint("sign in as that user").Because(errFinal)
}

// CreateUser makes a person, for whose address the operator vouches. conflict: the
// address is another's.
func (s *Service) CreateUser(ctx context.Context, p Principal, n NewUser) (User, error) {
	if err := p.May(OperatePeople); err != nil {
		return User{}, err
	}
	e, err := s.newUser(ctx, n)
	if err != nil {
		return User{}, err
	}
	e.Data.Verified = true
	err = s.write(ctx, core.Installation, users.Put(e), create(emails, nameOf(e.Data.Email), ownerDoc{core.UserID(e.ID)}))
	if err != nil {
		return User{}, taken(err)
	}
	s.noteOperator(ctx, p, nil, "user.create", e.ID)
	return userOf(e), nil
}

// User returns a user: everyone himself, operators anyone.
func (s *Service) User(ctx context.Context, p Principal, id core.UserID) (User, error) {
	action := OperateRead
	if id == p.User {
		action = Self
	}
	if err := p.May(action); err != nil {
		return User{}, err
	}
	e, err := users.Get(ctx, s.cfg.Records, core.Installation, string(id))
	return userOf(e), absent(err, "user")
}

// UserByEmail returns the user who signs in by an address, for operators. not_found: it is
// nobody's.
func (s *Service) UserByEmail(ctx context.Context, p Principal, email string) (User, error) {
	if err := p.May(OperateRead); err != nil {
		return User{}, err
	}
	email, err := normalEmail(email)
	if err != nil {
		return User{}, err
	}
	e, err := s.userByEmail(ctx, email)
	if err == nil && e.Version == 0 {
		err = core.E(core.NotFound, "user", "no user has this e-mail address")
	}
	return userOf(e), err
}

// Users returns up to limit users after one, by id.
func (s *Service) Users(ctx context.Context, p Principal, after core.UserID, limit int) ([]User, error) {
	if err := p.May(OperateRead); err != nil {
		return nil, err
	}
	found, err := users.List(ctx, s.cfg.Records, core.Installation, "", string(after), limit)
	var all []User
	for _, e := range found {
		all = append(all, userOf(e))
	}
	return all, err
}

// RenameUser changes the name of the one who asks.
func (s *Service) RenameUser(ctx context.Context, p Principal, name string) (User, error) {
	if err := p.May(Self); err != nil {
		return User{}, err
	}
	name, err := normalName(name, "a user")
	if err != nil {
		return User{}, err
	}
	e, err := s.changeUser(ctx, p.User, func(d *userDoc) error { d.Name = name; return nil })
	return userOf(e), err
}

// changeProved is changeUser for one who has just proved who he is. unauthenticated: his
// password or his sessions have been ended since, so that it may not have been him.
func (s *Service) changeProved(ctx context.Context, proved store.Doc[userDoc], change func(*userDoc) error) (store.Doc[userDoc], error) {
	return s.changeUser(ctx, core.UserID(proved.ID), func(d *userDoc) error {
		if !d.provedBy(proved) {
			return unknown()
		}
		return change(d)
	})
}

// provedBy reports whether what a user proved as he was then holds for him now.
func (d *userDoc) provedBy(then store.Doc[userDoc]) bool {
	return d.Password == then.Data.Password && d.SessionEpoch == then.Data.SessionEpoch
}

// changeUser changes a user as he is in the store.
func (s *Service) changeUser(ctx context.Context, id core.UserID, change func(*userDoc) error) (e store.Doc[userDoc], err error) {
	err = again(func() error {
		if e, err = users.Get(ctx, s.cfg.Records, core.Installation, string(id)); err != nil {
			return absent(err, "user")
		}
		if err = change(&e.Data); err != nil {
			return err
		}
		return s.write(ctx, core.Installation, users.Put(e))
	})
	return e, err
}
