package sandboxtest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

func readBackTests() tests {
	return tests{
		"links, FIFOs and sockets on read-back": plantedFiles,
		"read-back with a racing swap":          racingSwap,
	}
}

const hostSecret = "the host's own secret"

// plantedFiles has what a workload can leave where the host reads. The control
// is a host that opens by path.
func plantedFiles(t *testing.T, g rig) {
	box, dir := g.workspace(t, sandbox.Limits{})
	secret := filepath.Join(folder(t), "secret")
	put(t, secret, hostSecret)
	ok(t, run(t, box, program("plant", "/data", secret)))
	for _, name := range []string{"link", "folderlink" + secret} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != hostSecret {
			t.Errorf("the control outside: %s: %q, %v", name, b, err)
		}
	}
	if _, err := os.OpenFile(dir+"/fifo", os.O_WRONLY|unix.O_NONBLOCK, 0); !errors.Is(err, unix.ENXIO) {
		t.Errorf("the control outside: nobody reads the FIFO, so a reader would wait: %v", err)
	}
	for _, name := range []string{"link", "folderlink" + secret, "proclink", "uplink", "loop", "fifo", "socket"} {
		text, err := copied(t, box, "/data/"+name)
		wantCode(t, name, err, core.Invalid, core.NotFound)
		if text != "" {
			t.Errorf("%s: read %q", name, text)
		}
	}
}

// racingSwap reads while the workload exchanges a file for a link, and a folder
// for a link, as fast as it can. The host may get the file, or an error.
func racingSwap(t *testing.T, g rig) {
	box, dir := g.workspace(t, sandbox.Limits{Wall: -1, CPU: 2})
	secrets := folder(t)
	secret := filepath.Join(secrets, "file")
	put(t, secret, hostSecret)
	announced(t, box, program("swap", "/data", secret, secrets))
	for _, name := range []string{"file", "folder/file"} {
		eventually(t, "a host that opens "+name+" by its path gets the secret", func() bool {
			b, err := os.ReadFile(filepath.Join(dir, name))
			return err == nil && string(b) == hostSecret
		})
	}
	eventually(t, "a host that asks what maybe is, is told FIFO and file in turn", func() bool {
		before, err := os.Lstat(dir + "/maybe")
		after, err2 := os.Lstat(dir + "/maybe")
		return err == nil && err2 == nil && before.Mode().IsRegular() != after.Mode().IsRegular()
	})
	for _, name := range []string{"file", "folder/file", "maybe"} {
		read := 0
		for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
			text, err := copied(t, box, "/data/"+name)
			switch {
			case strings.Contains(text, hostSecret):
				t.Fatalf("%s: the host got the secret", name)
			case err == nil && text == "innocent":
				read++
			default:
				wantCode(t, name, err, core.Invalid, core.NotFound)
			}
		}
		if read == 0 {
			t.Errorf("%s: never read", name)
		}
	}
}
