package platform

import (
	"context"
	"crypto/x509"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/deadletter"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/notify/smtp"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// Webhooks say what endpoints may be.
type Webhooks struct {
	HTTP bool `koanf:"http" json:"http"` // without TLS
}

// SMTP says which server takes e-mail. Without a host none is sent.
type SMTP struct {
	Host         string `koanf:"host" json:"host"`
	Port         int    `koanf:"port" json:"port"` // 0: 587, or 465 with tls
	TLS          string `koanf:"tls" json:"tls"`   // starttls, tls; or none, on this machine
	User         string `koanf:"user" json:"user"`
	Password     Secret `koanf:"password" json:"password"`
	PasswordFile string `koanf:"password_file" json:"password_file"`
	From         string `koanf:"from" json:"from"`       // "Isekai <isekai@example.com>"
	CAFile       string `koanf:"ca_file" json:"ca_file"` // PEM; empty: the system's
}

// check sees that it can be used. Its files are read when the node starts.
func (c SMTP) check() error {
	if c.Host == "" {
		return nil
	}
	if c.Password != "" && c.PasswordFile != "" {
		return core.E(core.Invalid, "config", "there are both smtp.password and smtp.password_file").WithHint("leave one out")
	}
	password := c.Password.Reveal()
	if c.PasswordFile != "" {
		password = "(in the file)"
	}
	_, err := smtp.New(c.config(password, nil))
	return err
}

func (c SMTP) config(password string, ca *x509.CertPool) smtp.Config {
	return smtp.Config{Host: c.Host, Port: c.Port, TLS: c.TLS, User: c.User, Password: password, From: c.From, CA: ca}
}

// mailer is what sends e-mail; nil: nothing does.
func (c SMTP) mailer() (notify.Mailer, error) {
	if c.Host == "" {
		return nil, nil
	}
	password, ca := c.Password.Reveal(), (*x509.CertPool)(nil)
	if c.PasswordFile != "" {
		var err error
		if password, err = lineOf(c.PasswordFile); err != nil {
			return nil, core.E(core.Invalid, "config", "smtp.password_file can't be read").Because(err).WithHint("name a file that holds the password alone")
		}
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if ca = x509.NewCertPool(); err != nil || !ca.AppendCertsFromPEM(pem) {
			return nil, core.E(core.Invalid, "config", "smtp.ca_file holds no certificate").Because(err).WithHint("it is a PEM file that this user can read")
		}
	}
	return smtp.New(c.config(password, ca))
}

// openNotify makes what tells people and programs of what has happened. It is a consumer of the
// bus: see openBus.
func (n *node) openNotify(context.Context) error {
	mailer, err := n.cfg.SMTP.mailer()
	if err != nil {
		return err
	}
	n.notices = notify.NewService(notify.ServiceConfig{
		Events: n.store, Records: n.store, HTTP: n.outside.Client(), People: n.people, AllowHTTP: n.cfg.Webhooks.HTTP, URL: n.connectURL(),
		Agent: "isekai/" + BuildVersion, Log: n.log, Mailer: mailer, Quotas: n.driver, Sent: n.metrics.Sent,
	})
	return nil
}

// subscribeNotify has it hear of every event.
func (n *node) subscribeNotify() {
	g := &deadletter.Guard{Consumer: notify.Consumer, Next: n.vault.Handler(n.notices.Handler()), Letters: n.store, Log: n.log}
	n.letters.Consumers = append(n.letters.Consumers, g)
	n.bus.Subscribe(notify.Consumer, g.Handle)
}

// sendNotices sends what is due, but where only requests are answered.
func (n *node) sendNotices() {
	if n.mode != cli.Direct {
		n.background("notices", n.notices.Run)
	}
	if n.mode == cli.Serving {
		n.background("due credentials", n.watchDue)
	}
}

// feed is what live streams read.
func (n *node) feed() httpapi.Feed {
	return httpapi.Feed{Stored: n.driver, Watch: n.hub.WatchOrg, Open: func(ctx context.Context, e core.Event) (out core.Event, err error) {
		err = n.vault.Handler(func(_ context.Context, opened core.Event) error { out = opened; return nil })(ctx, e)
		return out, err
	}}
}

// approvals is httpapi.Approvals: the questions of the agent's tasks.
type approvals struct{ tasks *agent.Service }

// Asked implements httpapi.Approvals.
func (a approvals) Asked(ctx context.Context, scope core.Scope, task core.TaskID, call core.CallID) (httpapi.Asked, error) {
	st, err := a.tasks.Get(ctx, scope, task)
	if err != nil {
		return httpapi.Asked{}, err
	}
	q := st.Question()
	if q == nil || q.Call != call {
		return httpapi.Asked{}, core.E(core.Conflict, "approval", "the task doesn't wait for an answer to this any more")
	}
	choices := slices.DeleteFunc(slices.Clone(core.Answers[q.Why]), func(a core.Answer) bool { return a == core.AnswerReply }) // which takes words
	asked := httpapi.Asked{Title: "Task " + string(task), Question: q.Question, Choices: choices}
	if st.Plan != nil && st.Plan.Title != "" {
		asked.Title = st.Plan.Title
	}
	return asked, nil
}

// Answer implements httpapi.Approvals. Of two answers the first counts: the task's stream says
// which that is.
func (a approvals) Answer(ctx context.Context, scope core.Scope, task core.TaskID, call core.CallID, answer core.Answer) error {
	if _, err := a.Asked(ctx, scope, task, call); err != nil {
		return err
	}
	_, err := a.tasks.Resume(ctx, scope, task, agent.Reply{Call: call, Answer: answer})
	return err
}

const (
	dueEvery = time.Hour
	dueLead  = "notify/due" // the term of who looks
)

// watchDue raises a notice, once, for each credential that should have got a new value.
func (n *node) watchDue(ctx context.Context) error {
	holder := core.NewID("nod")
	tick := time.NewTicker(dueEvery)
	defer tick.Stop()
	for {
		leads, err := n.driver.Lead(ctx, dueLead, holder, dueEvery)
		if err == nil && leads {
			err = n.raiseDue(ctx, n.secrets.Due)
		}
		if err != nil && ctx.Err() == nil {
			n.log.Warn("who looks after credentials may not hear of those that are due", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// raiseDue raises a notice of each credential that dueOf finds, of all orgs.
func (n *node) raiseDue(ctx context.Context, dueOf func(context.Context, core.OrgID) ([]credential.Credential, error)) error {
	orgs, err := n.driver.KeysetOrgs(ctx)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		if org == core.Installation {
			continue
		}
		due, err := dueOf(ctx, org)
		if err != nil {
			return err
		}
		for _, c := range due {
			project := c.Project
			if project == "" {
				project = core.DefaultProject
			}
			scope := core.Scope{Org: org, Project: project, Actor: core.Actor{Kind: core.ActorSystem, ID: notify.Consumer}}
			err := n.notices.Raise(ctx, scope, "credential/"+c.ID+"/"+strconv.FormatInt(c.Version, 10), core.NoticeRaised{
				Type: notify.CredentialDue, Title: "The credential " + c.Name + " should get a new value", Subject: c.Name,
				Detail: "It was due on " + c.Due.Format(time.DateOnly) + ".",
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

var _ notify.People = (*identity.Service)(nil)
