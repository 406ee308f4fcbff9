package catalog

import (
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// Report says what became of trying a provider: its list of models, and a tiny call of each
// operation that it is said to speak.
type Report struct {
	Models []string // that it lists, or that were said; sorted, and not more than MaxModels
	Checks []Trial  // of dialect.OpModels first, if it lists
}

// Trial is one call to a provider.
type Trial struct {
	Op    dialect.Operation
	Model string // that was asked
	Took  time.Duration
	// Skipped says why it wasn't tried; "": it was.
	Skipped string
	// Code is "" if it works. Msg and Hint are for whoever may change the provider.
	Code      core.Code
	Msg, Hint string
}

// Works reports whether everything that was tried does, and something was.
func (r Report) Works() bool {
	tried := false
	for _, t := range r.Checks {
		if t.Code != "" {
			return false
		}
		tried = tried || t.Skipped == ""
	}
	return tried
}
