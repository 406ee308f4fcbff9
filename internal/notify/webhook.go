package notify

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Webhook is an endpoint of a project's, without its secret.
type Webhook struct {
	ID      string // "whk_..."
	Project core.ProjectID
	URL     string
	Types   []string // of notices; none: all
	Note    string   // for people
	// Prompts has messages quote what was asked, answered and said, too.
	Prompts bool
	// Disabled says that nothing is sent, and Why, unless a person wanted it so.
	Disabled bool
	Why      string
	By       core.UserID // who made it
	Created  time.Time
	// Failing is since when nothing was taken; zero: the last message was.
	Failing  time.Time
	Revision int64
}

// NewWebhook is an endpoint as somebody wants it.
type NewWebhook struct {
	URL      string
	Types    []string
	Note     string
	Prompts  bool
	Disabled bool
}

// The bounds of an org's endpoints.
const (
	MaxWebhooks = 50 // of an org
	maxURL      = 2000
	maxNote     = 200 // characters
	// OldSecret is how long the secret before is used besides a new one.
	OldSecret = 24 * time.Hour
)

type hookDoc struct {
	Project  core.ProjectID
	URL      string
	Types    []string
	Note     string
	Prompts  bool
	Disabled bool
	Why      string    // it was disabled by what it did; "": by a person
	Ended    time.Time // when it was, by what it did
	By       core.UserID
	Created  time.Time
	Failing  time.Time
}

func (h *hookDoc) disable(at time.Time, why string) { h.Disabled, h.Ended, h.Why = true, at, why }

// secretDoc is apart from the rest, so that what lists never reads it.
type secretDoc struct{ Keys []hookKey } // the newest first

type hookKey struct {
	Key   []byte
	Until time.Time // zero: for good
}

const (
	hooks   store.Kind[hookDoc]   = "webhook"        // by id
	secrets store.Kind[secretDoc] = "webhook_secret" // by id
)

func hookOf(d store.Doc[hookDoc]) Webhook {
	h := d.Data
	return Webhook{
		ID: d.ID, Project: h.Project, URL: h.URL, Types: h.Types, Note: h.Note, Prompts: h.Prompts, Disabled: h.Disabled, Why: h.Why, By: h.By,
		Created: h.Created, Failing: h.Failing, Revision: d.Version,
	}
}

// wants reports whether messages about a notice are for the endpoint.
func (h hookDoc) wants(n Notice) bool {
	return !h.Disabled && (n.Project == "" || n.Project == h.Project) && (len(h.Types) == 0 || slices.Contains(h.Types, n.Type))
}

// AddWebhook makes an endpoint and returns its secret, which isn't shown again. Errors: invalid;
// exhausted: the org has MaxWebhooks.
func (s *Service) AddWebhook(ctx context.Context, scope core.Scope, by core.UserID, n NewWebhook) (Webhook, string, error) {
	if err := s.checkHook(&n); err != nil {
		return Webhook{}, "", err
	}
	all, err := hooks.All(ctx, s.cfg.Records, scope.Org, "", MaxWebhooks)
	if err != nil {
		return Webhook{}, "", err
	}
	if len(all) >= MaxWebhooks {
		return Webhook{}, "", core.E(core.Exhausted, "webhook", "the org has as many webhooks as it may").WithHint("remove one")
	}
	d := store.Doc[hookDoc]{ID: s.cfg.IDs("whk"), Data: hookDoc{
		Project: scope.Project, URL: n.URL, Types: n.Types, Note: n.Note, Prompts: n.Prompts, Disabled: n.Disabled, By: by, Created: s.cfg.Now().UTC(),
	}}
	key := newSecret()
	secret := store.Doc[secretDoc]{ID: d.ID, Data: secretDoc{[]hookKey{{Key: key}}}}
	if err := s.cfg.Records.Write(ctx, scope.Org, hooks.Put(d), secrets.Put(secret)); err != nil {
		return Webhook{}, "", err
	}
	d.Version = 1
	return hookOf(d), secretText(key), nil
}

// checkHook returns an invalid error for an endpoint that can't be. Whether its address may be
// reached shows when something is sent: names can change.
func (s *Service) checkHook(n *NewWebhook) error {
	const op = "webhook"
	u, err := url.Parse(n.URL)
	switch {
	case err != nil || len(n.URL) > maxURL || u.Host == "" || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http":
		return core.E(core.Invalid, op, "the address isn't a URL").WithHint("as in https://example.com/isekai") // which it doesn't quote: it may hold a secret
	case u.User != nil:
		return core.E(core.Invalid, op, "the address has a user or a password in it").WithHint("receivers know messages by their signatures")
	case u.Scheme == "http" && !s.cfg.AllowHTTP:
		return core.E(core.Invalid, op, "the address has no TLS").WithHint("use https://; an operator can allow http:// by webhooks.http")
	case utf8.RuneCountInString(n.Note) > maxNote || strings.ContainsFunc(n.Note, unicode.IsControl) || !utf8.ValidString(n.Note):
		return core.E(core.Invalid, op, "the note is one line of up to 200 characters")
	}
	slices.Sort(n.Types)
	n.Types = slices.Compact(n.Types)
	for _, t := range n.Types {
		if _, ok := TypeOf(t); !ok {
			return core.E(core.Invalid, op, "there is no type of notice "+t).WithHint("there are " + strings.Join(TypeNames(), ", "))
		}
	}
	return nil
}

