package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[core.Code]int{
		core.Internal: 1, core.Invalid: 2, core.NotFound: 3, core.Conflict: 4, core.Unauthenticated: 5, core.Denied: 5,
		core.Exhausted: 6, core.Unavailable: 7, core.Unsupported: 8, core.Canceled: 130,
	} {
		h := newHost(t, nil)
		h.connect = fails(code)
		if got, _, errs := h.run(t.Context(), "task", "list"); got != want || errs != "isekai: it failed\n  mend it\n" {
			t.Errorf("%s: %d %q", code, got, errs)
		}
		got, out, errs := h.run(t.Context(), "task", "list", "--json")
		var told struct{ Error core.Failure }
		if err := json.Unmarshal([]byte(errs), &told); err != nil || got != want || out != "" || told.Error.Code != code || told.Error.Hint != "mend it" {
			t.Errorf("%s as JSON: %d %q %q: %v", code, got, out, errs, err)
		}
	}
	h := newHost(t, nil)
	if h.connect = errPlain; exit(h.run(t.Context(), "task", "list")) != 1 {
		t.Error("an error without a code")
	}
	h = newHost(t, everything())
	if h.closing = fails(core.Unavailable); exit(h.run(t.Context(), "task", "list")) != 7 {
		t.Error("a stop that fails isn't told")
	}
	h = newHost(t, nil)
	if h.load = fails(core.Invalid); exit(h.run(t.Context(), "doctor")) != 2 || exit(h.run(t.Context(), "config")) != 2 || exit(h.run(t.Context(), "serve")) != 2 {
		t.Error("a wrong configuration")
	}
	if h.load, h.exit = nil, 42; exit(h.run(t.Context(), "sandbox", "exec", "--", "false")) != 42 {
		t.Error("a sandboxed command's exit code is lost")
	}
	if code, out, errs := h.run(t.Context(), "doctor"); code != 1 || !strings.Contains(out, "FAIL  disk") || !strings.Contains(out, "free some") || errs != "" {
		t.Errorf("doctor: %d %q %q", code, out, errs)
	}
}

func exit(code int, _, _ string) int { return code }

// TestWrongCommandLines are all invalid, with a way out, before anything is done.
func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"nonsense", "run", "run |", "task run", "task show", "task show a b", "task nonsense", "app files", "app files a b c", "app diff",
		"app diff a x", "app rollback a", "app rollback a 0", "app change a", "app change a | ", "--nonsense", "task list --limit x", "task list --limit 0", "app list --limit 201",
		"sandbox exec", "version x", "app export", "app export a -o a.rar", "app list --status x", "task list --status x", "serve x",
		"usage x", "usage models x", "db rollback x", "db rollback 3", "restore a b", "keys rotate --master --org a", "keys rotate --signing --org a", "keys rotate --signing --master", "keys shred", "deadletter show x", "store copy --to postgres://u:secret@h/d", "store copy --from sqlite://x", "deadletter drop a/b/0",
		"login x", "login http://a.example", "login", "login https://a.example --no-browser", "login https://a.example corp", "login https://a.example --oidc=corp --key", "login https://a.example --oidc --email a@b.c", "login https://a.example corp x --oidc", "user email", "org withdraw", "whoami x", "user show", "user create a@b.c", "user disable", "user setup https://a.example", "user accept ftp://x --name x",
		"org create", "org create x --owner a --invite b", "org leave", "org role usr_a", "org members --limit 0", "project rename prj_a", "key create x", "key create x --scope a --expires x",
		"key create x --scope a --budget x", "key revoke", "credit grant", "credit grant x", "credit share 0", "credit budget set org x", "credit budget set org 1 --window year",
		"credit price set model/x --input x", "audit list --from x", "audit list --limit 201", "audit export", "audit verify --checkpoint /none", "secret set", "secret set x --keep --file y",
		"secret set x --file /none", "secret delete x", "secret show",
	} {
		h := newHost(t, nil)
		words := strings.Split(args, " ")
		for i, w := range words {
			words[i] = strings.ReplaceAll(w, "|", " ")
		}
		code, _, errs := h.run(t.Context(), words...)
		if code != 2 || len(h.modes) > 0 || !strings.HasPrefix(errs, "isekai: ") || strings.Count(errs, "\n") < 2 {
			t.Errorf("%q: %d, connected %v, %q", args, code, h.modes, errs)
		}
	}
}

