package notify

import (
	"bytes"
	_ "embed"
	htmltemplate "html/template"
	"strings"
	"text/template"

	"github.com/isekai-run/isekai/internal/core"
)

//go:embed mail.txt
var mailText string

//go:embed mail.html
var mailHTML string

// page is what an e-mail about a notice says.
type page struct {
	Notice Notice
	About  string
	Org    core.OrgID
	Answer string // a link by which a question is answered, or ""
	Mute   string // a link by which there are no more of these, or ""
}

// Command is by what the receiver sees more.
func (p page) Command() string {
	switch n := p.Notice; {
	case n.Task != "":
		return "isekai task show " + string(n.Task)
	case n.App != "":
		return "isekai app show " + string(n.App)
	case n.Type == WebhookDisabled:
		return "isekai webhook show " + n.Subject
	case n.Type == CredentialDue:
		return "isekai secret due"
	case n.Type == BudgetReached:
		return "isekai credit budget list"
	}
	return "isekai notify list"
}

// letter writes it.
func (p page) letter(to string) (*Letter, error) {
	text, err := template.New("text").Parse(mailText)
	if err != nil {
		return nil, err
	}
	html, err := htmltemplate.New("html").Parse(mailHTML)
	if err != nil {
		return nil, err
	}
	var plain strings.Builder
	var marked bytes.Buffer
	if err := text.Execute(&plain, p); err != nil {
		return nil, err
	}
	if err := html.Execute(&marked, p); err != nil {
		return nil, err
	}
	return &Letter{ID: p.Notice.ID, To: to, Subject: "[Isekai] " + line(p.Notice.Title, maxTitle), Text: plain.String(), HTML: marked.String(), Unsubscribe: p.Mute}, nil
}
