package e2e

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
)

// TestASkillFromGit: the command line has a server fetch a skill from a git host by TLS, with a stored token. An
// address that isn't public is refused unless the operator has opened it.
func TestASkillFromGit(t *testing.T) {
	t.Parallel()
	forge := newCodeHost(t, map[string]string{
		"README.md":                "Skills.",
		"skills/tide/SKILL.md":     "---\nname: tide\ndescription: Tells the tide, and is used when somebody asks for high water.\n---\n\nRun /skills/tide/tide.sh.\n",
		"skills/tide/tide.sh":      "#!/bin/sh\necho at noon\n",
		"skills/broken/SKILL.md":   "---\nname: other\ndescription: Has the name of no folder.\n---\n",
		"skills/tide/.git-ignored": "a name that is only like one of git's",
	})
	url := forge.URL + "/team/project.git"

	closed := newData(t)
	closed.env = append(closed.env, "SSL_CERT_FILE="+forge.trust)
	if r := closed.run("skill", "add", url, "--path", "skills/tide"); r.code == 0 || !strings.Contains(r.err, "egress.allow") {
		t.Errorf("an address that is closed: %+v", r)
	}
	if r := closed.run("skill", "add", "https://no-such-host.invalid/team/project.git"); r.code == 0 || !strings.Contains(r.err, "no-such-host.invalid") {
		t.Errorf("a host that isn't there: %+v", r)
	}

	open := newData(t)
	open.env = append(open.env, forge.reached()...)
	s := serve(t, open.dir, open.env)
	for name, hosts := range map[string][]string{"forge": {forge.address()}, "elsewhere": {"example.com"}} {
		if _, err := s.PutSecret(t.Context(), name, false, client.NewSecret{Kind: "token", Value: forge.token, Hosts: hosts}, ""); err != nil {
			t.Fatal(err)
		}
	}
	for said, args := range map[string][]string{
		"isn't public":                      {url, "--path", "skills/tide"},
		"isn't for this host":               {url, "--path", "skills/tide", "--credential", "elsewhere"},
		"name the folder of a skill":        {url, "--credential", "forge"},
		"is in a folder named":              {url, "--path", "skills/broken", "--credential", "forge"},
		"no branch or tag v9":               {url, "--path", "skills/tide", "--credential", "forge", "--ref", "v9"},
		"the repository has no folder nope": {url, "--path", "nope", "--credential", "forge"},
	} {
		if r := open.run(append([]string{"skill", "add"}, args...)...); r.code == 0 || !strings.Contains(r.err, said) || strings.Contains(r.err+r.out, forge.token) {
			t.Errorf("%s: %+v", said, r)
		}
	}
	if out := open.does("skill", "add", url, "--path", "skills/tide", "--credential", "forge"); !strings.Contains(out, "tide is version 1 of the project's skill") {
		t.Errorf("%s", out)
	}
	if out := open.does("skill", "show", "tide"); !strings.Contains(out, url+"@") || !strings.Contains(out, "file: tide.sh") {
		t.Errorf("%s", out)
	}
	if out := open.does("audit", "list", "--json"); !strings.Contains(out, `"skill.add"`) || !strings.Contains(out, `"credential.use"`) || strings.Contains(out, forge.token) {
		t.Errorf("%s", out)
	}
}
