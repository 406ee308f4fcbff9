package e2e

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// A task that is over is looked at again, event by event, and nothing is done by it; its files are
// had as they were; it goes on from a point as another one, with those; and the two are compared.
func TestReplayForkDiffAndExport(t *testing.T) {
	t.Parallel()
	e := newErrands(t)
	s := serve(t, t.TempDir(), e.env())
	d := data{t: t, dir: s.dir, env: cleanEnv()}
	posts := s.waits(t, s.Client, "post the note").ID
	of := string(posts)
	d.does("task", "resume", of, "--as", "allow")
	e.posted(1)
	asked, events := len(e.up.Requests()), len(s.story(t, posts))

	// Replay shows each event, and has no effect.
	frames := lines[[]client.Frame](t, d.does("task", "replay", of, "--json"))[0]
	if len(frames) != events || frames[0].Type != "task.created" || frames[len(frames)-1].Type != "task.finished" {
		t.Fatalf("%d frames of %d events", len(frames), events)
	}
	var trees []client.Frame // the first with each tree
	for i, f := range frames {
		if f.Version != int64(i+1) || f.Diverges != "" {
			t.Errorf("frame %d is %+v", i, f)
		}
		if f.Tree != "" && (len(trees) == 0 || f.Tree != trees[len(trees)-1].Tree) {
			trees = append(trees, f)
		}
	}
	if len(trees) != 2 {
		t.Fatalf("it had the files %+v", trees)
	}
	first := fmt.Sprint(trees[0].Version)
	out := d.does("task", "replay", of)
	if n := strings.Count(out, "\n       then: "); n != events || strings.Contains(out, "DIVERGES") || !strings.Contains(out, "plan 1, step 1, attempt 1") {
		t.Errorf("%d events are shown:\n%s", n, out)
	}
	x := d.terminal("task", "replay", "--step", of)
	for _, f := range frames {
		x.says(f.Type)
		x.says("then: ")
		x.types("\r")
	}
	x.ends(0)
	e.posted(1)
	if n := len(e.up.Requests()); n != asked {
		t.Errorf("the model was asked %d times more", n-asked)
	}
	if n := len(s.story(t, posts)); n != events || len(d.tasks()) != 1 {
		t.Errorf("there are %d events of %d, and the tasks %+v", n, events, d.tasks())
	}

	// The files are exported as they were, into no file that is there.
	files := t.TempDir()
	last := filepath.Join(files, "last.zip")
	if out := d.does("task", "export", of, "-o", last); out != last+"\n" {
		t.Errorf("task export says %q", out)
	}
	earlier := filepath.Join(files, "earlier.zip")
	if wrote := lines[map[string]string](t, d.does("task", "export", of, "-o", earlier, "--at", first, "--json"))[0]; wrote["file"] != earlier {
		t.Errorf("task export says %v", wrote)
	}
	for file, want := range map[string]string{last: "the second\n", earlier: "the first\n"} {
		if got := unzipped(t, file, "note.txt"); got != want {
			t.Errorf("in %s it says %q", file, got)
		}
	}
	before, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	host := s.waits(t, s.Client, "ask which colour it is") // has no files yet
	refuses(t, d.run, []refusal{
		{"replay of no task", []string{"task", "replay", "tsk_nothing"}, 3, core.NotFound, "tsk_nothing", "isekai task list"},
		{"export of no task", []string{"task", "export", "tsk_nothing", "-o", filepath.Join(files, "x.zip")}, 3, core.NotFound, "tsk_nothing", "isekai task list"},
		{"export into a file that is there", []string{"task", "export", of, "-o", last, "--at", first}, 2, core.Invalid, "file exists", "-o"},
		{"export after its end", []string{"task", "export", of, "-o", filepath.Join(files, "x.zip"), "--at", "999"}, 2, core.Invalid, "no version 999", "task replay"},
		{"export before its beginning", []string{"task", "export", of, "-o", filepath.Join(files, "x.zip"), "--at", "-1"}, 2, core.Invalid, "at", ""},
		{"export when it had no files", []string{"task", "export", of, "-o", filepath.Join(files, "x.zip"), "--at", "1"}, 3, core.NotFound, "no files", "task replay"},
		{"export of one without files", []string{"task", "export", string(host.ID), "-o", filepath.Join(files, "x.zip")}, 3, core.NotFound, "no files", "task replay"},
		{"export to what is no archive", []string{"task", "export", of, "-o", filepath.Join(files, "x.txt")}, 2, core.Invalid, "archive", ".zip"},
		{"export to no folder", []string{"task", "export", of, "-o", filepath.Join(files, "no", "x.zip")}, 3, core.NotFound, "x.zip", "-o"},
	})
	if after, err := os.ReadFile(last); err != nil || string(after) != string(before) {
		t.Errorf("the file that was there isn't as it was: %v", err)
	}
	if left, err := os.ReadDir(files); err != nil || len(left) != 2 {
		t.Errorf("there is left %v, %v", left, err)
	}

	// A fork goes on with the files as they were: by itself, or for another wish.
	r := d.run("task", "fork", of, "--at", first)
	if r.code != 4 || !strings.Contains(r.out, "forked     here from "+of+", after its event "+first) || !strings.Contains(r.err, "--as allow|deny") {
		t.Fatalf("exit code %d: %s%s", r.code, r.out, r.err)
	}
	again := string(d.tasks()[0].ID)
	e.posted(1) // what it has to do again is asked about again
	d.does("task", "resume", again, "--as", "allow")
	e.posted(2)
	out = d.does("task", "fork", of, "--at", first, "--prompt", "read the note", "--json")
	end, _ := timeline(t, out)
	if end.Task.Status != core.StatusSucceeded || !strings.Contains(end.Task.Answer, "the first") || strings.Contains(end.Task.Answer, "second") {
		t.Errorf("it reads %q", end.Task.Answer)
	}
	reads := string(end.Task.ID)
	e.posted(2)
	if now, err := s.Task(t.Context(), posts); err != nil || int(now.Events) != events {
		t.Errorf("the one that was forked is %+v, %v", now, err)
	}
	refuses(t, d.run, []refusal{
		{"fork of no task", []string{"task", "fork", "tsk_nothing"}, 3, core.NotFound, "tsk_nothing", "isekai task list"},
		{"fork after its end", []string{"task", "fork", of, "--at", "999"}, 2, core.Invalid, "no version 999", "task replay"},
		{"fork before its beginning", []string{"task", "fork", of, "--at", "-1"}, 2, core.Invalid, "at", ""},
		{"fork of what is over", []string{"task", "fork", of, "--at", fmt.Sprint(events)}, 2, core.Invalid, "it is over", "the last point"},
		{"fork with no such model", []string{"task", "fork", of, "--model", "blueprint"}, 8, core.Unsupported, "planner", "model"},
	})

	// Two tasks are compared: in what they did, and in their files.
	if out := d.does("task", "diff", of, of); !strings.Contains(out, "They did the same.") || !strings.Contains(out, "Their files are the same.") {
		t.Errorf("with itself it differs in %s", out)
	}
	out = d.does("task", "diff", of, reads)
	for _, line := range []string{"+prompt: read the note", "-  http_request", "-the second", "+the first", "modified note.txt"} {
		if !strings.Contains(out, "\n"+line) {
			t.Errorf("task diff doesn't say %q:\n%s", line, out)
		}
	}
	diff := lines[client.TaskDiff](t, d.does("task", "diff", of, reads, "--json"))[0]
	if diff.A.ID != posts || diff.B.ID != core.TaskID(reads) || len(diff.Files) != 1 || diff.Files[0].Path != "note.txt" || diff.Files[0].Change != "modified" {
		t.Errorf("the difference is %+v", diff)
	}
	ann, operator := s.first(t)
	key := s.another(t, operator, ann)
	theirs, err := client.New(s.url, key.Text, nil).CreateTask(t.Context(), client.NewTask{Kind: core.KindTask, Prompt: "post the note"}, "")
	if err != nil {
		t.Fatal(err)
	}
	bob := s.by(t, key.Text)
	elsewhere := filepath.Join(files, "x.zip")
	refuses(t, bob, []refusal{
		{"diff with another org's", []string{"task", "diff", string(theirs.ID), of}, 3, core.NotFound, of, "isekai task list"},
		{"diff of another org's", []string{"task", "diff", of, string(theirs.ID)}, 3, core.NotFound, of, "isekai task list"},
		{"replay of another org's", []string{"task", "replay", of}, 3, core.NotFound, of, "isekai task list"},
		{"fork of another org's", []string{"task", "fork", of}, 3, core.NotFound, of, "isekai task list"},
		{"export of another org's", []string{"task", "export", of, "-o", elsewhere}, 3, core.NotFound, of, "isekai task list"},
	})
	refuses(t, d.run, []refusal{
		{"diff with theirs", []string{"task", "diff", of, string(theirs.ID)}, 3, core.NotFound, string(theirs.ID), "isekai task list"},
		{"diff with none", []string{"task", "diff", of, "tsk_nothing"}, 3, core.NotFound, "tsk_nothing", "isekai task list"},
		{"diff of one", []string{"task", "diff", of}, 2, core.Invalid, "other arguments", "--help"},
	})
	e.posted(2)
}