// TestCommands is what each command prints, in text and as JSON, and how far it
// needs this process to work.
func TestCommands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args string
		mode Mode
		text []string // in what it prints
		json []string // keys of the last line
	}{
		{"task list", Direct, []string{"TASK", "tsk_a", "p[2J", "more: --cursor cur"}, []string{"items", "next"}},
		{"task show tsk_a", Direct, []string{"Status    succeeded", "[x] 1. one", "[ ] 2. two", "2 calls, 3 tokens"}, []string{"id", "status", "plan"}},
		{"task watch tsk_a", Direct, []string{"succeeded  done"}, []string{"type", "version", "data"}},
		{"task cancel tsk_a", Working, []string{"tsk_a: succeeded"}, []string{"id", "status"}},
		{"task resume tsk_a", Working, []string{"Shelf is running"}, []string{"type", "task", "app"}},
		{"task run words of it", Working, []string{"Model: m", "Open"}, []string{"type", "task"}},
		{"run a shelf", Working, []string{"Model: m", "Shelf is running", "http://shelf.localhost", `isekai app change shelf "more"`, "a note"}, []string{"type", "task", "app"}},
		{"run --exit a shelf", Working, []string{"was stopped", "isekai app start shelf"}, []string{"type", "task", "app", "stopped"}},
		{"app list", Direct, []string{"shelf", "2 of 2", "running"}, []string{"items"}},
		{"app show shelf", Direct, []string{"App       shelf (app_a)", "3 passed", "Idea      more"}, []string{"id", "selected"}},
		{"app open shelf", Working, []string{"http://shelf.localhost\n"}, []string{"url"}},
		{"app start shelf", Working, []string{"http://shelf.localhost\n"}, []string{"url"}},
		{"app stop shelf", Direct, []string{"shelf: running"}, []string{"id"}},
		{"app versions shelf", Direct, []string{"*  2", "   1"}, nil},
		{"app files shelf", Direct, []string{"7  app.py"}, nil},
		{"app logs shelf", Direct, []string{"2 lines missed", "hello"}, []string{"seq", "text"}},
		{"app diff shelf 1 2", Direct, []string{"modified app.py\n-a\n+b\n"}, []string{"from", "to", "files"}},
		{"app rollback shelf 2", Direct, []string{"shelf is at version 2"}, []string{"version"}},
		{"app change shelf more of it", Working, []string{"Shelf is running"}, []string{"type", "task", "app"}},
		{"app delete shelf --yes", Direct, []string{"deleted shelf"}, []string{"deleted"}},
		{"usage", Direct, []string{"2026-01-02  m", "1m0s"}, nil},
		{"usage --days 366", Direct, []string{"2026-01-02"}, nil},
		{"usage models --from 2026-01-01 --key key_a", Direct, []string{"2026-01-02  prj_a    key_a  openai/gpt-x  7      1       700        300     0         70          1.5"}, nil},
		{"model prompts", Direct, []string{"prm_a", "2026-01-02", "usr_a", "prj_a", "gpt-x", "openai", "chat", "ok (cut)", "more: --cursor cur"}, []string{"items", "next"}},
		{"model prompt prm_a", Direct, []string{"Prompt    prm_a", "Request:\n{\"a\":1}\n", "Answer:\ndata: 1\n\ndata: 2[2J\n"}, []string{"id", "request", "answer"}},
		{"model prompt prm_a --delete", Direct, []string{"prm_a is gone"}, []string{"deleted"}},
		{"model prompt --delete-all", Direct, []string{"No prompts are kept any more"}, []string{"deleted"}},
		{"projection verify tasks", Direct, []string{"tasks", "2 rows, all as the events say"}, nil},
		{"projection rebuild", Direct, []string{"tasks", "apps", "usage", "calls"}, nil},
		{"backup", Direct, []string{"20260102T030405Z  9 events, 1 blob\n", "master key"}, []string{"id", "events"}},
		{"backup list", Direct, []string{"BACKUP", "20260102T030405Z"}, nil},
		{"restore 20260102T030405Z", -1, []string{"Restored.", "All sessions, one-time links and access tokens have ended", "2026-01-02 03:04:05", "isekai key list --all"}, []string{"verified", "problems"}},
		{"restore --verify 20260102T030405Z", -1, []string{"20260102T030405Z  7 events", "shredded: org_gone", "The backup is good."}, []string{"verified", "problems"}},
		{"db status", -1, []string{"sqlite  schema version 2 of 3"}, []string{"current"}},
		{"db migrate", -1, []string{"schema version 3 of 3"}, []string{"current"}},
		{"db rollback", -1, []string{"schema version 1 of 3"}, []string{"current"}},
		{"db rollback 0 --drop", -1, []string{"schema version 0 of 3"}, []string{"current"}},
		{"deadletter list", Direct, []string{"ledger/tsk_a/3", "thing.happened", "a bug"}, []string{"items"}},
		{"deadletter show ledger/tsk_a/3", Direct, []string{"reason    a bug", `content   {"n":1}`}, []string{"consumer", "content"}},
		{"deadletter replay ledger/tsk_a/3", Direct, []string{"applied 2 events"}, []string{"applied"}},
		{"deadletter drop ledger/tsk_a/3", Direct, []string{"dropped", "ledger/tsk_a/4"}, []string{"behind"}},
		{"keys new /x/key", -1, []string{"/x/key", "Keep a copy"}, []string{"file"}},
		{"keys recover", -1, []string{"New keys for 2 orgs; 1 org shredded again"}, []string{"orgs", "shredded"}},
		{"keys rotate", Direct, []string{"New keys for 2 orgs"}, []string{"orgs"}},
		{"keys rotate --org org_a", Direct, []string{"2 orgs"}, []string{"orgs"}},
		{"keys rotate --signing", Direct, []string{"New signing keys", "access tokens have ended"}, []string{"signing"}},
		{"keys rotate --master", Direct, []string{"2 orgs are closed by a new master key"}, []string{"orgs"}},
		{"version", -1, []string{"isekai 1.2.3 go linux/x"}, []string{"version", "go", "platform"}},
		{"config", -1, []string{"api_key: '[set]'\n"}, []string{"api_key"}},
		{"doctor", -1, []string{"ok    store"}, nil},
		{"diagnostics", Direct, []string{
			"node-a, isekai 1.2.3, up for 1h1m1s: 12 goroutines, 4 MB in use of 8 MB, 1 collection took 12.3ms of processor time\n",
			"show-task  7      2        1       1     1.5ms  36.9ms  1m0s\n", "run_tests  3      1       internal 1, invalid 1  0s   0s   0s   1.23s\n",
			"openai/m  chat  3      failed 1, ok 2  unavailable 1\n", "(nobody)  chat", "openai     chat  2s   0s   0s   no connection 1, ok 2\n",
			"sqlite        2      1.5s     2s", "SELECT 1[2J\n",
		}, []string{"node", "since", "requests", "tools", "models", "providers", "queries", "runtime"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, everything())
			args := strings.Split(c.args, " ")
			code, out, errs := h.run(t.Context(), args...)
			if code != 0 || errs != "" || c.mode >= 0 && !slices.Equal(h.modes, []Mode{c.mode}) || c.mode < 0 && h.modes != nil {
				t.Fatalf("%d in modes %v: %s%s", code, h.modes, out, errs)
			}
			for _, want := range c.text {
				if !strings.Contains(out, want) {
					t.Errorf("%q isn't in\n%s", want, out)
				}
			}
			if strings.Contains(out, "\x1b") {
				t.Errorf("the terminal is driven: %q", out)
			}
			code, out, errs = h.run(t.Context(), append(args, "--json")...)
			lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
			if code != 0 || errs != "" {
				t.Fatalf("as JSON: %d %s%s", code, out, errs)
			}
			for _, line := range lines {
				if !json.Valid([]byte(line)) {
					t.Errorf("not JSON: %q", line)
				}
			}
			last := map[string]json.RawMessage{}
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil && c.json != nil {
				t.Fatal(err)
			}
			for _, key := range c.json {
				if last[key] == nil {
					t.Errorf("no %q in %s", key, lines[len(lines)-1])
				}
			}
		})
	}
}

