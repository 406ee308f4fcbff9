package app

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
)

func TestName(t *testing.T) {
	t.Parallel()
	const id core.AppID = "app_01hx0000000000abcdefghjkmn"
	for title, want := range map[string]string{
		"Reading list":            "reading-list-cdefghjkmn",
		"  Läslista & böcker! ":   "laslista-bocker-cdefghjkmn",
		"読書":                      "my-app-cdefghjkmn",
		"":                        "my-app-cdefghjkmn",
		"Console":                 "my-app-cdefghjkmn",
		"xn--evil":                "xn-evil-cdefghjkmn",
		strings.Repeat("abc", 40): strings.Repeat("abc", 9) + "ab-cdefghjkmn",
	} {
		if got := Name(title, id); got != want {
			t.Errorf("Name(%q) = %q; want %q", title, got, want)
		}
	}
}

func TestNameIsALabel(t *testing.T) {
	t.Parallel()
	label := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)
	rapid.Check(t, func(rt *rapid.T) {
		name := Name(rapid.String().Draw(rt, "title"), core.AppID(core.NewID("app")))
		if !label.MatchString(name) || len(name) > maxName || strings.HasPrefix(name, "xn--") {
			rt.Fatalf("%q isn't a label", name)
		}
	})
}
