package skill_test

import (
	"context"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/skill"
)

// repository is a Fetcher with these files; a content that begins with "->" is a link.
type repository map[string]string

func (r repository) Fetch(_ context.Context, _ core.Scope, from core.Checkout, _ string, into *os.Root) (string, error) {
	if from.From == "gone" {
		return "", core.E(core.NotFound, "git", "there is no such ref")
	}
	for name, content := range r {
		if err := into.MkdirAll(path.Dir(name), 0o755); err != nil {
			return "", err
		}
		if to, link := strings.CutPrefix(content, "->"); link {
			if err := into.Symlink(to, name); err != nil {
				return "", err
			}
		} else if err := into.WriteFile(name, []byte(content), 0o644); err != nil {
			return "", err
		}
	}
	return "0123abcd", nil
}

func TestSkillFromARepository(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	secret := path.Join(t.TempDir(), "SKILL.md")
	ok(t, os.WriteFile(secret, []byte(text("csv", "Secret.")), 0o644))
	team := repository{
		"README.md": "x", "docs/a.md": "x", "skills/csv/SKILL.md": text("csv", "Look."), "skills/csv/.git/HEAD": "x", "skills/bad/SKILL.md": text("other", "x"),
		"skills/out": "->" + path.Dir(secret), "skills/main/SKILL.md": "->" + secret,
	}
	from := core.Checkout{URL: "https://git.example.org/team/skills"}
	added := must(r.AddFrom(t.Context(), ada, skill.OfProject, team, from, "skills/csv/"))(t)
	if added.Source != "https://git.example.org/team/skills@0123abcd:skills/csv" || !added.New || must(r.Load(t.Context(), ada, "csv"))(t).Body != "Look." {
		t.Errorf("%+v", added)
	}
	if packed := r.add(ada, skill.OfOrg, "x", "y"); packed.Source != "upload" {
		t.Errorf("%+v", packed)
	}
	whole := repository{"SKILL.md": text("csv", "All of it.")}
	if again := must(r.AddFrom(t.Context(), ada, skill.OfProject, whole, from, ""))(t); again.Number != 2 || again.Source != "https://git.example.org/team/skills@0123abcd" {
		t.Errorf("%+v", again)
	}
	for folder, code := range map[string]core.Code{
		"": core.Invalid, "skills/bad": core.Invalid, "none": core.NotFound, "README.md": core.NotFound, "../x": core.Invalid, "/etc": core.Invalid,
		"skills/out": core.NotFound, "skills/out/x": core.Invalid, "skills/main": core.Invalid,
	} {
		_, err := r.AddFrom(t.Context(), ada, skill.OfProject, team, from, folder)
		wantCode(t, folder, err, code)
	}
	for folder, hint := range map[string]string{"": "name the folder of a skill: skills/bad, skills/csv", "skills": "name the folder of a skill: skills/bad, skills/csv", "docs": "a skill is a folder"} {
		_, err := r.AddFrom(t.Context(), ada, skill.OfProject, team, from, folder)
		wantCode(t, folder, err, core.Invalid)
		if !strings.HasPrefix(core.HintOf(err), hint) {
			t.Errorf("%s: %s", folder, core.HintOf(err))
		}
	}
	for _, url := range []string{"", "skills", "file:///etc", "\x00", "https://ada:s3cr3t@git.example.org/team/skills", "https://git.example.org/team/skills?token=s3cr3t"} {
		_, err := r.AddFrom(t.Context(), ada, skill.OfProject, team, core.Checkout{URL: url}, "")
		wantCode(t, url, err, core.Invalid)
	}
	_, err := r.AddFrom(t.Context(), ada, skill.OfProject, team, core.Checkout{URL: "https://x/y", From: "gone"}, "")
	wantCode(t, "a ref that isn't there", err, core.NotFound)
}

func TestWhatAnAgentAsks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.add(ada, skill.OfProject, "csv", "Look.") // which names read_file
	if got := must(r.Describe(t.Context(), ada))(t); !strings.Contains(got, "<name>csv</name>") || !strings.Contains(got, "<name>shipped</name>") {
		t.Errorf("%s", got)
	}
	if got := must(r.Names(t.Context(), ada))(t); got != "csv, shipped" {
		t.Errorf("%s", got)
	}
	for tool, want := range map[string]bool{"read_file": true, "write_file": false, "use_skill": true, "read_skill_file": true} {
		if got := must(r.Allows(t.Context(), ada, "tsk_x", "csv", tool, "x"))(t); got != want {
			t.Errorf("%s: %t", tool, got)
		}
	}
	_, err := r.Allows(t.Context(), bob, "tsk_x", "csv", "read_file", "x")
	wantCode(t, "another org", err, core.NotFound)
}
