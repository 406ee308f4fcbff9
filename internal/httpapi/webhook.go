package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/notify"
)

type (
	// WebhookPath names an endpoint.
	WebhookPath struct {
		Webhook string `path:"webhook" maxLength:"64" example:"whk_01hx"`
	}
	newWebhook struct{ Body client.NewWebhook }
	putWebhook struct {
		WebhookPath
		MatchHeader
		Body client.NewWebhook
	}
	dropWebhook struct {
		WebhookPath
		MatchHeader
	}
	listDeliveries struct {
		WebhookPath
		PageQuery
		State string `query:"state" enum:"pending,delivered,dead" doc:"only those"`
	}
	deliveryPath struct {
		WebhookPath
		Message string `path:"message" maxLength:"64" example:"msg_01hx"`
	}
	webhookAnswer struct {
		ETag string `header:"ETag"`
		Body client.Webhook
	}
)

// replayMost is how many dead letters are replayed at once.
const replayMost = 500

// readOf is what it takes to read what a type of message tells: who may not, makes no endpoint
// that is told.
var readOf = map[string]identity.Action{
	notify.TaskFinished: identity.TaskRead, notify.TaskWaiting: identity.TaskRead, notify.AppStarted: identity.AppRead, notify.BudgetReached: identity.CreditRead,
	notify.CredentialDue: identity.SecretRead, notify.WatchChanged: identity.TaskRead, notify.WebhookDisabled: identity.WebhookRead,
}

