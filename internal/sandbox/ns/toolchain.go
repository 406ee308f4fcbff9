package ns

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Toolchain is an interpreter or a compiler that boxes see.
type Toolchain struct {
	Name    string // "python3"
	Path    string // the real executable, on the host and in boxes; "" if there is none
	Version string
	Prefix  string // the folder whose bin and lib hold it
}

// Found reports whether boxes have it.
func (t Toolchain) Found() bool { return t.Path != "" }

var (
	pythonQuery = []string{"-I", "-c", "import sys,platform;print(sys.executable);print(platform.python_version());print(sys.base_prefix)"}
	nodeQuery   = []string{"-p", "process.execPath+'\\n'+process.versions.node+'\\n'+require('path').dirname(require('path').dirname(process.execPath))"}
	goQuery     = []string{"env", "GOROOT", "GOVERSION", "GOROOT"}
)

// Toolchains looks for Python, Node and Go on the host, by asking what is in PATH and,
// if that is broken (a version manager's shim without a version), in /usr/bin.
func Toolchains(ctx context.Context) []Toolchain {
	return []Toolchain{
		findToolchain(ctx, "python3", pythonQuery),
		findToolchain(ctx, "node", nodeQuery),
		findToolchain(ctx, "go", goQuery),
	}
}

func findToolchain(ctx context.Context, name string, query []string) Toolchain {
	for _, candidate := range []string{name, "/usr/bin/" + name, "/usr/local/bin/" + name, "/usr/local/" + name + "/bin/" + name} {
		if t, ok := askToolchain(ctx, candidate, name, query); ok {
			return t
		}
	}
	return Toolchain{Name: name}
}

// askToolchain runs an interpreter once to learn where it really is: what PATH has
// may be a shim, which would not work in a box.
func askToolchain(ctx context.Context, program, name string, query []string) (Toolchain, bool) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, query...)
	cmd.Dir = "/"
	out, err := cmd.Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != 3 {
		return Toolchain{}, false
	}
	t := Toolchain{Name: name, Version: lines[1], Prefix: filepath.Clean(lines[2])}
	t.Path = filepath.Join(t.Prefix, "bin", name)
	if _, err := os.Stat(t.Path); err != nil {
		t.Path = lines[0]
	}
	return t, filepath.IsAbs(t.Path) && filepath.Dir(t.Path) == filepath.Join(t.Prefix, "bin")
}

// system reports whether every box has the toolchain anyway.
func (t Toolchain) system() bool { return t.Prefix == "/usr" || strings.HasPrefix(t.Prefix, "/usr/") }

// folders returns what of the toolchain's prefix boxes see. Not the whole of it: the
// prefix may be a folder like ~/.local that holds much else.
func (t Toolchain) folders() (l []string) {
	if !t.Found() || t.system() || t.Prefix == "/" {
		return nil
	}
	inside := []string{"bin", "lib", "lib64"}
	if t.Name == "go" { // GOROOT is Go's alone
		inside = []string{"."}
	}
	for _, sub := range inside {
		dir := filepath.Join(t.Prefix, sub)
		if info, err := os.Lstat(dir); err == nil && info.IsDir() {
			l = append(l, dir)
		}
	}
	return l
}
