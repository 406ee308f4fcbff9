package sandboxtest

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/sandbox"
)

// terminal types into the terminal of whoever started it. The control outside is
// given one of its own.
func terminal(t *testing.T, g rig) {
	master, slave := openPty(t)
	defer master.Close()
	defer slave.Close()
	c, cancel := g.outside(false, "tiocsti")
	defer cancel()
	c.Stdin = slave
	c.SysProcAttr = controllingTerminal()
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	wantTypedOrForbidden(t, outcome{out: string(out)})
	wantRefused(t, attackIn(t, g.box(t, sandbox.Spec{}), "tiocsti"))
}

// wantTypedOrForbidden checks the control: kernels since 6.2 can forbid it to
// everybody, and then say so.
func wantTypedOrForbidden(t *testing.T, o outcome) {
	t.Helper()
	setting, err := os.ReadFile("/proc/sys/dev/tty/legacy_tiocsti")
	if err == nil && string(setting) == "0\n" {
		t.Logf("this kernel forbids it to everybody")
		return
	}
	wantDone(t, o.findings(t))
}

func openPty(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.IoctlRetInt(int(master.Fd()), unix.TIOCGPTPEER)
	if err != nil {
		t.Fatal(err)
	}
	return master, os.NewFile(uintptr(fd), fmt.Sprint("pty ", fd))
}
