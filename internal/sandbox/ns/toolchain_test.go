package ns

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// interpreter writes a script that answers as an interpreter at prefix would.
func interpreter(t *testing.T, dir, name, answer string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+answer+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestToolchainBehindAShim(t *testing.T) {
	root := t.TempDir()
	prefix, shims := filepath.Join(root, "versions/3.11"), filepath.Join(root, "shims")
	interpreter(t, filepath.Join(prefix, "bin"), "python3", "exit 1")
	if err := os.MkdirAll(filepath.Join(prefix, "lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	interpreter(t, shims, "python3", "echo "+prefix+"/bin/python3; echo 3.11.7; echo "+prefix)
	t.Setenv("PATH", shims+":/usr/bin:/bin")
	got := findToolchain(t.Context(), "python3", pythonQuery)
	want := Toolchain{Name: "python3", Path: prefix + "/bin/python3", Version: "3.11.7", Prefix: prefix}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if folders := got.folders(); !slices.Equal(folders, []string{prefix + "/bin", prefix + "/lib"}) {
		t.Errorf("boxes see %v", folders)
	}
}

func TestToolchainBehindABrokenShim(t *testing.T) {
	for name, answer := range map[string]string{
		"fails":           "echo no version is set >&2; exit 127",
		"says nothing":    "exit 0",
		"says too little": "echo /usr/bin/tool",
		"relative":        "echo tool; echo 1; echo .",
		"elsewhere":       "echo /opt/a/tool; echo 1; echo /opt/b",
	} {
		t.Run(name, func(t *testing.T) {
			shims := t.TempDir()
			interpreter(t, shims, "no-such-tool", answer)
			t.Setenv("PATH", shims+":/usr/bin:/bin")
			if got := findToolchain(t.Context(), "no-such-tool", pythonQuery); got.Found() {
				t.Errorf("found %+v", got)
			}
		})
	}
}

// Boxes see bin and lib of a prefix, not what else is there, and nothing extra for what
// is below /usr.
func TestToolchainFolders(t *testing.T) {
	t.Parallel()
	for _, tool := range []Toolchain{
		{Name: "python3", Path: "/usr/bin/python3", Prefix: "/usr"},
		{Name: "node", Path: "/usr/local/bin/node", Prefix: "/usr/local"},
		{Name: "python3", Path: "/bin/python3", Prefix: "/"},
		{Name: "python3"},
	} {
		if folders := tool.folders(); folders != nil {
			t.Errorf("%+v: boxes see %v", tool, folders)
		}
	}
}
