//go:build linux

package ns

import (
	"testing"

	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/sandboxtest"
)

func open(t *testing.T) sandbox.Driver { return newDriver(t, t.TempDir()) }

func TestConformance(t *testing.T) { sandboxtest.Run(t, open) }
func TestHostile(t *testing.T)     { sandboxtest.Hostile(t, open) }
