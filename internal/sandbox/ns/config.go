package ns

import "github.com/isekai-run/isekai/internal/sandbox"

// Config says where a Driver keeps its things.
type Config struct {
	// RunDir is this installation's folder for what lives as long as boxes do: locks,
	// markers and the boxes' /etc. It is made if missing. Its path names the
	// installation in cgroups and uids, so it must not change while boxes live.
	RunDir string
	// Outlet connects boxes with Egress to outside. nil: there are none.
	Outlet sandbox.Outlet
}
