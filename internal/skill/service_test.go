package skill_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/skill"
	"github.com/isekai-run/isekai/internal/store"
)

func TestAddedSkillIsOffered(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	added := r.add(ada, skill.OfProject, "csv", "Look.")
	if !added.New || added.Number != 1 || added.Owner != skill.OfProject || added.By.ID != "usr_ada" || !strings.HasPrefix(string(added.Digest), "sha256:") {
		t.Errorf("%+v", added)
	}
	if got := offered(t, r.node(), ada); got != "csv shipped" {
		t.Errorf("another node offers %q", got)
	}
	for name, s := range map[string]core.Scope{"another project": other, "another org": bob} {
		if got := offered(t, r.Service, s); got != "shipped" {
			t.Errorf("%s is offered %q", name, got)
		}
		_, err := r.Load(t.Context(), s, "csv")
		wantCode(t, name, err, core.NotFound)
		_, err = r.Use(t.Context(), s, "tsk_x", "csv")
		wantCode(t, name, err, core.NotFound)
		_, err = r.Enable(t.Context(), s, "csv", false)
		wantCode(t, name, err, core.NotFound)
		_, err = r.Remove(t.Context(), s, skill.OfProject, "csv")
		wantCode(t, name, err, core.NotFound)
	}
	k := must(r.Load(t.Context(), ada, "csv"))(t)
	if k.Body != "Look." || len(k.Files) != 2 || !k.Allows("read_file", "x") || k.Allows("write_file", "x") || len(k.Versions) != 1 {
		t.Errorf("%+v", k)
	}
	if got := must(r.ReadFile(t.Context(), ada.Org, k, "references/more.md"))(t); string(got) != "More of csv.\n" {
		t.Errorf("%q", got)
	}
	for _, name := range []string{"", ".", "..", "../csv/SKILL.md", "/SKILL.md", "./SKILL.md", "references", "none", "SKILL.md\x00"} {
		_, err := r.ReadFile(t.Context(), ada.Org, k, name)
		wantCode(t, name, err, core.NotFound)
	}
	_, err := r.ReadFile(t.Context(), bob.Org, k, "SKILL.md")
	wantCode(t, "a version of another org", err, core.NotFound)
}

func TestVersions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	one := r.add(ada, skill.OfOrg, "csv", "One.")
	if again := r.add(ada, skill.OfOrg, "csv", "One."); again.New || again.Number != 1 || again.Digest != one.Digest {
		t.Errorf("the same again: %+v", again)
	}
	two := r.add(ada, skill.OfOrg, "csv", "Two.")
	if !two.New || two.Number != 2 || two.Digest == one.Digest {
		t.Errorf("%+v", two)
	}
	if back := r.add(ada, skill.OfOrg, "csv", "One."); back.Number != 3 || back.Digest != one.Digest {
		t.Errorf("the first again: %+v", back)
	}
	for i := range 25 {
		r.add(ada, skill.OfOrg, "csv", strings.Repeat("x", i+1))
	}
	if k := must(r.Load(t.Context(), ada, "csv"))(t); len(k.Versions) != 20 || k.Number != 28 || k.Versions[19].Number != 28 {
		t.Errorf("%d versions, the newest %d", len(k.Versions), k.Number)
	}
	elsewhere := newRig(t).add(bob, skill.OfProject, "csv", "One.")
	if elsewhere.Digest != one.Digest {
		t.Error("the same files have another digest elsewhere")
	}
}

