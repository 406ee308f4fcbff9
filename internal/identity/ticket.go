package identity

import (
	"context"
	"encoding/hex"
	"net/netip"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// A ticket is a link that works once: who has its token may do what it is for.
type ticketDoc struct {
	Purpose string
	User    core.UserID // whose password is set
	Epoch   int         // of his sessions: with a new password, older links end
	By      core.UserID
	// Where an invitation is, which says the rest.
	Org    core.OrgID
	Invite string
}

// The purposes.
const (
	setupTicket  = "setup"
	inviteTicket = "invite"
	resetTicket  = "reset"
)

var none netip.Addr // an address that isn't known

// newTicket stores a ticket and returns its token.
func (s *Service) newTicket(ctx context.Context, doc ticketDoc, life time.Duration) (string, error) {
	secret := newSecret()
	e := store.Doc[ticketDoc]{ID: hex.EncodeToString(digest(secret)), Expires: s.cfg.Now().Add(life), Data: doc}
	return text(ticketForm, secret), s.write(ctx, core.Installation, tickets.Put(e))
}

// ticket returns the ticket of a token. It is found by its digest: there is nothing left
// to compare. unauthenticated: it was used, has expired, is for something else, or made up.
func (s *Service) ticket(ctx context.Context, token, purpose string) (store.Doc[ticketDoc], error) {
	_, secret, ok := parse(ticketForm, token, secretChars)
	if !ok {
		return store.Doc[ticketDoc]{}, gone()
	}
	e, err := tickets.Get(ctx, s.cfg.Records, core.Installation, hex.EncodeToString(digest(secret)))
	if core.CodeOf(err) == core.NotFound || err == nil && e.Data.Purpose != purpose {
		return e, gone()
	}
	return e, err
}

func gone() *core.Error {
	return core.E(core.Unauthenticated, "link", "the link isn't valid any more").WithHint("ask for a new one")
}
