package skill

import (
	"fmt"
	"html"
	"strings"
)

// MaxPrompt bounds what Prompt returns, in bytes.
const MaxPrompt = 16 << 10

// Prompt returns what a prompt says of the skills that are offered, or "" if none is: the
// form that the format's reference implementation has. Those whose descriptions have no room
// are named, and those whose names have none are counted; a project's come before an org's,
// and these before the installation's.
func Prompt(offered []Summary) string {
	if len(offered) == 0 {
		return ""
	}
	const room = MaxPrompt - 2048 // for names and the ends
	var b strings.Builder
	b.WriteString("<available_skills>\n")
	var rest []string
	for _, owner := range []Owner{OfProject, OfOrg, OfInstallation} {
		for _, s := range offered {
			if s.Owner != owner {
				continue
			}
			entry := fmt.Sprintf("<skill>\n<name>%s</name>\n<description>%s</description>\n</skill>\n", html.EscapeString(s.Name), html.EscapeString(s.Description))
			if b.Len()+len(entry) > room {
				rest = append(rest, s.Name)
				continue
			}
			b.WriteString(entry)
		}
	}
	for i, name := range rest {
		if i == 0 {
			b.WriteString("<more>")
		}
		if b.Len()+len(name) > MaxPrompt-100 {
			fmt.Fprintf(&b, "and %d others", len(rest)-i)
			break
		}
		b.WriteString(name + " ")
	}
	if len(rest) > 0 {
		b.WriteString("</more>\n")
	}
	b.WriteString("</available_skills>")
	return b.String()
}