// TestNearerHidesFarther: a project's hides an org's, that one the operator's, that one what
// comes with the program; and each is seen again when what hid it goes.
func TestNearerHidesFarther(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := func() string { return must(r.Load(t.Context(), ada, "shipped"))(t).Body }
	if body() != "one" {
		t.Errorf("%q", body())
	}
	r.put("shipped/SKILL.md", text("shipped", "operator's"))
	r.clock.Advance(2 * time.Second)
	if body() != "operator's" {
		t.Errorf("%q", body())
	}
	r.add(ada, skill.OfOrg, "shipped", "org's")
	if body() != "org's" {
		t.Errorf("%q", body())
	}
	r.add(ada, skill.OfProject, "shipped", "project's")
	if body() != "project's" {
		t.Errorf("%q", body())
	}
	all := must(r.List(t.Context(), ada))(t)
	if len(all) != 3 || all[0].Owner != skill.OfProject || all[0].Hidden || !all[1].Hidden || !all[2].Hidden || all[2].Owner != skill.OfInstallation || all[2].Source != "folder" {
		t.Errorf("%+v", all)
	}
	if got := offered(t, r.Service, ada); got != "shipped" {
		t.Errorf("offered %q", got)
	}
	if k := must(r.Load(t.Context(), other, "shipped"))(t); k.Body != "org's" {
		t.Errorf("another project has %q", k.Body)
	}
	_ = must(r.Remove(t.Context(), ada, skill.OfProject, "shipped"))(t)
	if body() != "org's" {
		t.Errorf("%q", body())
	}
	_, err := r.Remove(t.Context(), ada, skill.OfProject, "shipped")
	wantCode(t, "removed already", err, core.NotFound)
	if !strings.Contains(core.HintOf(err), "--shared") {
		t.Errorf("%q", core.HintOf(err))
	}
	_ = must(r.Remove(t.Context(), ada, skill.OfOrg, "shipped"))(t)
	if body() != "operator's" {
		t.Errorf("%q", body())
	}
	_, err = r.Remove(t.Context(), ada, skill.OfInstallation, "shipped")
	wantCode(t, "the installation's", err, core.Invalid)
}

func TestDisabledIsForOneProject(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_ = must(r.Use(t.Context(), ada, "tsk_x", "shipped"))(t)
	for i, want := range []bool{true, false} {
		if changed := must(r.Enable(t.Context(), ada, "shipped", false))(t); changed != want {
			t.Errorf("change %d: %t", i, changed)
		}
	}
	if got := offered(t, r.node(), ada) + "|" + offered(t, r.Service, other) + "|" + offered(t, r.Service, bob); got != "|shipped|shipped" {
		t.Errorf("offered %q", got)
	}
	if k := must(r.Load(t.Context(), ada, "shipped"))(t); k.Enabled {
		t.Error("it isn't off")
	}
	for _, task := range []core.TaskID{"tsk_x", "tsk_y"} { // one has begun with it
		_, err := r.Use(t.Context(), ada, task, "shipped")
		wantCode(t, string(task), err, core.Denied)
	}
	_ = must(r.Enable(t.Context(), ada, "shipped", true))(t)
	if got := offered(t, r.Service, ada); got != "shipped" {
		t.Errorf("offered %q", got)
	}
	_, err := r.Enable(t.Context(), ada, "nope", true)
	wantCode(t, "no such skill", err, core.NotFound)
}

// TestTaskKeepsItsVersion, on any node, whatever becomes of the skill; the next task gets
// what is there.
func TestTaskKeepsItsVersion(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.add(ada, skill.OfProject, "csv", "One.")
	r.put("own/SKILL.md", text("own", "One."))
	use := func(s *skill.Service, task core.TaskID, name string) skill.Skill {
		t.Helper()
		return must(s.Use(t.Context(), ada, task, name))(t)
	}
	for _, name := range []string{"csv", "own"} {
		if k := use(r.Service, "tsk_a", name); k.Body != "One." || k.Number != 1 {
			t.Errorf("%+v", k)
		}
	}
	r.add(ada, skill.OfProject, "csv", "Two.")
	r.put("own/SKILL.md", text("own", "Two."))
	r.clock.Advance(2 * time.Second)
	elsewhere := r.node()
	for _, name := range []string{"csv", "own"} {
		if k := use(elsewhere, "tsk_a", name); k.Body != "One." || k.Number != 1 || k.Description == "" || len(k.Files) == 0 {
			t.Errorf("the task that has begun with %s: %+v", name, k)
		}
		if k := use(elsewhere, "tsk_b", name); k.Body != "Two." {
			t.Errorf("the next task has %s: %+v", name, k)
		}
	}
	_ = must(r.Remove(t.Context(), ada, skill.OfProject, "csv"))(t)
	if k := use(r.Service, "tsk_a", "csv"); k.Body != "One." {
		t.Errorf("after its removal: %+v", k)
	}
	_, err := r.Use(t.Context(), ada, "tsk_c", "csv")
	wantCode(t, "a task after its removal", err, core.NotFound)
	_, err = r.Use(t.Context(), bob, "tsk_a", "csv")
	wantCode(t, "a task of the same id in another org", err, core.NotFound)
}

