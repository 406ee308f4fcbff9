package cli

import (
	"slices"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
)

// TestTheListSaysWhatHasToBeDone: a value that is due, and a connection that is broken.
func TestTheListSaysWhatHasToBeDone(t *testing.T) {
	t.Parallel()
	past, future := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), time.Now().Add(48*time.Hour)
	link := func(broken bool, hint string) *client.Connection {
		return &client.Connection{Provider: "github", Broken: broken, Hint: hint}
	}
	for name, c := range map[string]struct {
		secret client.Secret
		want   []string
	}{
		"overdue": {client.Secret{Name: "a", Kind: "token", Version: 3, Due: &past, Note: "n"}, []string{"a", "token", "all", "3", "never", day(past) + ", overdue", "n"}},
		"not yet": {client.Secret{Name: "a", Kind: "token", Version: 3, Due: &future}, []string{"a", "token", "all", "3", "never", day(future), ""}},
		"linked":  {client.Secret{Name: "a", Kind: "oauth", Project: "prj_x", Connection: link(false, ""), Note: "n"}, []string{"a", "oauth", "prj_x", "github", "never", "", "n"}},
		"broken": {client.Secret{Name: "a", Kind: "oauth", Connection: link(true, "its user has ended it: connect again"), Note: "n"},
			[]string{"a", "oauth", "all", "github, broken", "never", "", "its user has ended it: connect again"}},
	} {
		if got := secretRow(c.secret); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
