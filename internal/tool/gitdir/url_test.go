package gitdir_test

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

func TestURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://example.com/a/b.git": "https://example.com/a/b.git", "https://example.com:8443/a": "https://example.com:8443/a", "http://127.0.0.1:3000/a/b": "http://127.0.0.1:3000/a/b",
		"ssh://git@example.com/a/b.git": "ssh://git@example.com/a/b.git", "ssh://example.com:2222/a": "ssh://git@example.com:2222/a", "git@example.com:a/b.git": "ssh://git@example.com/a/b.git",
		"https://[::1]:8443/a": "https://[::1]:8443/a",
	} {
		u, err := gitdir.ParseURL(in)
		if err != nil || u.String() != want {
			t.Errorf("%s: %s, %v", in, u, err)
		}
		if again, err := gitdir.ParseURL(u.String()); err != nil || again.String() != want {
			t.Errorf("%s again: %s, %v", in, again, err)
		}
	}
	for _, in := range []string{
		"", "/etc", "../x", ".", "a/b", "file:///etc", "ext::sh -c evil", "ext::sh%20-c%20evil", "git://example.com/a", "ftp://example.com/a", "fd::17", "https:/example.com/a", "https://example.com", "https://example.com/",
		"https://user:pw@example.com/a", "https://token@example.com/a", "https://example.com/a?x=1", "https://example.com/a#b", "https://example.com/../a", "https://example.com/a/../b", "https://example.com/%2e%2e/a",
		"https://-oProxyCommand=evil/a", "ssh://-oProxyCommand=evil/a", "-oProxyCommand=evil@example.com:a", "git@-evil:a", "ssh://git@example.com/-evil", "ssh://git@example.com/a'b", "ssh://git@example.com/a;evil", "ssh://g it@example.com/a",
		"https://example.com:99999/a", "https://example.com/a b", "https://example.com\\@evil/a", "https://exämple.com/a", "https://example.com/a\n", "git@example.com:", "git@example.com:/", "https://example.com//a",
	} {
		if u, err := gitdir.ParseURL(in); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("%q: %+v, %v", in, u, err)
		}
	}
}

func TestBranchNames(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"main", "fix/login", "v1.2", "a-b_c", "feature/JIRA-1", "1"} {
		if err := gitdir.CheckBranch(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "-f", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "/a", "a/", "a//b", "a.lock", ".a", "a/.b", "a.", "@{u}", "a@{1}", "HEAD", "refs/heads/a", "a\x00", strings.Repeat("a", 201)} {
		if err := gitdir.CheckBranch(bad); core.CodeOf(err) != core.Invalid {
			t.Errorf("%q is fine", bad)
		}
	}
}

func FuzzURL(f *testing.F) {
	f.Add("https://example.com/a/b.git")
	f.Add("git@example.com:a/b.git")
	f.Fuzz(func(t *testing.T, in string) {
		u, err := gitdir.ParseURL(in)
		if err != nil {
			return
		}
		if u.Host == "" || strings.HasPrefix(u.Host, "-") || strings.HasPrefix(u.User, "-") || strings.ContainsAny(u.String(), " '\"\n\x00") || strings.Contains(u.Path, "..") && strings.Contains("/"+u.Path+"/", "/../") {
			t.Fatalf("%q became %+v", in, u)
		}
		if again, err := gitdir.ParseURL(u.String()); err != nil || again.String() != u.String() {
			t.Fatalf("%q became %s and then %s, %v", in, u, again, err)
		}
	})
}
