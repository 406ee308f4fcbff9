package notify

import (
	"context"
	"net/url"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Mailer sends e-mail. platform passes an SMTP client, or nothing.
type Mailer interface {
	// Send hands a letter to a server, which has taken it when Send returns. denied and invalid:
	// it never will; anything else may pass.
	Send(ctx context.Context, l Letter) error
}

// Letter is an e-mail to one person.
type Letter struct {
	ID      string // the same whenever it is sent
	To      string // an address
	Subject string
	Text    string
	HTML    string // "": there is none
	// Unsubscribe is where the receiver has no more of these by a POST (RFC 8058); "": nowhere.
	Unsubscribe string
}

type mailDoc struct {
	// Either a notice to a user, whose address is looked up when it is sent,
	User   core.UserID
	Notice Notice
	// or a letter as it is.
	Letter *Letter
	Tries  int
	Next   time.Time
}

const mails store.Kind[mailDoc] = "notify_mail"

const (
	keepMail = 2 * 24 * time.Hour // what couldn't be sent for so long isn't news
	muteLife = 90 * 24 * time.Hour
	askLife  = 7 * 24 * time.Hour
)

// mailSchedule is how long after a try the next one is.
var mailSchedule = []time.Duration{
	30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 12 * time.Hour,
}

// Rates of e-mail: what is above them waits.
var (
	userMail = store.Rate{Burst: 30, Per: time.Hour}
	orgMail  = store.Rate{Burst: 600, Per: time.Hour}
)

// mail has something written to somebody, once for each key.
func (s *Service) mail(ctx context.Context, org core.OrgID, m mailDoc, key string) error {
	m.Next = s.now()
	d := store.Doc[mailDoc]{ID: key, Expires: m.Next.Add(keepMail), Data: m}
	err := s.cfg.Records.Write(ctx, org, mails.Put(d))
	if core.CodeOf(err) == core.Conflict { // the event comes again: perhaps it wasn't put into the queue
		if d, err = mails.Find(ctx, s.cfg.Records, org, key); err == nil && (d.Version == 0 || d.Data.Next.IsZero()) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return s.enqueue(ctx, d.Data.Next, job{org, jobMail, key})
}

// Mails returns unsupported if no e-mail is sent here.
func (s *Service) Mails() error {
	if s.cfg.Mailer == nil {
		return core.E(core.Unsupported, "mail", "this installation sends no e-mail").WithHint("an operator sets smtp.host and smtp.from")
	}
	return nil
}

// Write has a letter sent, whatever becomes of this process: for what isn't a notice, as an
// invitation. unsupported: no e-mail is sent here.
func (s *Service) Write(ctx context.Context, org core.OrgID, l Letter) error {
	if err := s.Mails(); err != nil {
		return err
	}
	l.ID = s.cfg.IDs("msg")
	return s.mail(ctx, org, mailDoc{Letter: &l}, "letter/"+l.ID)
}

// tryMail tries to send a letter, and returns when to try again; the zero time is never.
func (s *Service) tryMail(ctx context.Context, j job) (time.Time, error) {
	d, err := mails.Get(ctx, s.cfg.Records, j.Org, j.Key)
	if err != nil || d.Data.Next.IsZero() || s.cfg.Mailer == nil {
		return time.Time{}, err
	}
	if d.Data.Next.After(s.now()) {
		return d.Data.Next, nil
	}
	l, err := s.letter(ctx, j.Org, d.Data)
	if err != nil {
		return time.Time{}, err
	}
	if l == nil {
		return s.posted(ctx, j.Org, d, time.Time{}, "dead")
	}
	if wait, err := s.drawMail(ctx, j.Org, l.To); err != nil || wait > 0 {
		return s.now().Add(wait), err
	}
	err = s.cfg.Mailer.Send(ctx, *l)
	d.Data.Tries++
	wait, more := after(mailSchedule, d.Data.Tries)
	switch code := core.CodeOf(err); {
	case ctx.Err() != nil:
		return time.Time{}, ctx.Err()
	case err == nil:
		return s.posted(ctx, j.Org, d, time.Time{}, "sent")
	case !more || code == core.Denied || code == core.Invalid:
		s.cfg.Log.WarnContext(ctx, "an e-mail isn't sent", "org", j.Org, "tries", d.Data.Tries, "err", err)
		return s.posted(ctx, j.Org, d, time.Time{}, "dead")
	}
	s.cfg.Log.InfoContext(ctx, "an e-mail is tried later", "org", j.Org, "tries", d.Data.Tries, "err", err)
	return s.posted(ctx, j.Org, d, s.now().Add(wait.Truncate(time.Millisecond)), "again")
}

// posted keeps what came of a try. What is over stays for a while, so that it isn't sent anew
// when its event comes again.
func (s *Service) posted(ctx context.Context, org core.OrgID, d store.Doc[mailDoc], next time.Time, outcome string) (time.Time, error) {
	if d.Data.Next = next; next.IsZero() {
		d.Data.Letter, d.Data.Notice = nil, Notice{}
	}
	err := s.cfg.Records.Write(ctx, org, mails.Put(d))
	if err == nil {
		s.cfg.Sent(jobMail, outcome)
	}
	return next, err
}

// drawMail returns how long to wait before somebody may be written to.
func (s *Service) drawMail(ctx context.Context, org core.OrgID, to string) (time.Duration, error) {
	if s.cfg.Quotas == nil {
		return 0, nil
	}
	for bucket, rate := range map[string]store.Rate{"mail/to/" + to: userMail, "mail": orgMail} {
		got, _, wait, err := s.cfg.Quotas.Draw(ctx, org, bucket, 1, rate)
		if err != nil || got == 0 {
			return max(wait, time.Second).Truncate(time.Millisecond), err
		}
	}
	return 0, nil
}

// letter writes what is to be sent, or nil for what nobody wants any more.
func (s *Service) letter(ctx context.Context, org core.OrgID, m mailDoc) (*Letter, error) {
	if m.Letter != nil {
		return m.Letter, nil
	}
	t, ok := TypeOf(m.Notice.Type)
	c, err := choices.Find(ctx, s.cfg.Records, org, string(m.User))
	if err != nil || !ok || !c.Data.of(t).Mail {
		return nil, err
	}
	to, err := s.cfg.People.MailOf(ctx, org, m.Notice.Project, m.User)
	if core.CodeOf(err) == core.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := page{Notice: m.Notice, About: t.About, Org: org}
	if s.cfg.URL != "" {
		token, err := s.Sign(ctx, Link{Purpose: ToMute, Org: org, User: m.User, Type: t.Name, Until: s.now().Add(muteLife)})
		if err != nil {
			return nil, err
		}
		p.Mute = s.cfg.URL + MutePath + url.PathEscape(token)
		if m.Notice.Type == TaskWaiting {
			token, err := s.Sign(ctx, Link{
				Purpose: ToAnswer, Org: org, Project: m.Notice.Project, Task: m.Notice.Task, Call: m.Notice.Call, User: m.User, Until: s.now().Add(askLife),
			})
			if err != nil {
				return nil, err
			}
			p.Answer = s.cfg.URL + AnswerPath + url.PathEscape(token)
		}
	}
	return p.letter(to)
}
