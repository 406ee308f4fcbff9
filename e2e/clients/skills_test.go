package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/isekai-run/isekai/internal/skill"
	"github.com/isekai-run/isekai/internal/skill/skilltest"
)

// node runs a program with the clients' packages, and returns what it prints.
func node(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), patience)
	defer done()
	var errs bytes.Buffer
	c := exec.CommandContext(ctx, "node", args...)
	c.Env, c.Stderr = quiet(), &errs
	out, err := c.Output()
	if errs.Len() > 0 {
		t.Logf("%s", errs.String())
	}
	return out, err
}

// TestShippedSkillsAreValid, as the format's reference implementation sees it.
func TestShippedSkillsAreValid(t *testing.T) {
	t.Parallel()
	folder := clients(t)
	all, err := filepath.Glob("../../skills/*/" + skill.Main)
	if err != nil || len(all) < 11 {
		t.Fatalf("%d skills, %v", len(all), err)
	}
	for _, path := range all {
		if out, err := node(t, filepath.Join(folder, "node_modules/skills-ref/dist/cli.js"), "validate", filepath.Dir(path)); err != nil {
			t.Errorf("%s: %v\n%s", path, err, out)
		}
	}
}

// TestSkillsAreReadAsTheReferenceDoes: what is a skill here is one there; what is one there and
// not here, the corpus says, with why.
func TestSkillsAreReadAsTheReferenceDoes(t *testing.T) {
	t.Parallel()
	folder, dir := clients(t), t.TempDir()
	args := []string{filepath.Join(dir, "skills_ref.mjs")}
	program, err := os.ReadFile("programs/skills_ref.mjs")
	if err == nil {
		err = os.WriteFile(args[0], program, 0o600)
	}
	if err == nil {
		err = os.Symlink(filepath.Join(folder, "node_modules"), filepath.Join(dir, "node_modules"))
	}
	if err != nil {
		t.Fatal(err)
	}
	corpus := skilltest.Corpus()
	for i, c := range corpus {
		at := filepath.Join(dir, "cases", string(rune('a'+i/26))+string(rune('a'+i%26)), skilltest.Folder)
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at, skill.Main), []byte(c.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, at)
	}
	out, err := node(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	answers := json.NewDecoder(bytes.NewReader(out))
	for _, c := range corpus {
		var theirs []string
		if err := answers.Decode(&theirs); err != nil {
			t.Fatal(err)
		}
		_, ours, err := skill.Read(fstest.MapFS{skill.Main: {Data: []byte(c.Text)}}, skilltest.Folder)
		if err != nil {
			t.Fatal(err)
		}
		switch here, there := ours.Err() == nil, len(theirs) == 0; {
		case here != c.OK:
			t.Errorf("%s: %v here", c.Name, ours)
		case c.Differs == "" && here != there:
			t.Errorf("%s: %v here, %q there", c.Name, ours, theirs)
		case c.Differs != "" && (here || !there):
			t.Errorf("%s differs by %s, but is %v here, %q there", c.Name, c.Differs, ours, theirs)
		}
	}
}
