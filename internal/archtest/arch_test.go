// Package archtest holds the table of who may import whom, as a test.
package archtest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/isekai-run/isekai/"

// The rooms of the house. A package that is in none of them fails the test.
var (
	ports   = []string{"store", "bus", "blob", "model", "tool", "sandbox", "memory"}
	modules = []string{"agent", "app", "ledger", "skill", "mcp", "identity", "vault", "auditlog", "notify", "certify", "relay", "backup", "deadletter", "egress", "redact", "watch", "conversation", "recall", "repo"}
	// Parts of a port that are no drivers: what a module may use besides it.
	portParts = []string{"model/sse", "sandbox/archive", "sandbox/proxy", "tool/gitdir"}
	// Modules that stand below a port, because that is where a reader looks for them.
	innerModules = []string{"model/gateway"}
)

// layer names the room of a package, given its path below internal/, and the
// port or module that it belongs to.
func layer(path string) (room, owner string) {
	first, rest, below := strings.Cut(path, "/")
	switch {
	case path == "core" || path == "httpapi" || path == "client" || path == "cli" || path == "platform" || path == "archtest":
		return path, path
	case path == "client/mcpserver":
		return "client", "client"
	case path == "cli/markdown": // a part of cli that stands on nothing
		return "clipart", "cli"
	case path == "core/coretest":
		return "suite", "core"
	case slices.Contains(portParts, path):
		return "port", first
	case slices.ContainsFunc(innerModules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") }):
		return "module", "model/gateway"
	case slices.Contains(ports, path):
		return "port", path
	case slices.Contains(modules, first):
		return "module", first
	case slices.Contains(ports, first) && strings.SplitN(rest, "/", 2)[0] == first+"test":
		return "suite", first
	case slices.Contains(ports, first) && below:
		return "driver", first + "/" + strings.SplitN(rest, "/", 2)[0]
	}
	return "", ""
}

// allowed is the table of docs/architecture.md: may a package of one room import the other.
func allowed(from, fromOwner, to, toOwner string) bool {
	switch from {
	case "core":
		return false
	case "port": // and its parts, which stand on it
		return to == "core" || to == "port" && toOwner == fromOwner
	case "suite": // a port's conformance suite, and what it stands on
		return to == "core" || (to == "port" || to == "suite") && toOwner == fromOwner || to == "suite" && toOwner == "core"
	case "driver":
		port, _, _ := strings.Cut(fromOwner, "/")
		switch to {
		case "core":
			return true
		case "port": // its own; a tool stands on other ports, too
			return toOwner == port || port == "tool"
		case "driver":
			return toOwner == fromOwner
		}
		return false
	case "module":
		return to == "core" || to == "port" || to == "module" && toOwner == fromOwner
	case "httpapi":
		return to == "core" || to == "port" || to == "module" || to == "client"
	case "client":
		return to == "core" || to == "client"
	case "cli":
		return to == "core" || to == "client" || to == "clipart"
	case "platform":
		return true
	}
	return false
}

type pkg struct {
	path    string
	imports []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		all = append(all, pkg{path: f[0], imports: f[1:]})
	}
	return all
}

func TestImports(t *testing.T) {
	seen := 0
	for _, p := range packages(t) {
		path, ok := strings.CutPrefix(p.path, module+"internal/")
		if !ok {
			continue // cmd and bench are the outside: they use platform, or what they measure
		}
		seen++
		room, owner := layer(path)
		if room == "" {
			t.Errorf("%s is in no room of the house; see the layer table in docs/architecture.md", path)
			continue
		}
		for _, i := range p.imports {
			to, ours := strings.CutPrefix(i, module+"internal/")
			switch {
			case ours:
				toRoom, toOwner := layer(to)
				if !allowed(room, owner, toRoom, toOwner) {
					t.Errorf("%s (%s) must not import %s (%s)", path, room, to, toRoom)
				}
			case room == "core" && strings.Contains(strings.SplitN(i, "/", 2)[0], "."):
				t.Errorf("core imports the standard library alone, not %s", i)
			}
		}
	}
	if seen < 10 {
		t.Fatalf("only %d packages seen: the test looks at the wrong place", seen)
	}
}

// TestTable keeps the table itself honest.
func TestTable(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"core", "store", false},
		{"core", "core/coretest", false},
		{"store/storetest", "core/coretest", true},
		{"agent", "core/coretest", false},
		{"store", "core", true},
		{"store", "bus", false},
		{"store/sqlite", "store", true},
		{"store/sqlite", "bus", false},
		{"store/sqlite", "bus/inproc", false},
		{"tool/app", "sandbox", true},
		{"tool/apptest", "sandbox", true},
		{"tool/tooltest", "sandbox", false},
		{"tool/app", "tool/files", false},
		{"model/openai", "model/blueprint", false},
		{"model/gateway", "model/gateway/dialect", true},
		{"model/gateway", "model/openai", false},
		{"model/gateway", "ledger", false},
		{"httpapi", "model/gateway", true},
		{"model/blueprint", "model/blueprint/parse", true},
		{"agent", "store", true},
		{"agent", "app", false},
		{"agent", "store/sqlite", false},
		{"app", "sandbox/archive", true},
		{"httpapi", "app", true},
		{"httpapi", "store/sqlite", false},
		{"cli", "platform", false},
		{"cli", "cli/markdown", true},
		{"cli/markdown", "core", false},
		{"client", "httpapi", false},
		{"client/mcpserver", "client", true},
		{"client/mcpserver", "mcp", false},
		{"cli", "client/mcpserver", true},
		{"platform", "store/sqlite", true},
	} {
		from, fromOwner := layer(c.from)
		to, toOwner := layer(c.to)
		if got := allowed(from, fromOwner, to, toOwner); got != c.want {
			t.Errorf("%s importing %s: %t, want %t", c.from, c.to, got, c.want)
		}
	}
	if room, _ := layer("util"); room != "" {
		t.Error("a package outside the house was let in")
	}
}