// mayBeTold returns denied unless a principal may read what all of the types tell; none are all.
func mayBeTold(p identity.Principal, types []string) error {
	if len(types) == 0 {
		types = notify.TypeNames()
	}
	for _, t := range types {
		if a, ok := readOf[t]; ok { // what isn't there is refused as such
			if err := p.May(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// webhooks are the routes to endpoints of the project.
func (s *server) webhooks() {
	tags := []string{"webhooks"}
	const path = "/v1/webhooks/{webhook}"
	act(s, identity.WebhookRead, huma.Operation{
		OperationID: "list-webhooks", Method: http.MethodGet, Path: "/v1/webhooks", Summary: "List the project's webhooks", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[[]client.Webhook], error) {
		all, err := s.cfg.Notify.Webhooks(ctx, p.Scope)
		return replied(all, err, func(all []notify.Webhook) []client.Webhook { return each(all, wireWebhook) })
	})
	act(s, identity.WebhookWrite, shownOnce(huma.Operation{
		OperationID: "add-webhook", Method: http.MethodPost, Path: "/v1/webhooks", Summary: "Have messages about the project sent to an address", Tags: tags, DefaultStatus: http.StatusCreated,
		Description: "They are signed as Standard Webhooks says, with the secret of the answer, which isn't shown again.",
	}), func(ctx context.Context, p identity.Principal, in *newWebhook) (*reply[client.MadeWebhook], error) {
		if err := mayBeTold(p, in.Body.Types); err != nil {
			return nil, err
		}
		h, secret, err := s.cfg.Notify.AddWebhook(ctx, p.Scope, p.User, hookWanted(in.Body))
		if err == nil {
			err = s.recordHook(ctx, p, "webhook.add", h)
		}
		return &reply[client.MadeWebhook]{client.MadeWebhook{Webhook: wireWebhook(h), Secret: secret}}, err
	})
	act(s, identity.WebhookRead, huma.Operation{
		OperationID: "show-webhook", Method: http.MethodGet, Path: path, Summary: "Show a webhook, but for its secret", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *WebhookPath) (*webhookAnswer, error) {
		return hookShown(s.cfg.Notify.Webhook(ctx, p.Scope, in.Webhook))
	})
	act(s, identity.WebhookWrite, huma.Operation{
		OperationID: "put-webhook", Method: http.MethodPut, Path: path, Summary: "Change a webhook, disable it or enable it again", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *putWebhook) (*webhookAnswer, error) {
		revision, err := in.version()
		if err == nil {
			err = mayBeTold(p, in.Body.Types)
		}
		if err != nil {
			return nil, err
		}
		h, err := s.cfg.Notify.SetWebhook(ctx, p.Scope, in.Webhook, revision, hookWanted(in.Body))
		if err == nil {
			err = s.recordHook(ctx, p, "webhook.set", h)
		}
		return hookShown(h, err)
	})
	act(s, identity.WebhookWrite, huma.Operation{
		OperationID: "remove-webhook", Method: http.MethodDelete, Path: path, Summary: "Remove a webhook; what was to be sent to it isn't", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *dropWebhook) (*struct{}, error) {
		revision, err := in.version()
		if err != nil {
			return nil, err
		}
		if err := s.cfg.Notify.RemoveWebhook(ctx, p.Scope, in.Webhook, revision); err != nil {
			return nil, err
		}
		return nil, s.recordHook(ctx, p, "webhook.remove", notify.Webhook{ID: in.Webhook})
	})
	act(s, identity.WebhookWrite, huma.Operation{
		OperationID: "rotate-webhook", Method: http.MethodPost, Path: path + "/rotate", Summary: "Give a webhook a new secret, which isn't shown again", Tags: tags,
		Description: "For a day messages are signed with the one before, too.",
	}, func(ctx context.Context, p identity.Principal, in *WebhookPath) (*reply[client.WebhookSecret], error) {
		secret, err := s.cfg.Notify.RotateSecret(ctx, p.Scope, in.Webhook)
		if err == nil {
			err = s.recordHook(ctx, p, "webhook.rotate", notify.Webhook{ID: in.Webhook})
		}
		return &reply[client.WebhookSecret]{client.WebhookSecret{Secret: secret, Until: time.Now().UTC().Add(notify.OldSecret)}}, err
	})
	s.hookMessages(tags, path)
}

// hookMessages are the routes to what is sent.
func (s *server) hookMessages(tags []string, path string) {
	act(s, identity.WebhookWrite, huma.Operation{
		OperationID: "test-webhook", Method: http.MethodPost, Path: path + "/test", Summary: "Send a message to a webhook, once, and say what came of it", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *WebhookPath) (*reply[client.DeliveryAttempt], error) {
		a, err := s.cfg.Notify.Test(ctx, p.Scope, in.Webhook)
		return replied(a, err, wireAttempt)
	})
	act(s, identity.WebhookRead, huma.Operation{
		OperationID: "list-deliveries", Method: http.MethodGet, Path: path + "/deliveries", Summary: "List the messages to a webhook of the last 30 days, the newest first", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *listDeliveries) (*reply[client.Page[client.Delivery]], error) {
		all, next, err := s.cfg.Notify.Deliveries(ctx, p.Scope, in.Webhook, notify.State(in.State), in.Cursor, in.Limit)
		return paged(all, next, err, wireDelivery)
	})
	act(s, identity.WebhookWrite, huma.Operation{
		OperationID: "replay-delivery", Method: http.MethodPost, Path: path + "/deliveries/{message}/replay", Summary: "Send a message again, with the same id", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *deliveryPath) (*reply[client.Delivery], error) {
		d, err := s.cfg.Notify.Replay(ctx, p.Scope, in.Webhook, in.Message)
		if err == nil {
			err = s.record(ctx, p.Scope.Org, auditlog.Entry{Action: "webhook.replay", Project: p.Scope.Project, Target: in.Webhook, Detail: map[string]string{"message": in.Message}})
		}
		return replied(d, err, wireDelivery)
	})
	act(s, identity.WebhookWrite, huma.Operation{
		OperationID: "replay-dead-deliveries", Method: http.MethodPost, Path: path + "/replay", Summary: "Send the dead letters of a webhook again", Tags: tags,
		Description: "Up to " + strconv.Itoa(replayMost) + " at once.",
	}, func(ctx context.Context, p identity.Principal, in *WebhookPath) (*reply[client.ReplayedDeliveries], error) {
		n, err := s.cfg.Notify.ReplayDead(ctx, p.Scope, in.Webhook, replayMost)
		if err == nil {
			err = s.record(ctx, p.Scope.Org, auditlog.Entry{Action: "webhook.replay", Project: p.Scope.Project, Target: in.Webhook, Detail: map[string]string{"messages": strconv.Itoa(n)}})
		}
		return &reply[client.ReplayedDeliveries]{client.ReplayedDeliveries{Replayed: n}}, err
	})
}

// recordHook keeps what was done to an endpoint. Of its address it says the host alone: the rest
// may be a secret.
func (s *server) recordHook(ctx context.Context, p identity.Principal, action string, h notify.Webhook) error {
	e := auditlog.Entry{Action: action, Project: p.Scope.Project, Target: h.ID}
	if h.URL != "" {
		e.Detail = map[string]string{
			"host": hostOf(h.URL), "types": strings.Join(h.Types, " "), "prompts": strconv.FormatBool(h.Prompts), "disabled": strconv.FormatBool(h.Disabled),
		}
	}
	return s.record(ctx, p.Scope.Org, e)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

func hookWanted(n client.NewWebhook) notify.NewWebhook {
	return notify.NewWebhook{URL: n.URL, Types: n.Types, Note: n.Note, Prompts: n.Prompts, Disabled: n.Disabled}
}

func hookShown(h notify.Webhook, err error) (*webhookAnswer, error) {
	return &webhookAnswer{ETag: etag(h.Revision), Body: wireWebhook(h)}, err
}

func wireWebhook(h notify.Webhook) client.Webhook {
	return client.Webhook{
		ID: h.ID, Project: h.Project, Why: h.Why, By: h.By, Created: h.Created, Failing: when(h.Failing), Revision: h.Revision,
		NewWebhook: client.NewWebhook{URL: h.URL, Types: each(h.Types, same), Note: h.Note, Prompts: h.Prompts, Disabled: h.Disabled},
	}
}

func wireAttempt(a notify.Attempt) client.DeliveryAttempt {
	return client.DeliveryAttempt{At: a.At, TookMS: a.Took.Milliseconds(), Status: a.Status, Error: a.Error}
}

func wireDelivery(d notify.Delivery) client.Delivery {
	return client.Delivery{
		ID: d.ID, Type: d.Type, State: string(d.State), Created: d.Created, Next: when(d.Next), Tries: d.Tries, Attempts: each(d.Attempts, wireAttempt), Body: d.Body,
	}
}