// Webhooks returns the project's endpoints, by id.
func (s *Service) Webhooks(ctx context.Context, scope core.Scope) ([]Webhook, error) {
	all, err := hooks.All(ctx, s.cfg.Records, scope.Org, "", MaxWebhooks)
	mine := []Webhook{}
	for _, d := range all {
		if d.Data.Project == scope.Project {
			mine = append(mine, hookOf(d))
		}
	}
	return mine, err
}

// Webhook returns one of the project's endpoints, or not_found.
func (s *Service) Webhook(ctx context.Context, scope core.Scope, id string) (Webhook, error) {
	d, err := s.hook(ctx, scope, id)
	return hookOf(d), err
}

func (s *Service) hook(ctx context.Context, scope core.Scope, id string) (store.Doc[hookDoc], error) {
	d, err := hooks.Find(ctx, s.cfg.Records, scope.Org, id)
	if err == nil && (d.Version == 0 || d.Data.Project != scope.Project) {
		err = noHook()
	}
	return d, err
}

func noHook() error {
	return core.E(core.NotFound, "webhook", "there is no such webhook").WithHint("isekai webhook list shows those of the project")
}

// SetWebhook gives an endpoint other settings, if it has the revision still (0: whatever it
// has). One that is enabled again starts with a clean slate.
func (s *Service) SetWebhook(ctx context.Context, scope core.Scope, id string, revision int64, n NewWebhook) (Webhook, error) {
	if err := s.checkHook(&n); err != nil {
		return Webhook{}, err
	}
	return s.changeHook(ctx, scope, id, revision, func(h *hookDoc) {
		if h.Disabled && !n.Disabled {
			h.Why, h.Failing = "", time.Time{}
		}
		h.URL, h.Types, h.Note, h.Prompts, h.Disabled = n.URL, n.Types, n.Note, n.Prompts, n.Disabled
	})
}

func (s *Service) changeHook(ctx context.Context, scope core.Scope, id string, revision int64, change func(*hookDoc)) (Webhook, error) {
	var d store.Doc[hookDoc]
	err := store.Update(ctx, s.cfg.Records, scope.Org, func() (_ []store.Change, err error) {
		if d, err = s.hook(ctx, scope, id); err != nil {
			return nil, err
		}
		if revision > 0 && d.Version != revision {
			return nil, core.E(core.Conflict, "webhook", "the webhook was changed meanwhile").WithHint("look at it again")
		}
		change(&d.Data)
		return []store.Change{hooks.Put(d)}, nil
	})
	d.Version++
	return hookOf(d), err
}

// RemoveWebhook removes an endpoint. What was to be sent to it isn't.
func (s *Service) RemoveWebhook(ctx context.Context, scope core.Scope, id string, revision int64) error {
	return store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		d, err := s.hook(ctx, scope, id)
		if err != nil {
			return nil, err
		}
		if revision > 0 && d.Version != revision {
			return nil, core.E(core.Conflict, "webhook", "the webhook was changed meanwhile").WithHint("look at it again")
		}
		k, err := secrets.Get(ctx, s.cfg.Records, scope.Org, id)
		if err != nil {
			return nil, err
		}
		return []store.Change{hooks.Drop(d), secrets.Drop(k)}, nil
	})
}

// RotateSecret gives an endpoint a new secret, which isn't shown again. For OldSecret messages
// are signed with the one before, too.
func (s *Service) RotateSecret(ctx context.Context, scope core.Scope, id string) (string, error) {
	if _, err := s.hook(ctx, scope, id); err != nil {
		return "", err
	}
	key := newSecret()
	err := store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		d, err := secrets.Get(ctx, s.cfg.Records, scope.Org, id)
		if err != nil {
			return nil, err
		}
		old := d.Data.Keys[0]
		old.Until = s.cfg.Now().Add(OldSecret)
		d.Data.Keys = []hookKey{{Key: key}, old}
		return []store.Change{secrets.Put(d)}, nil
	})
	return secretText(key), err
}

// keys returns what messages to an endpoint are signed with at the moment.
func (s *Service) keys(ctx context.Context, org core.OrgID, id string) ([][]byte, error) {
	d, err := secrets.Get(ctx, s.cfg.Records, org, id)
	if err != nil {
		return nil, err
	}
	var keys [][]byte
	for _, k := range d.Data.Keys {
		if k.Until.IsZero() || s.cfg.Now().Before(k.Until) {
			keys = append(keys, k.Key)
		}
	}
	return keys, nil
}
