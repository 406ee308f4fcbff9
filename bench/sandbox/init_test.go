//go:build linux

package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// In a binary that links all that isekai links, the package that makes a box's first
// process is initialised before os, fmt, net/http and every package that isn't in the
// standard library. The Go linker decides that by what packages import (see package
// boot); this test notices when an import or a new Go changes it.
func TestBootComesFirst(t *testing.T) {
	c := exec.Command("/proc/self/exe", "-test.run=^$")
	c.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var order []string
	for _, m := range regexp.MustCompile(`(?m)^init (\S+) @`).FindAllStringSubmatch(string(out), -1) {
		order = append(order, m[1])
	}
	const boot = "github.com/isekai-run/isekai/internal/sandbox/ns/boot"
	at := slices.Index(order, boot)
	if at < 0 || len(order) < 50 {
		t.Fatalf("the trace doesn't show it: %d packages\n%s", len(order), out)
	}
	for _, name := range order[:at] {
		if first, _, _ := strings.Cut(name, "/"); strings.Contains(first, ".") {
			t.Errorf("%s is initialised before it", name)
		}
	}
	for _, name := range []string{"os", "net/http", "unicode", "reflect", "modernc.org/sqlite", "github.com/openai/openai-go/v3"} {
		if i := slices.Index(order, name); i >= 0 && i < at {
			t.Errorf("%s is initialised before it", name)
		}
	}
	t.Logf("initialised before it: %s", strings.Join(order[:at], " "))
}
