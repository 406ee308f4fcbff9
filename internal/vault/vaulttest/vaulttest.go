// Package vaulttest seals stores for the tests of those that keep secrets in them. It is no
// part of the product, and knows no driver: a test opens its own.
package vaulttest

import (
	"path/filepath"
	"testing"

	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/vault"
)

// Seal makes a master key for a store, and returns what opens it as one more process does:
// each call with a vault of its own, which has read nothing yet.
func Seal(t testing.TB, driver store.Store) (open func() store.Store) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "master.json")
	if err := vault.GenerateMaster(path); err != nil {
		t.Fatal(err)
	}
	master, err := vault.OpenMaster(path)
	if err != nil {
		t.Fatal(err)
	}
	return func() store.Store {
		return vault.New(vault.Config{Keysets: driver, Master: master}).Store(driver)
	}
}
