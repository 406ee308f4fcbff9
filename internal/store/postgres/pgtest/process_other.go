//go:build !linux

package pgtest

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/isekai-run/isekai/internal/store/postgres"
)

var errLinux = errors.New("private clusters of PostgreSQL are made on Linux alone")

func memory() string         { return "" }
func own(string) error       { return errLinux }
func unprivileged(*exec.Cmd) {}

func launch(*exec.Cmd) (*os.Process, chan struct{}, error) { return nil, nil, errLinux }

// Kill isn't there on this system.
func (c *Cluster) Kill() { panic(errLinux) }

// Restart isn't there on this system.
func (c *Cluster) Restart() error { return errLinux }

// Stop isn't there on this system.
func (c *Cluster) Stop() {}

// Pooler isn't there on this system.
func (c *Cluster) Pooler(t testing.TB, _ postgres.Config) postgres.Config {
	t.Fatal(errLinux)
	return postgres.Config{}
}
