package catalog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// unknown says that there is no such name, and which are like it.
func (v *View) unknown(name string) error {
	said := "there is no model " + quote(name)
	err := core.E(core.NotFound, "model.resolve", said).Because(dialect.NoModel(said))
	switch near := v.near(name); {
	case len(v.Providers()) == 0:
		return err.WithHint("no model is configured: isekai model add NAME --kind KIND, or ask an admin of the org")
	case len(near) > 0:
		return err.WithHint("did you mean " + strings.Join(near, ", ") + "? isekai model list shows all")
	case v.settings.RoutesOnly:
		return err.WithHint("only the org's routes can be asked for; isekai model routes lists them")
	}
	return err.WithHint("isekai model list shows all that there are")
}

// near returns up to three names that are like one, the nearest first.
func (v *View) near(name string) []string {
	const most, looked = 3, 2000
	type found struct {
		name string
		far  int
	}
	if len(name) > maxModel {
		return nil
	}
	var all []found
	bare := name[strings.LastIndexByte(name, '/')+1:]
	seen := map[string]bool{}
	for full := range v.names() {
		if len(seen) == looked {
			break
		}
		if seen[full] {
			continue
		}
		seen[full] = true
		offered := full[strings.LastIndexByte(full, '/')+1:]
		far := distance(strings.ToLower(bare), strings.ToLower(offered))
		if bare != "" && (far <= max(len(bare), len(offered))/3 || strings.HasPrefix(offered, bare) || strings.HasPrefix(bare, offered)) {
			all = append(all, found{full, far})
		}
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(a.far-b.far, strings.Compare(a.name, b.name)) })
	var names []string
	for _, f := range all[:min(len(all), most)] {
		names = append(names, f.name)
	}
	return names
}

// distance is how many letters it takes to make b of a (Levenshtein's).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
