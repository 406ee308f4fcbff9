package httpapi_test

import (
	"archive/zip"
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool/gitdir/gitdirtest"
)

// skillOf is an archive of a skill, with a file app.py besides its SKILL.md.
func skillOf(t testing.TB, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range [][2]string{
		{name + "/SKILL.md", "---\nname: " + name + "\ndescription: Does what is asked for, of " + name + ".\nallowed-tools: read_file Bash(git:*)\nlicense: MIT\n---\n\nDo it, of " + name + ".\n"},
		{name + "/app.py", "print('of " + name + "')\n"},
	} {
		to := must(w.Create(f[0]))(t)
		_ = must(to.Write([]byte(f[1])))(t)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// skillNamed finds one in a list.
func skillNamed(t *testing.T, c *client.Client, name string) client.Skill {
	t.Helper()
	for _, k := range must(c.Skills(t.Context()))(t) {
		if k.Name == name && !k.Hidden {
			return k
		}
	}
	return client.Skill{}
}

func TestSkills(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	if k := skillNamed(t, w.olga, "code-review"); k.Owner != "installation" || k.Source != "shipped" || !k.Enabled || k.Added != nil || len(k.AllowedTools) == 0 {
		t.Errorf("%+v", k)
	}
	made := must(w.olga.AddSkill(ctx, client.NewSkill{Archive: skillOf(t, "csv")}, "once"))(t)
	if !made.New || made.Number != 1 || made.Owner != "project" || made.By == nil || made.Added == nil || len(made.Warnings) != 1 || strings.Join(made.AllowedTools, " ") != "read_file Bash(git:*)" {
		t.Errorf("%+v", made)
	}
	if again := must(w.olga.AddSkill(ctx, client.NewSkill{Archive: skillOf(t, "csv")}, "once"))(t); !again.New || again.Number != 1 {
		t.Errorf("the same request: %+v", again)
	}
	if again := must(w.olga.AddSkill(ctx, client.NewSkill{Archive: skillOf(t, "csv")}, "twice"))(t); again.New || again.Number != 1 {
		t.Errorf("the same skill: %+v", again)
	}
	k := must(w.olga.Skill(ctx, "csv"))(t)
	if k.Instructions != "Do it, of csv." || k.License != "MIT" || len(k.Files) != 2 || len(k.Versions) != 1 || k.Versions[0].By != *made.By {
		t.Errorf("%+v", k)
	}
	var b bytes.Buffer
	if err := w.olga.SkillFile(ctx, "csv", "app.py", &b); err != nil || b.String() != "print('of csv')\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
	refused(t, "no such file", w.olga.SkillFile(ctx, "csv", "../app.py", &b), core.NotFound)
	_, err := w.olga.AddSkill(ctx, client.NewSkill{Archive: []byte("PK nothing")}, "")
	refused(t, "no archive", err, core.Invalid)
	_, err = w.olga.AddSkill(ctx, client.NewSkill{Archive: make([]byte, 5<<20)}, "")
	refused(t, "a large one", err, core.Invalid)

	member, viewer := w.person(w.olga, "ann", client.Place{Role: core.Member}), w.person(w.olga, "vic", client.Place{Role: core.Viewer})
	for name, c := range map[string]*client.Client{"member": member, "viewer": viewer} {
		if skillNamed(t, c, "csv").Name == "" {
			t.Errorf("a %s doesn't see it", name)
		}
		_, err := c.AddSkill(ctx, client.NewSkill{Archive: skillOf(t, "xls")}, "")
		refused(t, "a "+name+" adds", err, core.Denied)
		refused(t, "a "+name+" removes", c.RemoveSkill(ctx, "csv", false), core.Denied)
		refused(t, "a "+name+" turns it off", c.EnableSkill(ctx, "csv", false), core.Denied)
	}
	_, paul := w.otherOrg("paul")
	_, err = paul.Skill(ctx, "csv")
	refused(t, "another org looks", err, core.NotFound)
	refused(t, "another org removes it", paul.RemoveSkill(ctx, "csv", false), core.NotFound)

	reader := w.as(must(w.olga.CreateKey(ctx, client.NewKey{Name: "r", Scopes: []string{"skills:read"}}, ""))(t).Text)
	must(reader.Skills(ctx))(t)
	refused(t, "a key that reads", reader.EnableSkill(ctx, "csv", false), core.Denied)

	project := must(w.olga.CreateProject(ctx, "Two", ""))(t)
	elsewhere := w.olga.In(project.ID)
	if skillNamed(t, elsewhere, "csv").Name != "" {
		t.Error("another project sees it")
	}
	must(w.olga.AddSkill(ctx, client.NewSkill{Archive: skillOf(t, "csv"), Shared: true}, ""))(t)
	if k := skillNamed(t, elsewhere, "csv"); k.Owner != "org" {
		t.Errorf("%+v", k)
	}
	if err := w.olga.EnableSkill(ctx, "csv", false); err != nil {
		t.Fatal(err)
	}
	if skillNamed(t, w.olga, "csv").Enabled || !skillNamed(t, elsewhere, "csv").Enabled {
		t.Error("it isn't off in one project alone")
	}
	if err := w.olga.RemoveSkill(ctx, "csv", false); err != nil {
		t.Fatal(err)
	}
	refused(t, "removed already", w.olga.RemoveSkill(ctx, "csv", false), core.NotFound)
	if err := w.olga.RemoveSkill(ctx, "csv", true); err != nil {
		t.Fatal(err)
	}
	if err := w.olga.RemoveSkill(ctx, "code-review", false); core.CodeOf(err) != core.NotFound || !strings.Contains(core.HintOf(err), "isekai skill disable code-review") {
		t.Errorf("%v, %s", err, core.HintOf(err))
	}
	page := must(w.audit.List(ctx, core.DefaultOrg, auditlog.Query{Action: "skill.add", Limit: 10}))(t)
	if len(page.Entries) != 2 || page.Entries[1].Target != "csv" || page.Entries[1].Detail["digest"] != string(made.Digest) || page.Entries[0].Detail["owner"] != "org" {
		t.Errorf("recorded: %+v", page.Entries)
	}
}

// TestASkillFromARepository is fetched once from a real git server, with the project's credential,
// by who may add skills; its audit entry and its source say whence it is.
func TestASkillFromARepository(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	text := func(name, body string) string {
		return "---\nname: " + name + "\ndescription: Does what is asked for, of " + name + ".\n---\n\n" + body + "\n"
	}
	forge := gitdirtest.HTTP(t, gitdirtest.Upstream(t,
		map[string]string{"skills/csv/SKILL.md": text("csv", "Old."), "docs/a.md": "x"},
		map[string]string{"skills/csv/SKILL.md": text("csv", "New."), "skills/csv/run.sh": "#!/bin/sh\n"}))
	from := func(path string) client.NewSkill {
		return client.NewSkill{Repository: &client.SkillRepository{URL: forge.URL + "/team/project.git", Path: path, Credential: "forge"}}
	}
	made := must(w.olga.AddSkill(ctx, from("skills/csv"), "once"))(t)
	at := regexp.QuoteMeta(forge.URL+"/team/project.git@") + "[0-9a-f]{40}:skills/csv"
	if !made.New || made.Number != 1 || made.Owner != "project" || !regexp.MustCompile("^"+at+"$").MatchString(made.Source) {
		t.Errorf("%+v", made)
	}
	if k := must(w.olga.Skill(ctx, "csv"))(t); k.Instructions != "New." || len(k.Files) != 2 {
		t.Errorf("%+v", k)
	}
	if again := must(w.olga.AddSkill(ctx, from("skills/csv"), "once"))(t); !again.New {
		t.Errorf("the same request: %+v", again)
	}
	if again := must(w.olga.AddSkill(ctx, from("skills/csv"), "twice"))(t); again.New || again.Number != 1 {
		t.Errorf("the same skill: %+v", again)
	}
	both := from("skills/csv")
	both.Archive = skillOf(t, "csv")
	for name, n := range map[string]client.NewSkill{"no skill": from("docs"), "nothing": {}, "both": both, "a path that leads out": from("../x"), "a file": {Repository: &client.SkillRepository{URL: "file:///etc"}}} {
		_, err := w.olga.AddSkill(ctx, n, "")
		refused(t, name, err, core.Invalid)
	}
	_, err := w.olga.AddSkill(ctx, from("skills/xls"), "")
	refused(t, "no such folder", err, core.NotFound)
	member := w.person(w.olga, "ann", client.Place{Role: core.Member})
	_, err = member.AddSkill(ctx, from("skills/csv"), "")
	refused(t, "a member", err, core.Denied)
	page := must(w.audit.List(ctx, core.DefaultOrg, auditlog.Query{Action: "skill.add", Limit: 10}))(t)
	if len(page.Entries) != 1 || page.Entries[0].Detail["source"] != made.Source || page.Entries[0].Detail["digest"] != string(made.Digest) {
		t.Errorf("recorded: %+v", page.Entries)
	}
}
