package e2e

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// wrapping is a small program with a bug: it forgets the space before a word.
var wrapping = map[string]string{
	"go.mod":    "module example.com/wrap\n\ngo 1.24\n",
	"README.md": "# wrap\n\nWraps text from standard input at 72 columns.\n",
	"main.go": `// Command wrap wraps its standard input at 72 columns.
package main

import (
	"fmt"
	"io"
	"os"

	"example.com/wrap/text"
)

func main() {
	b, err := io.ReadAll(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(text.Wrap(string(b), 72))
}
`,
	"text/wrap.go": `// Package text lays out text.
package text

import "strings"

// Wrap breaks text into lines of at most width bytes, between words. A word that is longer has a line
// of its own.
func Wrap(text string, width int) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len(line)+len(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return strings.Join(append(lines, line), "\n")
}
`,
	"text/wrap_test.go": `package text

import (
	"strings"
	"testing"
)

func TestWordsAreKept(t *testing.T) {
	const text = "the quick brown fox"
	if got := strings.Fields(Wrap(text, 7)); strings.Join(got, " ") != text {
		t.Errorf("Wrap(%q, 7) has the words %q", text, got)
	}
}

func TestNoLineIsTooLong(t *testing.T) {
	const text = "ten bytes and five more"
	for width := 5; width < 30; width++ {
		for _, line := range strings.Split(Wrap(text, width), "\n") {
			if len(line) > width {
				t.Errorf("Wrap(%q, %d) has the line %q of %d bytes", text, width, line, len(line))
			}
		}
	}
}
`,
}

var (
	failedAt  = regexp.MustCompile(`FAIL \S+ (Test\w+) \((\S+)/\w+_test\.go:\d+\)\n\s*\S+: (\w+)\(`)
	foundAt   = regexp.MustCompile(`(?m)^(\S+\.go):\d+: func `)
	forgotten = regexp.MustCompile(`len\(line\)\+len\(word\) > width`)
	pushed    = regexp.MustCompile(`the branch (\S+) of \S+ is at`)
	opened    = regexp.MustCompile(`opened pull request #(\d+): (\S+)`)
)

// fixer is a model that mends the program by what it is shown: the test that fails leads it to the function, the
// function to the line, and what was pushed to the pull request.
func fixer(host string) func(history) modeltest.Answer {
	return func(h history) modeltest.Answer {
		ran := h.outputs("run_tests")
		if len(ran) == 0 {
			return calls("run_tests", map[string]any{})
		}
		failure := failedAt.FindStringSubmatch(ran[0])
		if failure == nil {
			return lost("the tests say " + ran[0])
		}
		test, folder, function := failure[1], failure[2], failure[3]
		switch last := h.calls[len(h.calls)-1]; last.Tool {
		case "run_tests":
			if len(ran) == 1 {
				return calls("search_code", map[string]string{"pattern": "^func " + function + `\(`, "path": folder})
			}
			if strings.Contains(last.Output, "FAIL") {
				return lost("the fix doesn't help: " + last.Output)
			}
			return calls("git_commit", map[string]string{"message": "Count the space before a word\n\n" + test + " failed: " + function + " forgot it."})
		case "search_code":
			if m := foundAt.FindStringSubmatch(last.Output); m != nil {
				return calls("read_file", map[string]string{"path": m[1]})
			}
		case "read_file":
			var at struct{ Path string }
			if bad := forgotten.FindString(last.Output); bad != "" && json.Unmarshal([]byte(last.Arguments), &at) == nil {
				return calls("edit_file", map[string]string{"path": at.Path, "old": bad, "new": strings.Replace(bad, "+", "+1+", 1)})
			}
		case "edit_file":
			return calls("run_tests", map[string]any{"targets": []string{"./" + folder}})
		case "git_commit":
			return calls("git_push", map[string]any{})
		case "git_push":
			if m := pushed.FindStringSubmatch(last.Output); m != nil {
				return calls("github_pull_request", map[string]string{
					"repository": "team/project", "host": host, "credential": "forge", "head": m[1], "base": "main",
					"title": "Count the space before a word", "body": "Mends " + test + ".",
				})
			}
		case "github_pull_request":
			if m := opened.FindStringSubmatch(last.Output); m != nil {
				return modeltest.Answer{Text: test + " passes now. The fix is in pull request " + m[1] + ", " + m[2]}
			}
		}
		return lost(h.Last())
	}
}

// fixesATest has the program on a host mended.
func fixesATest(t *testing.T, host *codeHost) {
	t.Helper()
	if out, err := host.tests(t, "main"); err == nil || !strings.Contains(out, "TestNoLineIsTooLong") {
		t.Fatalf("there is nothing to mend: %v\n%s", err, out)
	}
	j := newJob(t, fixer(host.address()), host.reached()...)
	said := j.has(host, "wrap")
	j.begin(client.NewTask{Prompt: "A test of this repository fails. Fix what it shows, and open a pull request.", Repository: "wrap"})

	// Nothing leaves before somebody has said so, to the API or by the command line.
	j.asks("git_push")
	if all := host.branches(t); !slices.Equal(all, []string{"main"}) {
		t.Errorf("before anybody allowed it, the host has %q", all)
	}
	if _, err := j.ResumeTask(t.Context(), j.task, client.Reply{As: core.AnswerAllow}); err != nil {
		t.Fatal(err)
	}
	j.asks("github_pull_request")
	if all := host.pulls(t); len(all) != 0 {
		t.Errorf("before anybody allowed it, there is %v", all)
	}
	said += j.does("task", "resume", string(j.task), "--as", "allow")
	answer, events := j.succeeds()

	// The branch is there, its tests pass there, and the pull request names it.
	branch := "isekai/" + string(j.task)
	if all := host.branches(t); !slices.Equal(all, []string{branch, "main"}) {
		t.Fatalf("the host has the branches %q", all)
	}
	if out, err := host.tests(t, branch); err != nil {
		t.Errorf("the tests of %s: %v\n%s", branch, err, out)
	}
	pulls := host.pulls(t)
	if len(pulls) != 1 {
		t.Fatalf("there are %d pull requests: %v", len(pulls), pulls)
	}
	p := pulls[0]
	head, base := p["head"].(map[string]any), p["base"].(map[string]any)
	if head["ref"] != branch || base["ref"] != "main" || !strings.Contains(p["body"].(string), "TestNoLineIsTooLong") {
		t.Errorf("the pull request is %v", p)
	}
	if !strings.Contains(answer, p["html_url"].(string)) {
		t.Errorf("the answer %q doesn't name %v", answer, p["html_url"])
	}
	if ran := settled(t, events, "run_tests"); len(ran) != 2 || !ran[0].Failed || ran[1].Failed {
		t.Errorf("the tests ran as %+v", ran)
	}

	// What opens the host is nowhere: not in events, what the model was sent, logs, or what is stored.
	audit, err := j.Audit(t.Context(), client.OrgLog, client.AuditOptions{})
	if err != nil {
		t.Fatal(err)
	}
	everywhere := map[string]string{
		"events": asJSON(t, events), "the wire to the model": captured(j.up, 0), "the server's log": j.errs.String() + j.outs.String(),
		"the audit log": asJSON(t, audit), "the command line": said,
	}
	for what, text := range everywhere {
		holdsNone(t, what, text, host.token, base64.StdEncoding.EncodeToString([]byte("git:"+host.token)))
	}
	storesNone(t, j.books.dir, host.token)
}
