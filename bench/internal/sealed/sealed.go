// Package sealed gives the benchmarks what they measure encrypted as the product has it.
package sealed

import (
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/vault"
)

// New returns a vault of a new master key, which it writes to a file.
func New(keysets store.Keysets, file string) (*vault.Vault, error) {
	if err := vault.GenerateMaster(file); err != nil {
		return nil, err
	}
	master, err := vault.OpenMaster(file)
	if err != nil {
		return nil, err
	}
	return vault.New(vault.Config{Keysets: keysets, Master: master}), nil
}
