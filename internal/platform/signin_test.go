package platform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

// TestBreachedPasswords are found in clear and by digest, and no others.
func TestBreachedPasswords(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "list")
	// The digests are of "password1" and "letmein", the second as lists with counts have it.
	list := "correct horse\r\n\ne38ad214943daad1d64c102faec29de4afe9da3d\nB7A875FC1EA228B9061041B7CEC4BD3C52AB3CE3:25\nwith:colon\n"
	if err := os.WriteFile(path, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	known, err := SignIn{BreachedFile: path}.breached()
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{
		"correct horse": true, "password1": true, "letmein": true, "with:colon": true,
		"": false, "correct": false, "Correct horse": false, "with": false, "e38ad214943daad1d64c102faec29de4afe9da3d": false,
	} {
		if got := known(password); got != want {
			t.Errorf("%q: %v", password, got)
		}
	}
	if known, err := (SignIn{}).breached(); known != nil || err != nil {
		t.Errorf("without a list: %v", err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{path, path + ".none", t.TempDir()} {
		if _, err := (SignIn{BreachedFile: bad}).breached(); core.CodeOf(err) != core.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