// A server that ended between being found and being asked isn't the command's end: what
// answers now is asked. One that is never there is.
func TestAServerThatHasJustEnded(t *testing.T) {
	t.Parallel()
	for away, want := range map[int]int{1: 0, maxRejoin: 0, maxRejoin + 1: exitCode(core.E(core.Unavailable, "", ""))} {
		h := newHost(t, everything())
		h.away = away
		code, out, errs := h.run(t.Context(), "task", "show", "tsk_a")
		if code != want || (code == 0) != strings.Contains(out, "tsk_a") || h.away != 0 {
			t.Errorf("away %d times: exit code %d\n%s%s", away, code, out, errs)
		}
	}
}

// TestResumeOfAStoppedApp: what is said of an app is its state, and nothing is
// kept waiting for an app that doesn't run.
func TestResumeOfAStoppedApp(t *testing.T) {
	t.Parallel()
	answers := everything()
	answers["GET /v1/apps/app_a"] = strings.Replace(anApp, `"status":"running","url":"http://shelf.localhost"`, `"status":"stopped"`, 1)
	h := newHost(t, answers)
	h.serving = true
	code, out, errs := h.run(t.Context(), "task", "resume", "tsk_a")
	if code != 0 || errs != "" || !strings.Contains(out, "Shelf is stopped") || !strings.Contains(out, "isekai app start shelf") || strings.Contains(out, "Open") {
		t.Errorf("%d %s%s", code, out, errs)
	}
}

