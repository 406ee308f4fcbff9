//go:build linux

package ns

import (
	"testing"

	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/sandboxtest"
)

func open(t *testing.T) sandbox.Driver {
	d := newDriver(t, t.TempDir())
	d.Prepare()
	d.work.Wait()
	if d.kept.Load() == nil {
		t.Fatal("nothing is kept")
	}
	return d
}

func TestConformance(t *testing.T) { sandboxtest.Run(t, open) }
func TestHostile(t *testing.T)     { sandboxtest.Hostile(t, open) }
