package httpapi

import (
	"reflect"

	"github.com/isekai-run/isekai/internal/core"
)

// prefixes are those of the ids that parameters name, by the parameter. An app's may be its
// name instead, and a dead letter's stream is of any kind.
var prefixes = map[string]string{
	"task": "tsk", "user": "usr", "org": "org", "project": "prj", "key": "key", "session": "ses", "invitation": "inv", "canary": "can", "watch": "wch", "webhook": "whk",
	"message": "msg", "notification": "msg",
}

// idField is a parameter of an input that is an id.
type idField struct {
	at   []int // in the struct
	name string
}

// idFields returns those of an input, in paths and queries.
func idFields[In any]() (all []idField) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[In]()) {
		for _, place := range []string{"path", "query"} {
			name := f.Tag.Get(place)
			if _, ok := prefixes[name]; ok && f.Type.Kind() == reflect.String {
				all = append(all, idField{f.Index, name})
			}
		}
	}
	return all
}

// checkIDs returns not_found for an id that is none of its kind: no store is asked for what
// can't be there, and nobody learns whether another thing has that id.
func checkIDs(in any, fields []idField) error {
	v := reflect.ValueOf(in).Elem()
	for _, f := range fields {
		if id := v.FieldByIndex(f.at).String(); id != "" {
			if err := checkID(f.name, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkID is checkIDs of the id of one thing, by the name of its parameter.
func checkID(name, id string) error {
	prefix := prefixes[name]
	if core.ValidID(prefix, id) {
		return nil
	}
	return core.E(core.NotFound, "request", "no such "+name).WithHint("name it by its id, which begins with " + prefix + "_ and is in the list of them")
}
