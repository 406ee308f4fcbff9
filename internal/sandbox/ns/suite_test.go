//go:build linux

package ns

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns/boot"
	"github.com/isekai-run/isekai/internal/sandbox/sandboxtest"
)

func open(t *testing.T) sandbox.Driver { return settler{newDriver(t, t.TempDir())} }

func openOut(t *testing.T, outlet sandbox.Outlet) sandbox.Driver {
	return settler{configured(t, Config{RunDir: t.TempDir(), Outlet: outlet})}
}

type settler struct{ *Driver }

// Settle implements sandboxtest.Settler: a driver at rest keeps a seed.
func (s settler) Settle(t *testing.T) {
	s.Prepare()
	s.work.Wait()
	kept := s.kept.Load()
	if kept == nil {
		t.Fatal("nothing is kept")
	}
	for t.Context().Err() == nil { // until it has become what it is
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", kept.init.Pid))
		if err != nil || string(line) == boot.Argv0+"\x00" {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestConformance(t *testing.T) { sandboxtest.Run(t, open) }
func TestHostile(t *testing.T)     { sandboxtest.Hostile(t, open) }
func TestEgress(t *testing.T)      { sandboxtest.Egress(t, openOut) }