// A task that is under way can be forked from what is behind it, and doesn't notice.
func TestForkOfARunningTask(t *testing.T) {
	t.Parallel()
	e := newErrands(t)
	s := serve(t, t.TempDir(), e.env())
	d := data{t: t, dir: s.dir, env: cleanEnv()}
	asks := s.waits(t, s.Client, "post the note")
	out := d.does("task", "fork", string(asks.ID), "--prompt", "read the note", "--json")
	end, _ := timeline(t, out)
	if end.Task.Status != core.StatusSucceeded || !strings.Contains(end.Task.Answer, "the second") {
		t.Errorf("it reads %q", end.Task.Answer)
	}
	if now, err := s.Task(t.Context(), asks.ID); err != nil || now.Events != asks.Events || now.Status != core.StatusWaiting {
		t.Errorf("the one that was forked is %+v, %v", now, err)
	}
	e.posted(0)
	d.does("task", "resume", string(asks.ID), "--as", "allow")
	e.posted(1)

	folder := t.TempDir() // of the host's, of which no states are kept
	r := d.run("task", "run", "post the note", "--workspace", folder)
	if r.code != 4 {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
	id := string(d.tasks()[0].ID)
	refuses(t, d.run, []refusal{
		{"fork in a folder of the host", []string{"task", "fork", id}, 8, core.Unsupported, "folder of the host", "workspace"},
		{"export of a folder of the host", []string{"task", "export", id, "-o", filepath.Join(t.TempDir(), "x.zip")}, 8, core.Unsupported, "folder of the host", "look there"},
	})
}

// unzipped is a file of an archive.
func unzipped(t *testing.T, archive, name string) string {
	t.Helper()
	z, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		if f.Name != name && !strings.HasSuffix(f.Name, "/"+name) {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	t.Fatalf("%s has no %s", archive, name)
	return ""
}
