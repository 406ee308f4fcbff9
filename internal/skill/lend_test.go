package skill_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/skill"
)

func TestMountsWhatIsNamed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.add(ada, skill.OfProject, "csv", "Look.")
	r.add(ada, skill.OfProject, "off", "x")
	_ = must(r.Enable(t.Context(), ada, "off", false))(t)
	argv := []string{"sh", "-c", "cat /skills/csv/references/more.md /skills/shipped/scripts/run.py /skills/none/x /skills/off/SKILL.md /skills/../csv /skills/csv/x"}
	mounts, release, err := r.Mounts(t.Context(), ada, "tsk_x", argv)
	ok(t, err)
	if len(mounts) != 2 || mounts[0].Target != "/skills/csv" || mounts[1].Target != "/skills/shipped" || mounts[0].Writable || mounts[1].Writable {
		t.Fatalf("%+v", mounts)
	}
	if got := string(must(os.ReadFile(filepath.Join(mounts[0].Host, "references/more.md")))(t)); got != "More of csv.\n" {
		t.Errorf("%q", got)
	}
	if info := must(os.Stat(filepath.Join(mounts[1].Host, "scripts/run.py")))(t); info.Mode().Perm() != 0o755 {
		t.Errorf("the script has mode %v", info.Mode())
	}
	release()
	release()
	for name, s := range map[string]core.Scope{"another project": other, "another org": bob} {
		mounts, release, err := r.Mounts(t.Context(), s, "tsk_y", []string{"cat", "/skills/csv/SKILL.md"})
		ok(t, err)
		if release(); len(mounts) != 0 {
			t.Errorf("%s gets %+v", name, mounts)
		}
	}
}

// TestLentFoldersAreBounded: those that nobody uses go, and those in use stay.
func TestLentFoldersAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	mount := func(task core.TaskID) (string, func()) {
		t.Helper()
		mounts, release, err := r.Mounts(t.Context(), ada, task, []string{"/skills/csv/SKILL.md"})
		ok(t, err)
		return mounts[0].Host, release
	}
	r.add(ada, skill.OfProject, "csv", "0")
	first, release := mount("tsk_0")
	var last string
	for i := 1; i <= 40; i++ {
		r.add(ada, skill.OfProject, "csv", fmt.Sprint(i))
		dir, done := mount(core.TaskID(fmt.Sprintf("tsk_%d", i)))
		last = dir
		done()
	}
	left := must(os.ReadDir(filepath.Dir(first)))(t)
	if len(left) > 33 {
		t.Errorf("%d folders are left", len(left))
	}
	for name, dir := range map[string]string{"the one in use": first, "the last": last} {
		if _, err := os.Stat(filepath.Join(dir, "SKILL.md")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	release()
	var wg sync.WaitGroup
	for i := range 41 {
		wg.Go(func() {
			mounts, release, err := r.Mounts(t.Context(), ada, core.TaskID(fmt.Sprintf("tsk_%d", i)), []string{"/skills/csv/SKILL.md"})
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			if b, err := os.ReadFile(filepath.Join(mounts[0].Host, "SKILL.md")); err != nil || string(b) != text("csv", fmt.Sprint(i)) {
				t.Errorf("%q, %v", b, err)
			}
		})
	}
	wg.Wait()
}
