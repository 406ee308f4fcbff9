package platform

import (
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// fields are package postgres's names for what the configuration has keys for.
var fields = strings.NewReplacer("MigrateURL", "store.migrate_url", "RelayURL", "store.relay_url", " in URL ", " in store.url ", "give URL ", "give store.url ")

// inKeys puts what package postgres says of its Config into the words of this one: who
// reads it knows the keys alone.
func inKeys(err error) error {
	e, ok := err.(*core.Error) // a joined or wrapped one has no words of the driver's
	if !ok {
		return err
	}
	said := *e
	said.Msg, said.Hint, said.Err = fields.Replace(e.Msg), fields.Replace(e.Hint), inKeys(e.Err)
	return &said
}
