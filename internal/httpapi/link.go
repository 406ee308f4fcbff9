package httpapi

import (
	"bytes"
	"context"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/notify"
)

// Approvals are questions that tasks wait for. platform passes the agent.
type Approvals interface {
	// Asked returns what a task asks about a call. conflict: it doesn't, any more; not_found:
	// there is no such task.
	Asked(ctx context.Context, scope core.Scope, task core.TaskID, call core.CallID) (Asked, error)
	// Answer answers it. Errors are those of Asked, and invalid for what is no answer to it.
	Answer(ctx context.Context, scope core.Scope, task core.TaskID, call core.CallID, answer core.Answer) error
}

// Asked is a question of a task's.
type Asked struct {
	Title    string // the task's
	Question string
	Choices  []core.Answer
}

//go:embed link.html
var linkHTML string

var linkTemplate = template.Must(template.New("link").Parse(linkHTML))

type (
	// LinkPath is exported for huma, which doesn't see others' fields.
	LinkPath struct {
		Token  string `path:"token" maxLength:"2000" example:"isl_x.y"`
		Accept string `header:"Accept"`
	}
	answerPath struct {
		LinkPath
		Answer core.Answer `path:"answer" maxLength:"64" example:"repeat"`
	}
	// linkPage is JSON, or a page for who wants HTML.
	linkPage struct {
		ContentType string `header:"Content-Type"`
		Policy      string `header:"Content-Security-Policy"`
		Body        any
	}
)

// links are the routes that e-mails lead to. Who has a link hasn't signed in, and may do the
// one thing that it says; to look at it does nothing: what scans mail follows links.
func (s *server) links() {
	tags := []string{"links"}
	act(s, public, stream(huma.Operation{
		OperationID: "show-approval-link", Method: http.MethodGet, Path: notify.AnswerPath + "{token}", Summary: "Show what a task asks the person whose link it is", Tags: tags,
		Description: "JSON, or a page for who accepts HTML. It answers nothing.",
	}, "application/json"), s.showLink)
	act(s, public, stream(huma.Operation{
		OperationID: "answer-approval-link", Method: http.MethodPost, Path: notify.AnswerPath + "{token}/{answer}", Summary: "Answer what a task asks, as the person whose link it is", Tags: tags,
		Description: "If that person still may, and the question still stands.",
	}, "application/json"), s.answerLink)
	s.mute(tags)
}

// linked is what a link is about, and who uses it.
func (s *server) linked(ctx context.Context, token string) (notify.Link, identity.Principal, Asked, error) {
	l, err := s.cfg.Notify.Open(ctx, notify.ToAnswer, token)
	if err != nil {
		return l, identity.Principal{}, Asked{}, err
	}
	p, err := s.cfg.Identity.Acting(ctx, l.Org, l.Project, l.User)
	if err == nil {
		err = p.May(identity.TaskWrite)
	}
	if err != nil {
		return l, p, Asked{}, err
	}
	asked, err := s.cfg.Approvals.Asked(ctx, p.Scope, l.Task, l.Call)
	if len(l.Answers) > 0 {
		asked.Choices = slices.DeleteFunc(slices.Clone(asked.Choices), func(a core.Answer) bool { return !slices.Contains(l.Answers, a) })
	}
	return l, p, asked, err
}

func (s *server) showLink(ctx context.Context, _ identity.Principal, in *LinkPath) (*linkPage, error) {
	l, _, asked, err := s.linked(ctx, in.Token)
	if err != nil {
		return s.linkSays(in, err)
	}
	w := client.ApprovalLink{Task: l.Task, Call: l.Call, Title: asked.Title, Question: asked.Question, Answers: asked.Choices, Until: l.Until}
	return page(in, w, map[string]any{"Title": asked.Title, "Text": asked.Question, "Answers": asked.Choices, "Each": notify.AnswerPath + in.Token + "/"})
}

func (s *server) answerLink(ctx context.Context, _ identity.Principal, in *answerPath) (*linkPage, error) {
	l, p, asked, err := s.linked(ctx, in.Token)
	if err == nil && !slices.Contains(asked.Choices, in.Answer) {
		err = core.E(core.Invalid, "approval", "that is no answer to what is asked").WithHint("the page of the link has those that there are")
	}
	if err == nil {
		requestOf(ctx).who = p // in the audit log
		err = s.cfg.Approvals.Answer(ctx, p.Scope, l.Task, l.Call, in.Answer)
	}
	if err == nil {
		err = s.record(ctx, l.Org, auditlog.Entry{
			Action: "approval.link", Project: l.Project, Target: string(l.Task), Detail: map[string]string{"call": string(l.Call), "answer": string(in.Answer)},
		})
	}
	if err != nil {
		return s.linkSays(&in.LinkPath, err)
	}
	w := client.ApprovalLink{Task: l.Task, Call: l.Call, Title: asked.Title, Question: asked.Question, Answers: []core.Answer{}, Given: in.Answer, Until: l.Until}
	return page(&in.LinkPath, w, map[string]any{"Title": asked.Title, "Text": "Answered: " + string(in.Answer)})
}

// linkSays tells who came with a browser what is wrong as a page, and others as an error.
func (s *server) linkSays(in *LinkPath, err error) (*linkPage, error) {
	code := core.CodeOf(err)
	if !in.html() || code == core.Internal || code == core.Unavailable {
		return nil, err
	}
	text := "This link isn't valid any more."
	if code == core.Conflict || code == core.NotFound {
		text = "There is nothing to answer any more."
	}
	return page(in, nil, map[string]any{"Title": "Isekai", "Text": text})
}

func (in *LinkPath) html() bool { return strings.Contains(in.Accept, "text/html") }

// page answers with a page if that is wanted, and else with what it shows.
func page(in *LinkPath, wire any, shown map[string]any) (*linkPage, error) {
	if !in.html() {
		return &linkPage{ContentType: "application/json", Policy: hardening[1].value[0], Body: wire}, nil
	}
	h := http.Header{}
	shown["Nonce"] = asPage(h)
	var b bytes.Buffer
	if err := linkTemplate.Execute(&b, shown); err != nil {
		return nil, core.E(core.Internal, "link", "the page can't be made").Because(err)
	}
	return &linkPage{h.Get("Content-Type"), h.Get("Content-Security-Policy"), b.Bytes()}, nil
}