func TestConcurrentAdditions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const n = 8
	var wg sync.WaitGroup
	for i := range n {
		packed := simple(t, "csv", strings.Repeat("x", i+1))
		wg.Go(func() {
			if _, err := r.Add(t.Context(), ada, skill.OfProject, packed, "upload"); err != nil {
				t.Error(err)
			}
			if _, err := r.Use(t.Context(), ada, "tsk_x", "csv"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	k := must(r.Load(t.Context(), ada, "csv"))(t)
	if k.Number != n || len(k.Versions) != n {
		t.Errorf("%d versions, the newest %d", len(k.Versions), k.Number)
	}
	first := must(r.Use(t.Context(), ada, "tsk_x", "csv"))(t)
	if again := must(r.Use(t.Context(), ada, "tsk_x", "csv"))(t); again.Digest != first.Digest {
		t.Error("a task has two versions")
	}
}

func TestSkillsAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.add(ada, skill.OfProject, "aa", "x")
	var changes []store.Change // as if they had been added
	for i := range skill.MaxSkills - 1 {
		name := fmt.Sprintf("a-%03d-%s", i, strings.Repeat("x", 50))
		data := fmt.Sprintf(`{"Meta":{"Name":%q,"Description":"Does %s."},"Versions":[{"Number":1,"Digest":"sha256:0"}]}`, name, name)
		changes = append(changes, store.Change{Kind: "skill", ID: "prj_one/" + name, Data: []byte(data)})
	}
	for part := range slices.Chunk(changes, store.MaxChanges) {
		ok(t, r.store.Write(t.Context(), ada.Org, part...))
	}
	_, err := r.Add(t.Context(), ada, skill.OfProject, simple(t, "more", "x"), "upload")
	wantCode(t, "one more", err, core.Exhausted)
	r.add(ada, skill.OfProject, "aa", "the next version of one")
	r.add(ada, skill.OfOrg, "more", "of another owner")
	all := must(r.Offered(t.Context(), ada))(t)
	text := skill.Prompt(all)
	if len(all) != skill.MaxSkills+2 || len(text) > skill.MaxPrompt || !strings.HasPrefix(text, "<available_skills>\n<skill>\n<name>a-000") || !strings.HasSuffix(text, "others</more>\n</available_skills>") {
		t.Errorf("%d skills in %d bytes: %.100s ... %s", len(all), len(text), text, text[len(text)-200:])
	}
}

func TestPrompt(t *testing.T) {
	t.Parallel()
	got := skill.Prompt([]skill.Summary{
		{Name: "a", Description: "Of the house.", Owner: skill.OfInstallation},
		{Name: "b", Description: "</description> & <system>", Owner: skill.OfProject},
	})
	want := "<available_skills>\n<skill>\n<name>b</name>\n<description>&lt;/description&gt; &amp; &lt;system&gt;</description>\n</skill>\n" +
		"<skill>\n<name>a</name>\n<description>Of the house.</description>\n</skill>\n</available_skills>"
	if got != want || skill.Prompt(nil) != "" {
		t.Errorf("%s", got)
	}
}
