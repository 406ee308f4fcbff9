package robots_test

import (
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/tool/web/robots"
)

// TestRules are the cases of RFC 9309 and of what is found in the wild.
func TestRules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file    string
		yes, no []string
	}{
		"an empty file":               {"", []string{"/", "/a?b"}, nil},
		"an empty disallow":           {"user-agent: *\ndisallow:", []string{"/"}, nil},
		"all is closed":               {"User-Agent: *\nDisallow: /", []string{"/robots.txt"}, []string{"/", "/a"}},
		"the crawler's own group":     {"user-agent: *\ndisallow: /\n\nuser-agent: isekai\ndisallow: /x", []string{"/", "/y"}, []string{"/x", "/x/y", "/xy"}},
		"whatever its case":           {"USER-AGENT: ISEKAI\nDISALLOW: /x", []string{"/y"}, []string{"/x"}},
		"with a version":              {"user-agent: isekai/1.0\ndisallow: /x", nil, []string{"/x"}},
		"another's is not its own":    {"user-agent: isekaibot\ndisallow: /\nuser-agent: ise\ndisallow: /", []string{"/"}, nil},
		"groups of a name are one":    {"user-agent: isekai\ndisallow: /a\nuser-agent: b\ndisallow: /\nuser-agent: isekai\ndisallow: /c", []string{"/b"}, []string{"/a", "/c"}},
		"several names of a group":    {"user-agent: b\nuser-agent: isekai\ndisallow: /a", []string{"/b"}, []string{"/a"}},
		"rules before any name":       {"disallow: /\nuser-agent: b\ndisallow: /", []string{"/"}, nil},
		"other lines part no group":   {"user-agent: b\nsitemap: https://x/\nuser-agent: isekai\ndisallow: /a", nil, []string{"/a"}},
		"the longest decides":         {"user-agent: *\nallow: /example/page/\ndisallow: /example/\ndisallow: /example/page/disallowed.gif", []string{"/example/page/", "/example/page/a", "/"}, []string{"/example/", "/example/x", "/example/page/disallowed.gif"}},
		"of two, the one that allows": {"user-agent: *\ndisallow: /a\nallow: /a", []string{"/a"}, nil},
		"a star":                      {"user-agent: *\ndisallow: /a*b*c", []string{"/ab", "/acb", "/c"}, []string{"/abc", "/axxbxxcxx"}},
		"an end":                      {"user-agent: *\ndisallow: *.gif$\ndisallow: /only$", []string{"/a.gif?x", "/only/", "/gif"}, []string{"/a.gif", "/x/y.gif", "/only"}},
		"a star before the end":       {"user-agent: *\ndisallow: /a*a$", []string{"/a", "/ab"}, []string{"/aa", "/aba"}},
		"a query":                     {"user-agent: *\ndisallow: /*?id=", []string{"/a?x=1", "/"}, []string{"/a?id=1"}},
		"comments":                    {"user-agent: * # all\ndisallow: /a # b\n# disallow: /c", []string{"/c"}, []string{"/a"}},
		"line ends":                   {"user-agent: *\rdisallow: /a\r\ndisallow: /b", []string{"/c"}, []string{"/a", "/b"}},
		"a mark at the beginning":     {"\ufeffuser-agent: *\ndisallow: /a", nil, []string{"/a"}},
		"octets":                      {"user-agent: *\ndisallow: /ツ\ndisallow: /a%3cd\ndisallow: /%7ejoe", []string{"/a<d"}, []string{"/%E3%83%84", "/ツ", "/a%3Cd", "/~joe", "/%7Ejoe"}},
		"encoded slashes differ":      {"user-agent: *\ndisallow: /a%2fb", []string{"/a/b"}, []string{"/a%2Fb"}},
		"what isn't a line":           {"user-agent *\nuser-agent: *\ndisallow /\n\x00\xff\nfoo: bar\ndisallow: /a", []string{"/b"}, []string{"/a"}},
		"a page instead":              {"<!doctype html><html><body>user-agent: *<br>disallow: /</body></html>", []string{"/"}, nil},
		"a path without its slash":    {"user-agent: *\ndisallow: a", []string{"/a"}, nil},
	} {
		r := robots.Parse([]byte(c.file), "isekai")
		for _, path := range c.yes {
			if !r.Allowed(path) {
				t.Errorf("%s: %s isn't allowed", name, path)
			}
		}
		for _, path := range c.no {
			if r.Allowed(path) {
				t.Errorf("%s: %s is allowed", name, path)
			}
		}
	}
	if robots.Closed().Allowed("/") || !robots.Closed().Allowed("/robots.txt") || !(robots.Rules{}).Allowed("/") {
		t.Error("closed or none")
	}
}

// TestHostileFiles take no longer than others.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	path := "/" + strings.Repeat("ab", 1000)
	for name, file := range map[string]string{
		"stars":        "user-agent: *\n" + strings.Repeat("disallow: /"+strings.Repeat("*a", 1500)+"c\n", 160),
		"some stars":   "user-agent: *\n" + strings.Repeat("disallow: /*a*b*a*b*a*b*a*b*a*b*a*b*c\n", 12_000),
		"many rules":   "user-agent: *\n" + strings.Repeat("disallow: /*c\n", 30_000),
		"one line":     "user-agent: *\ndisallow: /" + strings.Repeat("x", 2<<20),
		"no lines":     strings.Repeat("\x00", 2<<20),
		"empty lines":  strings.Repeat("\r", 2<<20),
		"many names":   strings.Repeat("user-agent: isekai\n", 12_000) + strings.Repeat("disallow: /x\n", 20_000),
		"percent":      "user-agent: *\ndisallow: " + strings.Repeat("%", 4000),
		"beyond there": "user-agent: *\n" + strings.Repeat("#\n", robots.MaxBytes/2) + "disallow: /\n",
	} {
		start := time.Now()
		r := robots.Parse([]byte(file), "isekai")
		allowed := r.Allowed(path)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		if r.Size() > 16<<20 {
			t.Errorf("%s takes %d bytes", name, r.Size())
		}
		if allowed == (name == "stars") {
			t.Errorf("%s: allowed is %t", name, allowed)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("user-agent: *\ndisallow: /a*b$", "/axb")
	f.Add("user-agent: isekai\nallow: /%7e\ndisallow: /", "/~")
	f.Fuzz(func(t *testing.T, file, path string) {
		r := robots.Parse([]byte(file), "isekai")
		if again := robots.Parse([]byte(file), "ISEKAI"); r.Allowed(path) != again.Allowed(path) || !r.Allowed("/robots.txt") {
			t.Fatalf("%q %q", file, path)
		}
	})
}