func TestFilesAndArchives(t *testing.T) {
	t.Parallel()
	h := newHost(t, everything())
	if code, out, _ := h.run(t.Context(), "app", "files", "shelf", "app.py"); code != 0 || out != "print(1)\n" {
		t.Errorf("%d %q", code, out)
	}
	path := filepath.Join(t.TempDir(), "x.tar.gz")
	if code, out, errs := h.run(t.Context(), "app", "export", "shelf", "-o", path); code != 0 || out != path+"\n" {
		t.Fatalf("%d %q %q", code, out, errs)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "PK" {
		t.Errorf("%q, %v", b, err)
	}
	delete(h.answers, "GET /v1/apps/app_a/versions/current/export")
	other := filepath.Join(filepath.Dir(path), "y.zip")
	if code, _, _ := h.run(t.Context(), "app", "export", "shelf", "-o", other); code != 3 {
		t.Errorf("an export that fails: %d", code)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("half a file stays: %v, %v", left, err)
	}
	h = newHost(t, everything())
	taken := filepath.Join(filepath.Dir(path), "taken.zip")
	if err := os.Mkdir(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := h.run(t.Context(), "app", "export", "shelf", "-o", path); code != 2 || !strings.Contains(errs, "file exists") {
		t.Errorf("an export into a file that is there: %d %q", code, errs)
	}
	for to, want := range map[string]int{filepath.Join(taken, "no", "z.zip"): 3, filepath.Join(path, "z.zip"): 2, taken: 2} {
		code, _, errs := h.run(t.Context(), "app", "export", "shelf", "-o", to)
		if code != want || !strings.Contains(errs, "-o") || strings.Contains(errs, ".isekai-") {
			t.Errorf("%s: %d %q", to, code, errs)
		}
	}
	if code, _, errs := h.run(t.Context(), "app", "delete", "shelf"); code != 2 || !strings.Contains(errs, "--yes") {
		t.Errorf("a delete without --yes: %d %q", code, errs)
	}
}

func TestTasksThatDontSucceed(t *testing.T) {
	t.Parallel()
	for status, c := range map[string]struct {
		more string
		code int
		text string
	}{
		"failed":   {`,"error":{"code":"exhausted","msg":"no tokens","hint":"buy some"}`, 6, "isekai: no tokens\n  buy some\n"},
		"canceled": {``, 130, "was canceled"},
		"waiting":  {`,"approval":{"call":"c","question":"did it\u001b[2J run?"}`, 4, "isekai: did it[2J run?\n  answer: isekai task resume tsk_a --as repeat|done|failed\n"},
	} {
		h := newHost(t, everything())
		h.answers["GET /v1/tasks/tsk_a"] = `{"id":"tsk_a","kind":"app","status":"` + status + `"` + c.more + `}`
		code, _, errs := h.run(t.Context(), "run", "x")
		if code != c.code || !strings.Contains(errs, c.text) {
			t.Errorf("%s: %d %q", status, code, errs)
		}
	}
}

// TestCtrlC ends a watch and says how to go on; what serves stops quietly.
func TestCtrlC(t *testing.T) {
	t.Parallel()
	h := newHost(t, everything())
	ctx, stop := context.WithCancel(t.Context())
	h.answers["GET /v1/tasks/tsk_a/events"] = "id: 1\ndata: {\"type\":\"task.created\",\"version\":1,\"data\":{}}\n\n"
	stopAt := &stopping{stop: stop}
	var errs strings.Builder
	code := Main(ctx, h, IO{Out: stopAt, Err: &errs}, []string{"task", "watch", "tsk_a"})
	if code != 130 || !strings.Contains(errs.String(), "isekai task resume tsk_a") {
		t.Errorf("%d %q", code, errs.String())
	}
	h.serving = true
	ctx, stop = context.WithCancel(t.Context())
	stop()
	if code, out, _ := h.run(ctx, "serve", "--listen", "127.0.0.1:9"); code != 0 || !strings.Contains(out, "Serving at") || h.given["listen"] != "127.0.0.1:9" {
		t.Errorf("%d %q, given %v", code, out, h.given)
	}
	h.failed <- fails(core.Exhausted)
	if code, _, errs := h.run(t.Context(), "serve", "--data-dir", "/d"); code != 6 || !strings.Contains(errs, "mend it") || h.given["data_dir"] != "/d" {
		t.Errorf("a server that can't go on: %d %q", code, errs)
	}
}

// stopping stops once something is printed.
type stopping struct{ stop func() }

func (s *stopping) Write(b []byte) (int, error) { s.stop(); return len(b), nil }

// TestShredAsks: only the org's name lets keys be destroyed.
func TestShredAsks(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]int{"org_a\n": 0, "org_a": 0, "org_b\n": 2, "y\n": 2, "": 2} {
		h := newHost(t, everything())
		var out, errs bytes.Buffer
		code := Main(t.Context(), h, IO{In: strings.NewReader(typed), Out: &out, Err: &errs}, []string{"keys", "shred", "--org", "org_a"})
		if code != want || (code == 0) != strings.Contains(out.String(), "keys of org_a are gone") || !strings.Contains(errs.String(), "Type its name") {
			t.Errorf("%q: exit code %d\n%s%s", typed, code, out.String(), errs.String())
		}
	}
}

// Ctrl-C at the question is an answer, too.
func TestCtrlCAtTheQuestion(t *testing.T) {
	t.Parallel()
	h := newHost(t, everything())
	ctx, stop := context.WithCancel(t.Context())
	in, typing := io.Pipe()
	defer typing.Close()
	var out bytes.Buffer
	asked := &stopping{stop: stop}
	code := Main(ctx, h, IO{In: in, Out: &out, Err: asked}, []string{"keys", "shred", "--org", "org_a"})
	if code != 130 || out.Len() > 0 {
		t.Errorf("exit code %d: %s", code, &out)
	}
}

// An error is a line, however many its cause has, and one that comes of Ctrl-C speaks of
// nothing else.
func TestErrorsAreALine(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	h.connect = core.E(core.Unavailable, "store.open", "no connection").Because(errors.New("failed to connect to `x`:\n\t127.0.0.1: refused\n\t127.0.0.1: refused\n\t127.0.0.2: gone"))
	const want = "store.open: no connection: failed to connect to `x`: 127.0.0.1: refused; 127.0.0.2: gone"
	if _, _, errs := h.run(t.Context(), "task", "list"); errs != "isekai: "+want+"\n" {
		t.Errorf("%q", errs)
	}
	if _, _, errs := h.run(t.Context(), "task", "list", "--json"); !strings.Contains(errs, `"msg":"`+want+`"`) {
		t.Errorf("as JSON: %q", errs)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	h.connect = core.E(core.Canceled, "store.migrate", "the database couldn't be migrated").WithHint("report this").Because(context.Canceled)
	if code, _, errs := h.run(ctx, "task", "list"); code != 130 || !strings.HasPrefix(errs, "isekai: stopped\n") || strings.Contains(errs, "report") {
		t.Errorf("%d %q", code, errs)
	}
}

// TestWhatIsWrongIsTold: what differs or is damaged makes the command fail.
func TestWhatIsWrongIsTold(t *testing.T) {
	t.Parallel()
	h := newHost(t, map[string]string{"POST /v1/projections/tasks/verify": `{"view":"tasks","rows":2,"differences":[{"id":"tsk_a","what":"missing"}]}`})
	h.exit = 1
	for args, want := range map[string]string{"projection verify tasks": "tsk_a: missing", "restore --verify": "wrong: a row is missing"} {
		code, out, errs := h.run(t.Context(), strings.Split(args, " ")...)
		if code != exitCode(core.E(core.Conflict, "", "")) || !strings.Contains(out, want) || !strings.Contains(errs, "isekai: ") {
			t.Errorf("%s: exit code %d\n%s%s", args, code, out, errs)
		}
	}
}

func TestStoreCopy(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	code, out, errs := h.run(t.Context(), "store", "copy", "--from", "sqlite", "--to", "postgres")
	if code != 0 || errs != "org_a: 5 events\n" || out != "1 org, 5 events, 2 rows of views: all there and the same\n" {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	code, out, errs = h.run(t.Context(), "store", "copy", "--json")
	if code != 0 || errs != "" || !strings.Contains(out, `"events":5`) {
		t.Errorf("as JSON: exit code %d\n%s%s", code, out, errs)
	}
	if _, _, errs := h.run(t.Context(), "store", "copy", "--to", "postgres://u:secret@h/d"); strings.Contains(errs, "secret") || !strings.Contains(errs, "ISEKAI_STORE_URL") {
		t.Errorf("a password as a flag: %s", errs)
	}
}

// TestComplaintsAreClean: what is said of an error shows no secret that it quotes.
func TestComplaintsAreClean(t *testing.T) {
	t.Parallel()
	for _, json := range []bool{false, true} {
		var out bytes.Buffer
		sh := &shell{json: json, io: IO{Err: &out, Clean: func(s string) string { return strings.ReplaceAll(s, "hunter2", "[gone]") }}}
		sh.complain(core.E(core.Invalid, "config", "can't use postgres://u:hunter2@db").WithHint("not hunter2").Because(errors.New("hunter2 again")))
		if strings.Contains(out.String(), "hunter2") || strings.Count(out.String(), "[gone]") != 3 {
			t.Errorf("json %t: %s", json, &out)
		}
	}
}

// TestAnAppWithoutAnAddress runs nevertheless, and it is said why nobody is shown where.
func TestAnAppWithoutAnAddress(t *testing.T) {
	t.Parallel()
	answers := everything()
	for request, body := range answers {
		answers[request] = strings.ReplaceAll(body, `"url":"http://shelf.localhost",`, "")
	}
	h := newHost(t, answers)
	if code, out, errs := h.run(t.Context(), "app", "open", "shelf"); code != 0 || errs != "" || !strings.Contains(out, "shelf runs") || !strings.Contains(out, "public.previews") {
		t.Errorf("%d %s%s", code, out, errs)
	}
}

// TestNothingIsDroppedUnasked by a way back to an older schema.
func TestNothingIsDroppedUnasked(t *testing.T) {
	t.Parallel()
	if code, _, errs := newHost(t, everything()).run(t.Context(), "db", "rollback", "0"); code == 0 || !strings.Contains(errs, "2 users would be dropped") || !strings.Contains(errs, "--drop") {
		t.Errorf("a rollback without --drop: %d %q", code, errs)
	}
}
