package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Link says what somebody may do by a link that he was sent, without signing in: one thing,
// until a time. What it is about is looked up when it is used: whether he still may, and
// whether the question still stands.
type Link struct {
	Purpose string         `json:"p"`
	Org     core.OrgID     `json:"o"`
	Project core.ProjectID `json:"j,omitempty"`
	User    core.UserID    `json:"u"`
	Task    core.TaskID    `json:"t,omitempty"`
	Call    core.CallID    `json:"c,omitempty"`
	Answers []core.Answer  `json:"a,omitempty"` // that it may give; none: all that the question has
	Type    string         `json:"k,omitempty"` // of notice
	Until   time.Time      `json:"x"`
}

// The purposes, and where the links lead below the API's address.
const (
	ToAnswer = "answer" // a question of a task
	ToMute   = "mute"   // e-mail about a type of notice

	AnswerPath = "/v1/approvals/link/"
	MutePath   = "/v1/mute/"
)

const (
	linkForm = "isl_" // isl_<link>.<signature>
	maxLink  = 2000   // characters
)

// linkKey is an org's own, in a record that is sealed: it goes when the org is shredded.
type linkKeyDoc struct{ Key []byte }

const linkKeys store.Kind[linkKeyDoc] = "notify_link_key"

const theOnlyID = "1" // of the one that an org has

// Sign makes the token of a link. Who has it is the user for what it says.
func (s *Service) Sign(ctx context.Context, l Link) (string, error) {
	var key []byte
	err := store.Update(ctx, s.cfg.Records, l.Org, func() ([]store.Change, error) {
		d, err := linkKeys.Find(ctx, s.cfg.Records, l.Org, theOnlyID)
		if key = d.Data.Key; err != nil || d.Version > 0 {
			return nil, err
		}
		key = newSecret()
		d.Data.Key = key
		return []store.Change{linkKeys.Put(d)}, nil
	})
	if err != nil {
		return "", err
	}
	l.Until = l.Until.UTC().Truncate(time.Second)
	b, err := json.Marshal(l)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(b)
	return linkForm + text + "." + base64.RawURLEncoding.EncodeToString(linkMAC(key, text)), nil
}

// Open returns what a token is for. unauthenticated: it is made up, for something else, or its
// time is over; which of these isn't said.
func (s *Service) Open(ctx context.Context, purpose, token string) (Link, error) {
	text, mark, ok := strings.Cut(strings.TrimPrefix(token, linkForm), ".")
	if !ok || len(token) > maxLink || !strings.HasPrefix(token, linkForm) {
		return Link{}, goneLink()
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(mark)
	if err != nil {
		return Link{}, goneLink()
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return Link{}, goneLink()
	}
	var l Link
	if json.Unmarshal(b, &l) != nil || !(l.Org == core.DefaultOrg || core.ValidID("org", string(l.Org))) {
		return Link{}, goneLink()
	}
	d, err := linkKeys.Find(ctx, s.cfg.Records, l.Org, theOnlyID)
	if core.CodeOf(err) == core.NotFound { // the org is gone
		return Link{}, goneLink()
	}
	if err != nil {
		return Link{}, err
	}
	if d.Version == 0 || !hmac.Equal(mac, linkMAC(d.Data.Key, text)) || l.Purpose != purpose || !s.now().Before(l.Until) {
		return Link{}, goneLink()
	}
	return l, nil
}

func linkMAC(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("isekai link 1\x00" + text))
	return mac.Sum(nil)
}

func goneLink() error {
	return core.E(core.Unauthenticated, "link", "the link isn't valid any more").WithHint("sign in instead")
}
